"""What one call leaves behind for the next, and what changes from call to call."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault
from rnncheck.faults.overridable import CutNetwork
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.scratch.network import Network, Sweep


def faults(spec: Spec) -> Iterator[Fault]:
    if spec.dropout:
        yield Fault("dropout-in-eval", "", numbered(DropoutInEval))
    yield Fault("state-leaks-between-calls", "", StateKept, "calls")
    yield Fault("input-mutated", "x", InputOverwritten, "calls")
    yield Fault("input-mutated", "h0", StateOverwritten, "calls")
    yield Fault("nondeterministic", "", numbered(Nondeterministic), "calls")


def numbered(mixin: type[Network]) -> type[Network]:
    """The same class with a count of its own: each network that is built of it has other random numbers, and a
    catalogue that is asked for again begins with the same ones.
    """
    return type(mixin.__name__, (mixin,), {"built": count()})


class DropoutInEval(CutNetwork):
    """Dropout between layers, though this is no training."""

    built: Iterator[int]

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.random = torch.Generator().manual_seed(next(self.built))

    def drop(self, below: Tensor, dropout: float) -> Tensor:
        keep = 1 - self.spec.dropout
        kept = torch.rand(below.shape, generator=self.random).to(below.device) < keep
        return below.where(kept, 0) / keep


class StateKept(CutNetwork):
    """A call starts from the states that the one before ended in, where they fit."""

    kept: State | None = None

    def initial_state(self, x: Tensor, state: State | None) -> State:
        given = super().initial_state(x, state)
        return self.kept if self.kept is not None and self.kept.h.shape == given.h.shape else given

    def final_state(self, sweeps: Sequence[Sweep]) -> State:
        self.kept = super().final_state(sweeps)
        return self.kept


class InputOverwritten(CutNetwork):
    """x is worked on in place: a call leaves other numbers in it."""

    def run(
        self,
        weights: Mapping[str, Tensor],
        x: Tensor,
        state: State | None = None,
        lengths: Sequence[int] | Tensor | None = None,
        dropout: float = 0.0,
    ) -> Trace:
        trace = super().run(weights, x, state, lengths, dropout)
        x.data.tanh_()
        return trace


class StateOverwritten(CutNetwork):
    """The states are written into h0: a call leaves its last ones there."""

    def run(
        self,
        weights: Mapping[str, Tensor],
        x: Tensor,
        state: State | None = None,
        lengths: Sequence[int] | Tensor | None = None,
        dropout: float = 0.0,
    ) -> Trace:
        trace = super().run(weights, x, state, lengths, dropout)
        if state is not None and state.h.shape == trace.final.h.shape:
            state.h.data.copy_(trace.final.h)
        return trace


class Nondeterministic(CutNetwork):
    """The outputs are off by up to a thousandth, each time by another one."""

    built: Iterator[int]

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.random = torch.Generator().manual_seed(next(self.built))

    def run(
        self,
        weights: Mapping[str, Tensor],
        x: Tensor,
        state: State | None = None,
        lengths: Sequence[int] | Tensor | None = None,
        dropout: float = 0.0,
    ) -> Trace:
        trace = super().run(weights, x, state, lengths, dropout)
        noise = torch.rand(trace.output.shape, generator=self.random).to(trace.output)
        return replace(trace, output=trace.output * (1 + 1e-3 * noise))
