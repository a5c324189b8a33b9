"""Puts canonical weights into a stranger's object, tensor by tensor, as its style says."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from styles.expression import evaluate
from styles.style import Style
from torch import Tensor, nn

LEFT_ALONE = ("free", "unused")


def fill(filled: Any, style: Style, weights: Mapping[str, Tensor]) -> Any:
    """The object itself, in the style's precision, every tensor of its mapping filled."""
    if isinstance(filled, nn.Module):
        filled.to(getattr(torch, style.dtype))
    for path, expression in style.mapping.items():
        if expression not in LEFT_ALONE:
            put(filled, path, evaluate(expression, weights, style.cell, style.hidden_size), style.dtype)
    return filled


def put(filled: Any, path: str, value: Tensor, dtype: str) -> None:
    """Stores `value` at a path such as `cells.0.W` or `params.Wx`. Another shape raises `AssertionError`."""
    *owners, last = path.split(".")
    owner = filled
    for key in owners:
        owner = look(owner, key)
    held = look(owner, last)
    assert held is None or tuple(held.shape) == tuple(value.shape), f"{path}: {held.shape}, {value.shape}"
    if isinstance(held, nn.Parameter):
        held.data.copy_(value)
    elif isinstance(held, Tensor):
        keep(owner, last, value.to(getattr(torch, dtype), copy=True).requires_grad_(held.requires_grad))
    else:
        keep(owner, last, value.numpy().astype(np.dtype(dtype)))


def look(owner: Any, key: str) -> Any:
    if isinstance(owner, (dict, nn.ParameterDict, nn.ModuleDict)):
        return owner[key]
    if isinstance(owner, (list, nn.ModuleList, nn.ParameterList, nn.Sequential)):
        return owner[int(key)]
    return getattr(owner, key)


def keep(owner: Any, key: str, value: Any) -> None:
    if isinstance(owner, dict):
        owner[key] = value
    elif isinstance(owner, list):
        owner[int(key)] = value
    else:
        setattr(owner, key, value)
