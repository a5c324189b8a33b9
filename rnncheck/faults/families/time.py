"""Faults of time: timesteps in the wrong order or off by one, and directions joined wrongly."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene
from rnncheck.faults.shared import one_step, reading, unchanged
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import Trace
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, DirectionRun, Given, Network


@family(reported=11)
def of_time(spec: Spec) -> Iterator[Fault]:
    yield Fault("output-off-by-one", "", StateBefore)
    yield Fault("output-off-by-one", "one step early", StateAfter, hidden=one_step)
    if spec.num_layers > 1:
        yield Fault("output-off-by-one", "of the last layer alone", LastStateBefore)
    yield Fault("output-aliases-state", "", StateInPlace, hidden=one_step)
    if spec.num_layers > 1:
        yield Fault("output-aliases-state", "of the last layer alone", LastStateInPlace, hidden=one_step)
    for name, kept in OTHER_OUTPUTS.get(spec.cell, {}).items() if not spec.proj_size else ():
        yield Fault("output-is-not-h", name, returning(kept))
        if not spec.bidirectional:
            yield Fault("output-is-not-h", f"{name}, and as h_n", returning(kept, ends=True), rare=True)
        if spec.num_layers > 1:
            yield Fault("output-is-not-h", f"{name}, of the last layer alone", returning(kept, last=True), rare=True)
    yield Fault("return-inside-loop", "", FirstStepAlone, hidden=one_step)
    yield Fault("return-inside-loop", "its state as every output", FirstStepRepeated, hidden=one_step)
    yield Fault("output-reversed", "", OutputReversed, hidden=one_step)
    yield Fault("time-reversed", "", InputReversed, hidden=one_step)
    yield Fault("time-reversed", "output put back", Backwards, hidden=one_step)
    yield from of_steps(spec)


def of_steps(spec: Spec) -> Iterator[Fault]:
    """A step left out, or computed from the x of another timestep."""
    for name, first in {"the last": False, "the first": True}.items():
        for also, kept in {"": False, ", the output repeats the state": True}.items():
            yield Fault("step-skipped", name + also, skipping(first, kept), rare=kept)
    for name, other in OTHER_STEPS.items():
        yield Fault("input-off-by-one", name, reading(other), rare=bool(name))


OTHER_STEPS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "": lambda x: torch.cat([torch.zeros_like(x[:1]), x[:-1]]),
    "the last comes first": lambda x: x.roll(1, 0),
    "one step early": lambda x: torch.cat([x[1:], torch.zeros_like(x[:1])]),
    "one step early, the first comes last": lambda x: x.roll(-1, 0),
    "one step early, the last twice": lambda x: torch.cat([x[1:], x[-1:]]),
    "the first for all": lambda x: x[:1].expand_as(x),
    "the last for all": lambda x: x[-1:].expand_as(x),
}


def skipping(first: bool, kept: bool) -> type[Network]:
    """The loops of all layers leave out the first or the last step. The output there is zero, or the state before it
    if that is `kept`.
    """

    class Skipping(CutNetwork):
        def scan(self, w: LayerWeights, p: Tensor, carry: Carry, active: Tensor | None) -> list[Carry]:
            steps = slice(1, None) if first else slice(-1)
            found = super().scan(w, p[steps], carry, None if active is None else active[steps])
            return [carry, *found] if first else [*found, found[-1] if found else carry]

        def outputs(self, start: Carry, history: Sequence[Carry]) -> Tensor:
            h = super().outputs(start, history)
            absent = torch.zeros_like(h[:1])
            return h if kept else torch.cat([absent, h[1:]] if first else [h[:-1], absent])

    return Skipping


class StateBefore(CutNetwork):
    """The output at t is the state before step t. No output holds the last state."""

    def outputs(self, start: Carry, history: Sequence[Carry]) -> Tensor:
        return super().outputs(start, [start, *history[:-1]])


class LastStateBefore(CutNetwork):
    """The same fault in the last layer only."""

    def outputs(self, start: Carry, history: Sequence[Carry]) -> Tensor:
        last = self.here[0] == self.spec.num_layers - 1
        return super().outputs(start, [start, *history[:-1]] if last else history)


class StateAfter(CutNetwork):
    """The output at t is the state after step t + 1. The last state is there twice."""

    def outputs(self, start: Carry, history: Sequence[Carry]) -> Tensor:
        return super().outputs(start, [*history[1:], history[-1]])


class StateInPlace(CutNetwork):
    """Every output is the same tensor, which each step overwrites: every timestep holds the last state."""

    def outputs(self, start: Carry, history: Sequence[Carry]) -> Tensor:
        return super().outputs(start, [history[-1]] * len(history))


class LastStateInPlace(CutNetwork):
    """The same fault in the last layer only."""

    def outputs(self, start: Carry, history: Sequence[Carry]) -> Tensor:
        last = self.here[0] == self.spec.num_layers - 1
        return super().outputs(start, [history[-1]] * len(history) if last else history)


# By what is returned instead of h: the activation, and whether it is what that is applied to.
OTHER_OUTPUTS: Mapping[Cell, Mapping[str, tuple[str, bool]]] = {
    Cell.RNN: {"the sum before the nonlinearity": ("h", True)},
    Cell.LSTM: {"c": ("c", True), "tanh(c)": ("c", False), "o": ("o", False)},
    Cell.GRU: {"n": ("n", False), "z": ("z", False)},
}


def returning(kept: tuple[str, bool], *, last: bool = False, ends: bool = False) -> type[Network]:
    """The loop keeps another value of each step than h for the output, in every layer or in the last alone.

    Its last one is h_n too, if the output `ends` in that.
    """
    what, before = kept

    class Returning(CutNetwork):
        def scan(self, w: LayerWeights, p: Tensor, carry: Carry, active: Tensor | None) -> list[Carry]:
            self.found = list[Tensor]()
            history = super().scan(w, p, carry, active)
            if not ends or not history or len(self.found) != len(history):
                return history
            return [*history[:-1], (self.found[-1], *history[-1][1:])]

        def activate(self, of: str, value: Tensor) -> Tensor:
            result = super().activate(of, value)
            if of == what:
                self.found.append(value if before else result)
            return result

        def outputs(self, start: Carry, history: Sequence[Carry]) -> Tensor:
            right = super().outputs(start, history)
            here = not last or self.here[0] == self.spec.num_layers - 1
            return torch.stack(self.found) if here and len(self.found) == len(history) else right

    return Returning


class FirstStepAlone(CutNetwork):
    """The loop returns after the first timestep, with one output."""

    def trace(self, given: Given) -> Trace:
        return super().trace(given._replace(x=given.x[:1], lengths=None))


class FirstStepRepeated(CutNetwork):
    """In every layer the state after the first step is the final state and the output of every timestep."""

    def scan(self, w: LayerWeights, p: Tensor, carry: Carry, active: Tensor | None) -> list[Carry]:
        first = super().scan(w, p[:1], carry, None if active is None else active[:1])
        return first * len(p)


class OutputReversed(CutNetwork):
    """Stacks the outputs from the last timestep to the first. Every state is correct."""

    def merge(self, sides: Sequence[DirectionRun]) -> Tensor:
        output = super().merge(sides)
        return output.flip(0) if self.here[0] == self.spec.num_layers - 1 else output


class InputReversed(CutNetwork):
    """Reads x from last to first and does not reverse the outputs."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        read = super().layer_input(layer, x, below, dropout)
        return read.flip(0) if layer == 0 else read


class Backwards(CutNetwork):
    """Every direction runs in the opposite direction through time."""

    def reading_order(self, sequence: Tensor, direction: int) -> Tensor:
        return super().reading_order(sequence, direction).flip(0)

    def time_order(self, h: Tensor, direction: int) -> Tensor:
        return super().time_order(h, direction).flip(0)


@family(reported=1)
def of_directions(spec: Spec) -> Iterator[Fault]:
    if not spec.bidirectional:
        return
    yield Fault("reverse-not-flipped", "", NotFlipped, hidden=one_step)
    if spec.num_layers > 1:
        yield Fault("reverse-not-flipped", "in the last layer", merging_last(not_flipped), hidden=one_step)
    yield Fault("reverse-reads-forward", "", ReadsForward, hidden=one_step)
    yield Fault("reverse-reads-forward", "then flipped", ForwardFlipped, hidden=one_step)
    yield Fault("reverse-shares-weights", "", SharedByDirections, hidden=same_weights)
    yield Fault("directions-swapped", "", merging(exchanged))
    yield Fault("directions-swapped", "unit by unit", merging(interleaved), hidden=one_unit)
    if spec.head is None:
        yield Fault("directions-summed", "", merging_last(summed))
        yield Fault("directions-summed", "the mean", merging_last(mean))


class NotFlipped(CutNetwork):
    """Does not flip the outputs of the reverse direction back."""

    def time_order(self, h: Tensor, direction: int) -> Tensor:
        return h


class ReadsForward(CutNetwork):
    """Both directions read from first to last."""

    def reading_order(self, sequence: Tensor, direction: int) -> Tensor:
        return sequence

    def time_order(self, h: Tensor, direction: int) -> Tensor:
        return h


class ForwardFlipped(CutNetwork):
    """The reverse direction reads from first to last, and its outputs are flipped nevertheless."""

    def reading_order(self, sequence: Tensor, direction: int) -> Tensor:
        return sequence


class SharedByDirections(CutNetwork):
    """The reverse direction uses the parameters of the forward direction."""

    def layer_weights(self, weights: Mapping[str, Tensor], layer: int, direction: int) -> LayerWeights:
        return super().layer_weights(weights, layer, 0)


def same_weights(scene: Scene) -> str | None:
    return unchanged(SharedByDirections, "both directions have the same weights", scene)


Merge = Callable[[Tensor, Tensor], Tensor]


def merging(merge: Merge) -> type[Network]:
    """Combines the directions by `merge` in every layer."""

    class Merging(CutNetwork):
        def merge(self, sides: Sequence[DirectionRun]) -> Tensor:
            return merge(sides[0].h, sides[1].h)

    return Merging


def merging_last(merge: Merge) -> type[Network]:
    """Combines the directions by `merge` in the last layer only, because the weights of a next layer would not fit."""

    class MergingLast(CutNetwork):
        def merge(self, sides: Sequence[DirectionRun]) -> Tensor:
            last = self.here[0] == self.spec.num_layers - 1
            return merge(sides[0].h, sides[1].h) if last else super().merge(sides)

    return MergingLast


def not_flipped(forward: Tensor, reverse: Tensor) -> Tensor:
    return torch.cat([forward, reverse.flip(0)], -1)


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
