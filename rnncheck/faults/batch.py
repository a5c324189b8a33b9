"""Rows of the batch mixed with each other or with time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from rnncheck.faults.fault import Fault
from rnncheck.faults.never_visible import one_row, one_step_or_row
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Network


def faults(spec: Spec) -> Iterator[Fault]:
    yield Fault("batch-time-swapped", "", Swapped, hidden=one_step_and_row)
    yield Fault("batch-time-swapped", "x reshaped", InputReshaped, hidden=one_step_or_row)
    yield Fault("batch-time-swapped", "output reshaped", OutputReshaped, hidden=one_step_or_row)
    yield Fault("batch-mixed", "the first row's state", mixing(first_row), hidden=one_row)
    yield Fault("batch-mixed", "the mean state", mixing(mean_row), hidden=one_row)
    yield Fault("batch-mixed", "the row above", mixing(row_above), hidden=one_row)


class Swapped(CutNetwork):
    """The batch is taken for time and time for the batch. Where the initial states do not fit, they are zero."""

    def run(
        self,
        weights: Mapping[str, Tensor],
        x: Tensor,
        state: State | None = None,
        lengths: Sequence[int] | Tensor | None = None,
        dropout: float = 0.0,
    ) -> Trace:
        fits = x.shape[0] == x.shape[1]
        trace = super().run(weights, x.transpose(0, 1), state if fits else None, None, dropout)
        y = None if trace.y is None else trace.y.transpose(0, 1)
        return Trace(trace.output.transpose(0, 1), trace.final, y)


class InputReshaped(CutNetwork):
    """x (B, T, I) is reshaped to (T, B, I), and not transposed."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        read = super().layer_input(layer, x, below, dropout)
        return read if layer else read.transpose(0, 1).reshape(x.shape)


class OutputReshaped(CutNetwork):
    """The output (T, B, D*R) is reshaped to (B, T, D*R), and not transposed."""

    def run(
        self,
        weights: Mapping[str, Tensor],
        x: Tensor,
        state: State | None = None,
        lengths: Sequence[int] | Tensor | None = None,
        dropout: float = 0.0,
    ) -> Trace:
        trace = super().run(weights, x, state, lengths, dropout)
        seq_len, batch_size = x.shape[:2]
        output = trace.output.reshape(batch_size, seq_len, -1).transpose(0, 1)
        return replace(trace, output=output, y=self.head(weights, output))


def mixing(mix: Callable[[Tensor], Tensor]) -> type[Network]:
    """Every step is computed from a mixture of the rows' states."""

    class Mixing(CutNetwork):
        def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
            return super().step(w, p, tuple(map(mix, carry)) if len(p) else carry)

    return Mixing


def first_row(state: Tensor) -> Tensor:
    return state[:1].expand_as(state)


def mean_row(state: Tensor) -> Tensor:
    return state.mean(0, keepdim=True).expand_as(state)


def row_above(state: Tensor) -> Tensor:
    return state.roll(1, 0)


def one_step_and_row(scene: Scene) -> str | None:
    if scene.seq_len == scene.batch_size == 1:
        return "T and B are 1: there is nothing to swap"
    return None
