"""Faults of time: timesteps in the wrong order or off by one, and directions joined wrongly."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene
from rnncheck.faults.shared import one_step, unchanged
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Network, Sweep


@family(reported=11)
def of_time(spec: Spec) -> Iterator[Fault]:
    yield Fault("output-off-by-one", "", StateBefore)
    yield Fault("output-off-by-one", "one step early", StateAfter, hidden=one_step)
    if spec.num_layers > 1:
        yield Fault("output-off-by-one", "of the last layer alone", LastStateBefore)
    yield Fault("output-aliases-state", "", StateInPlace, hidden=one_step)
    if spec.num_layers > 1:
        yield Fault("output-aliases-state", "of the last layer alone", LastStateInPlace, hidden=one_step)
    yield Fault("return-inside-loop", "", FirstStepAlone, hidden=one_step)
    yield Fault("return-inside-loop", "its state as every output", FirstStepRepeated, hidden=one_step)
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


class StateInPlace(CutNetwork):
    """Every output is one and the same tensor, which each step overwrites: the last state stands at every timestep."""

    def outputs(self, start: Carry, history: Sequence[Carry]) -> Tensor:
        return super().outputs(start, [history[-1]] * len(history))


class LastStateInPlace(CutNetwork):
    """So it is in the last layer; what the layers below hand on is right."""

    def outputs(self, start: Carry, history: Sequence[Carry]) -> Tensor:
        last = self.here[0] == self.spec.num_layers - 1
        return super().outputs(start, [history[-1]] * len(history) if last else history)


class FirstStepAlone(CutNetwork):
    """The loop returns at the end of its first turn: one timestep is read, and one output given."""

    def run(
        self,
        weights: Mapping[str, Tensor],
        x: Tensor,
        state: State | None = None,
        lengths: Sequence[int] | Tensor | None = None,
        dropout: float = 0.0,
    ) -> Trace:
        return super().run(weights, x[:1], state, None, dropout)


class FirstStepRepeated(CutNetwork):
    """In every layer the state after the first step is the last one, and stands at every timestep."""

    def scan(self, w: LayerWeights, p: Tensor, carry: Carry, active: Tensor | None) -> list[Carry]:
        first = super().scan(w, p[:1], carry, None if active is None else active[:1])
        return first * len(p)


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


@family(reported=1)
def of_directions(spec: Spec) -> Iterator[Fault]:
    if not spec.bidirectional:
        return
    yield Fault("reverse-not-flipped", "", NotFlipped, hidden=one_step)
    yield Fault("reverse-reads-forward", "", ReadsForward, hidden=one_step)
    yield Fault("reverse-reads-forward", "then flipped", ForwardFlipped, hidden=one_step)
    yield Fault("reverse-shares-weights", "", SharedWeights, hidden=same_weights)
    yield Fault("directions-swapped", "", merging(exchanged))
    yield Fault("directions-swapped", "unit by unit", merging(interleaved), hidden=one_unit)
    if spec.head is None:
        yield Fault("directions-summed", "", merging_last(summed))
        yield Fault("directions-summed", "the mean", merging_last(mean))


class NotFlipped(CutNetwork):
    """What the reverse direction found is left in the order in which it was found."""

    def time_order(self, h: Tensor, direction: int) -> Tensor:
        return h


class ReadsForward(CutNetwork):
    """Both directions read from first to last."""

    def reading_order(self, sequence: Tensor, direction: int) -> Tensor:
        return sequence

    def time_order(self, h: Tensor, direction: int) -> Tensor:
        return h


class ForwardFlipped(CutNetwork):
    """The reverse direction reads from first to last, and what it found is turned around all the same."""

    def reading_order(self, sequence: Tensor, direction: int) -> Tensor:
        return sequence


class SharedWeights(CutNetwork):
    """The reverse direction uses the forward one's parameters."""

    def layer_weights(self, weights: Mapping[str, Tensor], layer: int, direction: int) -> LayerWeights:
        return super().layer_weights(weights, layer, 0)


def same_weights(scene: Scene) -> str | None:
    return unchanged(SharedWeights, "both directions have the same weights", scene)


Merge = Callable[[Tensor, Tensor], Tensor]


def merging(merge: Merge) -> type[Network]:
    """The directions are put together by `merge`, in every layer."""

    class Merging(CutNetwork):
        def merge(self, sides: Sequence[Sweep]) -> Tensor:
            return merge(sides[0].h, sides[1].h)

    return Merging


def merging_last(merge: Merge) -> type[Network]:
    """The directions are put together by `merge` in the last layer: the next one's weights would no longer fit."""

    class MergingLast(CutNetwork):
        def merge(self, sides: Sequence[Sweep]) -> Tensor:
            last = self.here[0] == self.spec.num_layers - 1
            return merge(sides[0].h, sides[1].h) if last else super().merge(sides)

    return MergingLast


def exchanged(forward: Tensor, reverse: Tensor) -> Tensor:
    return torch.cat([reverse, forward], -1)


def interleaved(forward: Tensor, reverse: Tensor) -> Tensor:
    return torch.stack([forward, reverse], -1).flatten(-2)


def summed(forward: Tensor, reverse: Tensor) -> Tensor:
    return forward + reverse


def mean(forward: Tensor, reverse: Tensor) -> Tensor:
    return (forward + reverse) / 2


def one_unit(scene: Scene) -> str | None:
    return "each direction has one unit: one by one is side by side" if scene.spec.state_size == 1 else None
