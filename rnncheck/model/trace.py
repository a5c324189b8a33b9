"""The results of one run of a layer: its outputs and final states."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.model.spec import Spec

EVERYTHING = frozenset({"output", "h_n", "c_n"})
"""All that a layer returns."""


def dtype_of(spec: Spec) -> torch.dtype:
    """The dtype in which a layer of this spec runs."""
    found: torch.dtype = getattr(torch, spec.dtype)
    return found


def dtype_name(dtype: torch.dtype) -> str:
    """The name without torch's, as in `float32`."""
    return str(dtype).removeprefix("torch.")


def rounded(value: Tensor, dtype: torch.dtype) -> Tensor:
    """A float64 copy of `value`, rounded once to this dtype, as a run at this dtype sees it."""
    return value.to(dtype, copy=True).double()


@dataclass(frozen=True)
class State:
    """The states of a layer: h (L*D, B, R), and for the LSTM c (L*D, B, H).

    Index `layer * D + direction`, as in `torch.nn`.
    """

    h: Tensor
    c: Tensor | None = None

    def map(self, change: Callable[[Tensor], Tensor]) -> "State":
        """`change` applied to h, and to c if there is one."""
        return State(change(self.h), None if self.c is None else change(self.c))

    def to(self, device: str, dtype: torch.dtype) -> "State":
        """A copy on that device, at that dtype."""
        return self.map(lambda each: each.to(device, dtype, copy=True))

    def rounded(self, dtype: torch.dtype) -> "State":
        """The states rounded to this dtype, in float64."""
        return self.map(lambda each: rounded(each, dtype))

    def tensors(self) -> list[Tensor]:
        """h, and c if there is one."""
        return [self.h] if self.c is None else [self.h, self.c]


@dataclass(frozen=True)
class Trace:
    """The states of one run over T timesteps, with time as first axis, on the device and in the dtype of the run.

    output (T, B, D*R) holds h_t of the last layer at every step; `final` the states after the last step (for
    rows with lengths: after their own last step); y (T, B, H) the outputs of the head, if the spec has one.
    `unexposed` names what the candidate does not return, of "output", "h_n" and "c_n"; it is NaN here.
    """

    output: Tensor
    final: State
    y: Tensor | None = None
    unexposed: frozenset[str] = frozenset()

    def shown(self) -> dict[str, Tensor]:
        """What there is and is exposed, by name."""
        every = {"output": self.output, "h_n": self.final.h, "c_n": self.final.c, "y": self.y}
        return {name: value for name, value in every.items() if value is not None and name not in self.unexposed}

    @property
    def is_float32(self) -> bool:
        """Whether the states it shows are numbers of float32, though held in float64, and not zeros alone."""
        shown = self.final.h if "output" in self.unexposed else self.output
        return bool(shown.any()) and torch.equal(shown.float().to(shown.dtype), shown)
