"""Weights in and out of files: safetensors both ways, and the state_dicts of `torch.save` to read."""

import os
from collections.abc import Mapping

import torch
from torch import Tensor

from rnncheck.errors import WeightsError
from rnncheck.files import write_atomically
from rnncheck.model.spec import Spec
from rnncheck.model.tensor_file import read_tensors
from rnncheck.model.weights import Weights, listed, misfit
from rnncheck.text import printable

_FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)  # float64 holds every one of them exactly


def load(path: str | os.PathLike[str], spec: Spec, *, allow_nonfinite: bool = False) -> Weights:
    """The weights in the file, widened to float64, in the spec's order.

    Raises `WeightsError` when the file cannot be read as tensors, when they are not exactly the spec's parameters,
    or when a value is NaN or infinite and `allow_nonfinite` is not set.
    """
    return fitted(printable(os.fspath(path), 200), read_tensors(path), spec, allow_nonfinite=allow_nonfinite)


def fitted(name: str, tensors: Mapping[str, Tensor], spec: Spec, *, allow_nonfinite: bool = False) -> Weights:
    """The weights among `tensors`, which errors call `name`; otherwise as `load`."""
    problem = misfit({key: tuple(tensor.shape) for key, tensor in tensors.items()}, spec)
    if problem is not None:
        raise WeightsError(f"{name} does not fit the {spec.cell} asked for: {problem}")
    weights = Weights({key: _master(tensors[key], f"{name}: {key}") for key in spec.parameter_shapes()})
    if not allow_nonfinite and (bad := weights.nonfinite()):
        first = listed([_first_nonfinite(key, weights.values[key]) for key in bad])
        raise WeightsError(f"{name} holds values that are no numbers: {first}\n--allow-nonfinite accepts them")
    return weights


def save(path: str | os.PathLike[str], weights: Weights) -> None:
    """Writes the float64 master copy as safetensors, whole or not at all. Raises `OutputError` if it cannot."""
    from safetensors.torch import save as to_bytes

    tensors = {key: value.clone(memory_format=torch.contiguous_format) for key, value in weights.values.items()}
    write_atomically(path, to_bytes(tensors, metadata={"format": "pt"}))


def _master(tensor: Tensor, what: str) -> Tensor:
    """A float64 copy with memory of its own. Raises `WeightsError` for anything but plain real numbers."""
    if tensor.dtype not in _FLOATS:
        kind = str(tensor.dtype).removeprefix("torch.")
        raise WeightsError(f"{what} is {kind}; weights are float64, float32, bfloat16 or float16")
    if tensor.layout is not torch.strided:
        raise WeightsError(f"{what} is sparse; save it after to_dense()")
    if tensor.is_meta:
        raise WeightsError(f"{what} has a shape but no values (a meta tensor); save the layer after it is filled")
    return tensor.detach().to(torch.float64, copy=True, memory_format=torch.contiguous_format)


def _first_nonfinite(key: str, values: Tensor) -> str:
    """Where the first value that is NaN or infinite stands, as `weight_hh_l0[2, 3] is nan`."""
    at = torch.nonzero(~torch.isfinite(values))[0].tolist()
    return f"{key}{at} is {values[tuple(at)].item()}"
