"""The trace file: the inputs and results of one run, as safetensors with metadata.

`exec:` writes one for a command and reads one back; `rnncheck record` saves one. docs/trace-file.md describes it.
"""

import os
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rnncheck.errors import CannotRun, WeightsError
from rnncheck.model.tensor_file import read_tensors
from rnncheck.model.trace import State

GRADIENT = "grad."  # before the name of what a gradient is of
STEP = "step."  # before what is of single steps: every one restarted from the exact states before it, as one batch


def encode(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """The content of such a file."""
    from safetensors.torch import save

    held = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    return save(held, metadata=dict(metadata))


def decode(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Every tensor of such a file by name. Raises `CannotRun` for a file that is not whole."""
    try:
        return read_tensors(path)
    except WeightsError as problem:
        raise CannotRun(str(problem)) from None


def given(x: Tensor, state: State, lengths: Sequence[int] | None, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inputs of a run, by their names in the file."""
    tensors = {"x": x, "h0": state.h}
    if state.c is not None:
        tensors["c0"] = state.c
    if lengths is not None:
        tensors["lengths"] = torch.tensor(lengths, dtype=torch.int64)
    return {**tensors, **weights}
