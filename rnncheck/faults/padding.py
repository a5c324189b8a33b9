"""Rows of different lengths: what is done behind their ends, and the order they are sorted in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault
from rnncheck.faults.never_visible import whole_rows
from rnncheck.faults.one_place import Where, only_at
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.modules import permute_rows
from rnncheck.scratch.network import Carry, Sweep

Lengths = Sequence[int] | Tensor | None


def faults(spec: Spec) -> Iterator[Fault]:
    advances = Fault("padding-advances-state", "", Advances, hidden=whole_rows)
    yield advances
    if spec.bidirectional:
        yield only_at(Where(direction=1), advances)
        yield only_at(Where(direction=0), advances)
    yield Fault("padding-not-zeroed", "", NotZeroed, hidden=whole_rows)
    yield Fault("final-state-at-padding", "", FinalAtPadding, hidden=whole_rows)
    yield Fault("option-ignored", "lengths", LengthsIgnored, hidden=whole_rows)
    yield Fault("order-not-restored", "", OutputsSorted, hidden=sorted_rows)
    yield Fault("order-not-restored", "final states alone", FinalStatesSorted, hidden=sorted_rows)
    yield Fault("order-not-restored", "initial states", InitialStatesUnsorted, hidden=sorted_rows)


class Advances(CutNetwork):
    """The state goes on through the padding; its outputs are zero all the same."""

    def hold(self, active: Tensor, stepped: Carry, carry: Carry) -> Carry:
        return stepped


class NotZeroed(CutNetwork):
    """Behind a row's end the outputs repeat its last state."""

    def pad(self, h: Tensor, active: Tensor) -> Tensor:
        return h


class FinalAtPadding(CutNetwork):
    """The final h is the last output, which for a row that ended early is padding."""

    def unroll(self, w: LayerWeights, x: Tensor, carry: Carry, active: Tensor | None) -> Sweep:
        sweep = super().unroll(w, x, carry, active)
        return sweep._replace(final=(sweep.h[-1], *sweep.final[1:]))


class LengthsIgnored(CutNetwork):
    """Every row is run to the end."""

    def active(self, x: Tensor, lengths: Lengths) -> Tensor | None:
        return None


class OutputsSorted(CutNetwork):
    """Rows were sorted, longest first, and what comes out is left so."""

    def run(
        self,
        weights: Mapping[str, Tensor],
        x: Tensor,
        state: State | None = None,
        lengths: Lengths = None,
        dropout: float = 0.0,
    ) -> Trace:
        trace = super().run(weights, x, state, lengths, dropout)
        order = longest_first(lengths, x)
        y = trace.y if trace.y is None or order is None else trace.y.index_select(1, order)
        output = trace.output if order is None else trace.output.index_select(1, order)
        return Trace(output, permute_rows(trace.final, order), y)


class FinalStatesSorted(CutNetwork):
    """Rows were sorted, longest first; the outputs are put back and the final states are not."""

    def run(
        self,
        weights: Mapping[str, Tensor],
        x: Tensor,
        state: State | None = None,
        lengths: Lengths = None,
        dropout: float = 0.0,
    ) -> Trace:
        trace = super().run(weights, x, state, lengths, dropout)
        return replace(trace, final=permute_rows(trace.final, longest_first(lengths, x)))


class InitialStatesUnsorted(CutNetwork):
    """Rows are sorted, longest first, and their initial states are not."""

    def run(
        self,
        weights: Mapping[str, Tensor],
        x: Tensor,
        state: State | None = None,
        lengths: Lengths = None,
        dropout: float = 0.0,
    ) -> Trace:
        order = longest_first(lengths, x)
        given = permute_rows(state, None if order is None else order.argsort())
        return super().run(weights, x, given, lengths, dropout)


def longest_first(lengths: Lengths, x: Tensor) -> Tensor | None:
    """The rows of x in the order of their lengths; those of one length stay in theirs."""
    if lengths is None:
        return None
    return torch.as_tensor(lengths, device=x.device).argsort(descending=True, stable=True)


def sorted_rows(scene: Scene) -> str | None:
    if scene.lengths is None or list(scene.lengths) == sorted(scene.lengths, reverse=True):
        return "the rows are given longest first: there is no order to restore"
    return None
