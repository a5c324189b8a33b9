"""h and c of an LSTM in one tensor: stacked along a new first axis, or side by side along the last one."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

OneTensor = Literal["stacked", "side by side"]


def joined(values: Sequence[Tensor], how: OneTensor) -> Tensor:
    return torch.stack(list(values)) if how == "stacked" else torch.cat(list(values), -1)


def shape_of(one: Tensor, how: OneTensor) -> tuple[int, ...]:
    """The shape of h and c in one tensor, for an h like this one."""
    return (2, *one.shape) if how == "stacked" else (*one.shape[:-1], 2 * one.shape[-1])


def apart(result: object, how: OneTensor, shape: Sequence[int]) -> object:
    """The result with (h, c) in the place of its last array of this shape; the same result if there is none."""
    if isinstance(result, Tensor | np.ndarray):
        if tuple(result.shape) != tuple(shape):
            return result
        if how == "stacked":
            return (result[0], result[1])
        half = shape[-1] // 2
        return (result[..., :half], result[..., half:])
    if not isinstance(result, Mapping | list | tuple):
        return result
    members = dict(result) if isinstance(result, Mapping) else dict(enumerate(result))
    for key in reversed(members):
        other = apart(members[key], how, shape)
        if other is not members[key]:
            members[key] = other
            return members if isinstance(result, Mapping) else tuple(members.values())
    return result
