"""Checks of constructor arguments, inputs and states; each error says what is wrong and what is allowed.

They refuse what `torch.nn` refuses, with the same exceptions: `TypeError`, `ValueError`, and `RuntimeError` for shapes.
"""

import warnings
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

Hidden = Tensor | tuple[Tensor, Tensor]
"""A state as `torch.nn` passes it: h, or (h, c) for the LSTM."""


def check_arguments(sizes: Mapping[str, int], switches: Mapping[str, bool], dropout: float) -> None:
    """Raises for impossible sizes, and for switches that are not bool."""
    for name, size in sizes.items():
        if not isinstance(size, int):
            raise TypeError(f"{name} is {size!r}, of type {type(size).__name__}; it must be an int")
        if size < 1 and name != "proj_size":
            raise ValueError(f"{name} is {size}; it must be at least 1")
    if not 0 <= sizes["proj_size"] < sizes["hidden_size"]:
        raise ValueError(
            f"proj_size is {sizes['proj_size']}; it must be smaller than hidden_size, {sizes['hidden_size']} (0: none)"
        )
    for name, switch in switches.items():
        if not isinstance(switch, bool):
            raise TypeError(f"{name} is {switch!r}, of type {type(switch).__name__}; it must be a bool")
    if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout <= 1:
        raise ValueError(f"dropout is {dropout!r}; it must be a number from 0 to 1, the chance that a value is dropped")
    if dropout and sizes["num_layers"] == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
            f"num_layers greater than 1, but got dropout={dropout} and num_layers=1",
            stacklevel=4,
        )


def check_input(x: Tensor, dims: Sequence[int], input_size: int, dtype: torch.dtype) -> None:
    """Raises for an input with the wrong number of axes or features, or with another dtype than the weights."""
    if x.dim() not in dims:
        allowed = " or ".join(f"{n}-D" for n in dims)
        raise ValueError(f"input is {x.dim()}-D, of shape {tuple(x.shape)}; it must be {allowed}")
    if x.shape[-1] != input_size:
        raise RuntimeError(f"input has {x.shape[-1]} features, shape {tuple(x.shape)}; input_size is {input_size}")
    if x.dtype != dtype and not torch.is_autocast_enabled(x.device.type):
        raise ValueError(f"input is {x.dtype} and the weights are {dtype}; convert one: input.to({dtype})")


def check_hidden(hx: Hidden, shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype) -> tuple[Tensor, ...]:
    """The given states as a tuple; raises if one is missing or has the wrong shape or dtype."""
    given = (hx,) if isinstance(hx, Tensor) else tuple(hx)
    if len(given) != len(shapes):
        raise ValueError(f"hx has {len(given)} tensors; it must have {len(shapes)}: {' and '.join(shapes)}")
    for (name, shape), state in zip(shapes.items(), given, strict=True):
        if state.shape != shape:
            raise RuntimeError(f"{name} has shape {tuple(state.shape)}; for this input it must be {shape}")
        if state.dtype != dtype and not torch.is_autocast_enabled(state.device.type):
            raise ValueError(f"{name} is {state.dtype} and the input is {dtype}; convert it: {name}.to({dtype})")
    return given
