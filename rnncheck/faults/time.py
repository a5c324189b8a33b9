"""Timesteps in the wrong order or off by one, in either direction."""

from collections.abc import Iterator, Sequence

from torch import Tensor

from rnncheck.faults.fault import Fault
from rnncheck.faults.never_visible import one_step
from rnncheck.faults.overridable import CutNetwork
from rnncheck.model.spec import Spec
from rnncheck.scratch.network import Carry, Sweep


def faults(spec: Spec) -> Iterator[Fault]:
    yield Fault("output-off-by-one", "", StateBefore)
    yield Fault("output-off-by-one", "one step early", StateAfter, hidden=one_step)
    if spec.num_layers > 1:
        yield Fault("output-off-by-one", "of the last layer alone", LastStateBefore)
    yield Fault("output-reversed", "", OutputReversed, hidden=one_step)
    yield Fault("time-reversed", "", InputReversed, hidden=one_step)
    yield Fault("time-reversed", "output put back", Backwards, hidden=one_step)


class StateBefore(CutNetwork):
    """The output at t is the state before step t; the last state is in no output."""

    def outputs(self, start: Carry, history: Sequence[Carry]) -> Tensor:
        return super().outputs(start, [start, *history[:-1]])


class LastStateBefore(CutNetwork):
    """So is the last layer's; what the layers below hand on is right."""

    def outputs(self, start: Carry, history: Sequence[Carry]) -> Tensor:
        last = self.here[0] == self.spec.num_layers - 1
        return super().outputs(start, [start, *history[:-1]] if last else history)


class StateAfter(CutNetwork):
    """The output at t is the state after step t + 1, and the last one stands there twice."""

    def outputs(self, start: Carry, history: Sequence[Carry]) -> Tensor:
        return super().outputs(start, [*history[1:], history[-1]])


class OutputReversed(CutNetwork):
    """The outputs are put together from the last timestep to the first; every state is right."""

    def merge(self, sides: Sequence[Sweep]) -> Tensor:
        output = super().merge(sides)
        return output.flip(0) if self.here[0] == self.spec.num_layers - 1 else output


class InputReversed(CutNetwork):
    """x is read from last to first, and the outputs are left in that order."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        read = super().layer_input(layer, x, below, dropout)
        return read.flip(0) if layer == 0 else read


class Backwards(CutNetwork):
    """Every direction goes the other way through time."""

    def reading_order(self, sequence: Tensor, direction: int) -> Tensor:
        return super().reading_order(sequence, direction).flip(0)

    def time_order(self, h: Tensor, direction: int) -> Tensor:
        return super().time_order(h, direction).flip(0)
