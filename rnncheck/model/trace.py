"""What one run of a layer yields: its outputs and the states it ends in."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def held(value: Tensor, dtype: torch.dtype) -> Tensor:
    """`value` as a run at this dtype holds it, in float64: rounded once, in memory of its own."""
    return value.to(dtype, copy=True).double()


@dataclass(frozen=True)
class State:
    """The states that time carries: h (L*D, B, R), and for the LSTM c (L*D, B, H).

    Index `layer * D + direction`, as in `torch.nn`.
    """

    h: Tensor
    c: Tensor | None = None

    def map(self, change: Callable[[Tensor], Tensor]) -> "State":
        """`change` applied to h, and to c if there is one."""
        return State(change(self.h), None if self.c is None else change(self.c))

    def to(self, device: str, dtype: torch.dtype) -> "State":
        """A copy of it there, at that dtype."""
        return self.map(lambda each: each.to(device, dtype, copy=True))

    def held(self, dtype: torch.dtype) -> "State":
        """As a run at this dtype holds it, in float64."""
        return self.map(lambda each: held(each, dtype))

    def tensors(self) -> list[Tensor]:
        """h, and c if there is one."""
        return [self.h] if self.c is None else [self.h, self.c]


@dataclass(frozen=True)
class Trace:
    """The states of one run over T timesteps, always time first, on the device and in the dtype of the run.

    output (T, B, D*R) holds the last layer's h_t at every step; `final` the states after the last step (for
    rows with lengths: after their own last step); y (T, B, H) the head's outputs, if the spec has a head.
    `unexposed` names what a candidate keeps to itself, of "output", "h_n" and "c_n"; its numbers here are NaN.
    """

    output: Tensor
    final: State
    y: Tensor | None = None
    unexposed: frozenset[str] = frozenset()

    @property
    def is_float32(self) -> bool:
        """Whether the states it shows are numbers of float32, though held in float64, and not zeros alone."""
        shown = self.final.h if "output" in self.unexposed else self.output
        return bool(shown.any()) and torch.equal(shown.float().to(shown.dtype), shown)
