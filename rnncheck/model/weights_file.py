"""Reads and writes weights as safetensors, and reads state_dicts from `torch.save`."""

import os
from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from rnncheck.errors import WeightsError
from rnncheck.files import write_atomically
from rnncheck.model.spec import Spec
from rnncheck.model.tensor_file import read_tensors
from rnncheck.model.trace import dtype_name
from rnncheck.model.weights import Weights, listed, misfit
from rnncheck.text import printable

_FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)  # float64 holds every one of them exactly


def load(path: str | os.PathLike[str], spec: Spec, *, allow_nonfinite: bool = False) -> Weights:
    """The weights in the file, widened to float64, in the spec's order.

    Raises `WeightsError` when the file cannot be read as tensors, when they are not exactly the spec's parameters,
    or when a value is NaN or infinite and `allow_nonfinite` is not set.
    """
    name = printable(os.fspath(path), 200)
    return finite(name, fitting(name, read_tensors(path), spec), allow_nonfinite=allow_nonfinite)


def fitting(name: str, tensors: Mapping[str, Tensor], spec: Spec) -> Weights:
    """The weights in `tensors`; errors call them `name`. All names may have one common prefix.

    Raises `WeightsError` when they are not exactly the spec's parameters.
    """
    prefix = common_prefix(tensors, spec)
    bare = {key.removeprefix(prefix): tensor for key, tensor in tensors.items()}
    problem = misfit({key: tuple(tensor.shape) for key, tensor in bare.items()}, spec)
    if problem is not None:
        raise WeightsError(f"{name} does not fit the {spec.cell} asked for: {problem}")
    return Weights({key: _master(bare[key], f"{name}: {prefix}{key}") for key in spec.parameter_shapes()})


def common_prefix(names: Collection[str], spec: Spec) -> str:
    """The common prefix of the names, if only the name of a parameter follows it."""
    prefix = "".join(next(iter(names), "").rpartition(".")[:2])
    own = all(name.startswith(prefix) and name.removeprefix(prefix) in spec.parameter_shapes() for name in names)
    return prefix if own else ""


def finite(name: str, weights: Weights, *, allow_nonfinite: bool = False) -> Weights:
    """The weights. Raises `WeightsError` when a value is NaN or infinite and that is not allowed."""
    if not allow_nonfinite and (bad := weights.nonfinite()):
        first = listed([_first_nonfinite(key, weights.values[key]) for key in bad])
        raise WeightsError(f"{name} holds NaN or infinity: {first}\n--allow-nonfinite accepts them")
    return weights


def masters(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every tensor of real numbers in float64, by its own name; counters and masks are left as they are."""
    return {
        key: _master(tensor, f"{name}: {key}") if tensor.is_floating_point() else tensor
        for key, tensor in tensors.items()
    }


def save(path: str | os.PathLike[str], weights: Weights) -> None:
    """Writes the float64 master copy as safetensors, whole or not at all. Raises `OutputError` if it cannot."""
    from safetensors.torch import save as to_bytes

    tensors = {key: value.clone(memory_format=torch.contiguous_format) for key, value in weights.values.items()}
    write_atomically(path, to_bytes(tensors, metadata={"format": "pt"}))


def _master(tensor: Tensor, what: str) -> Tensor:
    """A float64 copy. Raises `WeightsError` unless the tensor holds plain real numbers."""
    if tensor.dtype not in _FLOATS:
        kind = dtype_name(tensor.dtype)
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
