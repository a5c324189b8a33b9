"""Faults of the batch: rows mixed with each other or with time, and rows of different lengths."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.one_place import Where, only_at
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene
from rnncheck.faults.shared import one_row, one_step_or_row, whole_rows
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.modules import permute_rows
from rnncheck.scratch.network import Carry, DirectionRun, Given, Network


@family(reported=3)
def of_batch(spec: Spec) -> Iterator[Fault]:
    yield Fault("batch-time-swapped", "", Swapped, hidden=one_step_and_row)
    yield Fault("batch-time-swapped", "x reshaped", InputReshaped, hidden=one_step_or_row)
    yield Fault("batch-time-swapped", "output reshaped", OutputReshaped, hidden=one_step_or_row)
    yield Fault("batch-time-swapped", "x reshaped, time first", InputReshapedBack, hidden=one_step_or_row, rare=True)
    yield Fault(
        "batch-time-swapped", "output reshaped, time first", OutputReshapedBack, hidden=one_step_or_row, rare=True
    )
    yield Fault("batch-mixed", "the first row's state", mixing(first_row), hidden=one_row)
    yield Fault("batch-mixed", "the mean state", mixing(mean_row), hidden=one_row)
    yield Fault("batch-mixed", "the row above", mixing(row_above), hidden=one_row)
    for name, order in ORDERS.items():
        yield Fault("batch-mixed", f"the output's rows, {name}", output_rows(order), hidden=one_row, rare=True)
        yield Fault("batch-mixed", f"the final state's rows, {name}", final_rows(order), hidden=one_row, rare=True)
        yield Fault("batch-mixed", f"the initial state's rows, {name}", initial_rows(order), hidden=one_row, rare=True)


class Swapped(CutNetwork):
    """Swaps the batch axis and the time axis. Where the initial states do not fit, they are zero."""

    def trace(self, given: Given) -> Trace:
        state = given.state if given.x.shape[0] == given.x.shape[1] else None
        trace = super().trace(given._replace(x=given.x.transpose(0, 1), state=state, lengths=None))
        y = None if trace.y is None else trace.y.transpose(0, 1)
        return Trace(trace.output.transpose(0, 1), trace.final, y)


class InputReshaped(CutNetwork):
    """Reshapes x (B, T, I) to (T, B, I) instead of transposing it."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        read = super().layer_input(layer, x, below, dropout)
        return read if layer else read.transpose(0, 1).reshape(x.shape)


class InputReshapedBack(CutNetwork):
    """Reshapes x (T, B, I) to (B, T, I) instead of transposing it."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        read = super().layer_input(layer, x, below, dropout)
        return read if layer else read.reshape(read.shape[1], read.shape[0], -1).transpose(0, 1)


class OutputReshapedBack(CutNetwork):
    """Reshapes the output (B, T, D*R) to (T, B, D*R) instead of transposing it."""

    def trace(self, given: Given) -> Trace:
        trace = super().trace(given)
        output = trace.output.transpose(0, 1).reshape(trace.output.shape)
        return replace(trace, output=output, y=self.head(given.weights, output))


class OutputReshaped(CutNetwork):
    """Reshapes the output (T, B, D*R) to (B, T, D*R) instead of transposing it."""

    def trace(self, given: Given) -> Trace:
        trace = super().trace(given)
        seq_len, batch_size = given.x.shape[:2]
        output = trace.output.reshape(batch_size, seq_len, -1).transpose(0, 1)
        return replace(trace, output=output, y=self.head(given.weights, output))


def mixing(mix: Callable[[Tensor], Tensor]) -> type[Network]:
    """Computes every step from a mixture of the rows' states."""

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


Order = Callable[[Tensor], Tensor]  # of a tensor (T or L*D, B, width), with its rows in another order
ORDERS: Mapping[str, Order] = {
    "the last first": lambda value: value.roll(1, 1),
    "the first last": lambda value: value.roll(-1, 1),
    "in reverse": lambda value: value.flip(1),
    "the first for all": lambda value: value[:, :1].expand_as(value),
}


def output_rows(order: Order) -> type[Network]:
    class OutputRows(CutNetwork):
        def trace(self, given: Given) -> Trace:
            trace = super().trace(given)
            return replace(trace, output=order(trace.output), y=None if trace.y is None else order(trace.y))

    return OutputRows


def final_rows(order: Order) -> type[Network]:
    class FinalRows(CutNetwork):
        def final_state(self, sweeps: Sequence[DirectionRun]) -> State:
            return super().final_state(sweeps).map(order)

    return FinalRows


def initial_rows(order: Order) -> type[Network]:
    class InitialRows(CutNetwork):
        def initial_state(self, x: Tensor, state: State | None) -> State:
            return super().initial_state(x, state).map(order)

    return InitialRows


def one_step_and_row(scene: Scene) -> str | None:
    if scene.seq_len == scene.batch_size == 1:
        return "T and B are 1: there is nothing to swap"
    return None


Lengths = Sequence[int] | Tensor | None


@family(reported=0, lengths=True)
def of_padding(spec: Spec) -> Iterator[Fault]:
    advances = Fault("padding-advances-state", "", Advances, hidden=whole_rows)
    yield advances
    if spec.bidirectional:
        yield only_at(Where(direction=1), advances)
        yield only_at(Where(direction=0), advances)
    yield Fault("row-end-off-by-one", "one timestep late", ending(1), hidden=whole_rows)
    yield Fault("row-end-off-by-one", "one timestep early", ending(-1))
    yield Fault("padding-not-zeroed", "", NotZeroed, hidden=whole_rows)
    yield Fault("final-state-at-padding", "", FinalAtPadding, hidden=whole_rows)
    yield Fault("option-ignored", "lengths", LengthsIgnored, hidden=whole_rows)
    yield Fault("order-not-restored", "", OutputsSorted, hidden=sorted_rows)
    yield Fault("order-not-restored", "final states alone", FinalStatesSorted, hidden=sorted_rows)
    yield Fault("order-not-restored", "initial states", InitialStatesUnsorted, hidden=sorted_rows)


class Advances(CutNetwork):
    """Updates the state in the padding too; the outputs there are zero."""

    def hold(self, active: Tensor, stepped: Carry, carry: Carry) -> Carry:
        return stepped


def ending(steps: int) -> type[Network]:
    """Every row ends so many timesteps late, but not after the last."""

    class Ending(CutNetwork):
        def active(self, x: Tensor, lengths: Lengths) -> Tensor | None:
            moved = None if lengths is None else (torch.as_tensor(lengths, device=x.device) + steps).clamp(0, len(x))
            return super().active(x, moved)

    return Ending


class NotZeroed(CutNetwork):
    """After the end of a row the outputs repeat its last state."""

    def pad(self, h: Tensor, active: Tensor) -> Tensor:
        return h


class FinalAtPadding(CutNetwork):
    """The final h is the last output, which is padding for a row that ended early."""

    def unroll(self, w: LayerWeights, x: Tensor, carry: Carry, active: Tensor | None) -> DirectionRun:
        sweep = super().unroll(w, x, carry, active)
        return sweep._replace(final=(sweep.h[-1], *sweep.final[1:]))


class LengthsIgnored(CutNetwork):
    """Ignores the lengths: every row runs to the last timestep."""

    def active(self, x: Tensor, lengths: Lengths) -> Tensor | None:
        return None


class OutputsSorted(CutNetwork):
    """Sorts the rows, longest first, and does not put the results back in order."""

    def trace(self, given: Given) -> Trace:
        trace = super().trace(given)
        order = longest_first(given)
        y = trace.y if trace.y is None or order is None else trace.y.index_select(1, order)
        output = trace.output if order is None else trace.output.index_select(1, order)
        return Trace(output, permute_rows(trace.final, order), y)


class FinalStatesSorted(CutNetwork):
    """Sorts the rows, longest first, and puts only the outputs back in order, not the final states."""

    def trace(self, given: Given) -> Trace:
        trace = super().trace(given)
        return replace(trace, final=permute_rows(trace.final, longest_first(given)))


class InitialStatesUnsorted(CutNetwork):
    """Sorts the rows, longest first, but not their initial states."""

    def trace(self, given: Given) -> Trace:
        order = longest_first(given)
        state = permute_rows(given.state, None if order is None else order.argsort())
        return super().trace(given._replace(state=state))


def longest_first(given: Given) -> Tensor | None:
    """The rows of x sorted by length, longest first. The sort is stable."""
    if given.lengths is None:
        return None
    return torch.as_tensor(given.lengths, device=given.x.device).argsort(descending=True, stable=True)


def sorted_rows(scene: Scene) -> str | None:
    if scene.lengths is None or list(scene.lengths) == sorted(scene.lengths, reverse=True):
        return "the rows are given longest first: there is no order to restore"
    return None
