"""Tensors that hold the weights of several layers or directions along their first axes: each index is a part."""

from collections.abc import Mapping
from itertools import product

import torch
from torch import Tensor

from rnncheck.mapping.layouts import layouts
from rnncheck.model.spec import Spec

Axes = Mapping[str, int]  # by the name of a tensor: how many of its first axes are those of layers and directions


def axes_of_parts(tensors: Mapping[str, Tensor], spec: Spec) -> Axes:
    """Which tensors have such axes, at sizes that tell the axes apart.

    A bias (L, G*H) may be several biases of one layer as well: it has parts where a matrix has as many.
    """
    places = spec.num_layers * spec.directions
    counts = {places, places - spec.directions, spec.num_layers, spec.num_layers - 1, spec.directions} - {0, 1}
    if places == 1:
        return {}
    found: dict[str, int] = {}
    for name, value in sorted(tensors.items(), key=lambda each: -each[1].numel()):  # matrices first
        for axes in (1, 2):
            leading, rest = value.shape[:axes], value.shape[axes:]
            if not rest or leading.numel() not in counts or min(leading) < 2 or not is_held(rest, spec):
                continue
            as_matrix = any(tensors[other].shape[:number] == leading for other, number in found.items())
            is_bias = sum(axis != 1 for axis in rest) == 1
            if as_matrix if is_bias else not is_held(value.shape, spec):
                found[name] = axes
                break
    return found


def is_held(shape: torch.Size, spec: Spec) -> bool:
    """Whether a tensor of this shape can hold weights of one layer."""
    return any(True for layer in range(spec.num_layers) for _ in layouts(shape, spec, layer))


def in_parts(tensors: Mapping[str, Tensor], axes: Axes) -> dict[str, Tensor]:
    """The tensors, with every part in the place of the whole: a view, which is written into as itself."""
    found: dict[str, Tensor] = {}
    with torch.inference_mode(False), torch.enable_grad():
        for name, value in tensors.items():
            indices = product(*map(range, value.shape[: axes.get(name, 0)]))
            found |= {
                name + "".join(f"[{each}]" for each in index): value[index] if index else value for index in indices
            }
    return found


def whole(name: str, axes: Axes) -> str:
    """The tensor that has this part; the name itself, if it is none."""
    return next((each for each in axes if name.startswith(f"{each}[")), name)
