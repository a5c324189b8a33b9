"""Faults of layers: what a layer reads, and the initial and final states of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.overridable import C, CutNetwork, H
from rnncheck.faults.scene import Scene
from rnncheck.faults.shared import equal_starts, one_step, unchanged
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, DirectionRun, Network


@family(reported=12)
def of_layers(spec: Spec) -> Iterator[Fault]:
    as_wide = spec.input_size == spec.output_size
    if spec.num_layers > 1 or as_wide:
        yield Fault("residual-connection", "", residual(1.0))
        yield Fault("residual-connection", "halved", residual(0.5))
    if spec.num_layers == 1:
        return
    if as_wide:
        yield Fault("layer-input-wrong", "x", ReadsX)
        yield sharing("", SharedByLayers)
    yield sharing("W_hh and biases", SharedRecurrentWeights)
    yield Fault("layer-input-wrong", "one step late", ReadsLate)
    yield Fault("layer-input-wrong", "the state before the step", ReadsStateBefore)
    if spec.num_layers > 2:
        yield sharing("the upper layers", SharedUpperWeights)
        yield Fault("layer-input-wrong", "the first layer's output", ReadsFirst)
    if spec.bidirectional:
        yield Fault("layer-input-wrong", "forward twice", ReadsForwardTwice)


def residual(scale: float) -> type[Network]:
    """The output of a layer is added to a multiple of what it reads, where their widths are the same."""

    class Residual(CutNetwork):
        def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
            self.read = super().layer_input(layer, x, below, dropout)
            return self.read

        def merge(self, sides: Sequence[DirectionRun]) -> Tensor:
            output = super().merge(sides)
            return output + scale * self.read if self.read.shape == output.shape else output

    return Residual


class ReadsX(CutNetwork):
    """Every layer reads x."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        return super().layer_input(layer, x, x, dropout)


class ReadsLate(CutNetwork):
    """At timestep t the upper layers read what the layer below gave at t - 1, and zero at the first."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        read = super().layer_input(layer, x, below, dropout)
        return torch.cat([torch.zeros_like(read[:1]), read[:-1]]) if layer else read


class ReadsStateBefore(CutNetwork):
    """At timestep t the upper layers read the state that the layer below has before its step t."""

    def outputs(self, start: Carry, history: Sequence[Carry]) -> Tensor:
        highest = self.here[0] == self.spec.num_layers - 1
        return super().outputs(start, history if highest else [start, *history[:-1]])


class ReadsFirst(CutNetwork):
    """Every upper layer reads the output of layer 0."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        if layer == 1:
            self.first = below
        return super().layer_input(layer, x, self.first if layer else below, dropout)


class ReadsForwardTwice(CutNetwork):
    """The upper layers read the forward direction twice instead of both directions."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        forward = below.chunk(2, -1)[0] if layer else below
        return super().layer_input(layer, x, torch.cat([forward, forward], -1) if layer else below, dropout)


class SharedByLayers(CutNetwork):
    """Every layer uses the parameters of layer 0."""

    def layer_weights(self, weights: Mapping[str, Tensor], layer: int, direction: int) -> LayerWeights:
        return super().layer_weights(weights, 0, direction)


class SharedRecurrentWeights(CutNetwork):
    """Every layer uses the recurrent weights and the biases of layer 0."""

    def layer_weights(self, weights: Mapping[str, Tensor], layer: int, direction: int) -> LayerWeights:
        own = super().layer_weights(weights, layer, direction)
        return super().layer_weights(weights, 0, direction)._replace(W_ih=own.W_ih)


class SharedUpperWeights(CutNetwork):
    """All layers above the lowest, which alone may be of another width, use the parameters of the first of them."""

    def layer_weights(self, weights: Mapping[str, Tensor], layer: int, direction: int) -> LayerWeights:
        return super().layer_weights(weights, min(layer, 1), direction)


def sharing(variant: str, mixin: type[Network]) -> Fault:
    def hidden(scene: Scene) -> str | None:
        return unchanged(mixin, "the layers have the same weights", scene)

    return Fault("layers-share-weights", variant, mixin, hidden=hidden)


Other = Callable[[Spec, int, int], tuple[int, int]]  # the layer and direction used instead of this one


@family(reported=8)
def of_states(spec: Spec) -> Iterator[Fault]:
    yield Fault("final-state-wrong", "one step early", final_at(before_last))
    yield Fault("final-state-wrong", "the initial state", final_at(initial))
    yield from far_ends(spec)
    if spec.num_layers > 1 and not spec.bidirectional:
        yield starting_where_ended(of_layers=True)
    if spec.bidirectional:
        yield starting_where_ended(of_layers=False)
    if spec.cell is Cell.LSTM and not spec.proj_size:
        yield Fault("final-state-swapped", "h_n and c_n", HiddenAndCell)
        yield Fault("final-state-swapped", "h and c, after every step", HiddenAndCellOfSteps)
        yield Fault("final-state-swapped", "h_n in place of c_n", twice(H), rare=True)
        yield Fault("final-state-swapped", "c_n in place of h_n", twice(C), rare=True)
    for name, other in others(spec).items():
        parts = {"": (H, C), ", h0 alone": (H,), ", c0 alone": (C,)} if spec.cell is Cell.LSTM else {"": (H,)}
        for part, which in parts.items():
            start = starting(other, which)
            hidden = equal_starts(start, "the states in question are equal")
            yield Fault("layer-state-swapped", name + part, start, hidden=hidden, rare=bool(part))
        slug = "final-state-wrong" if "for all" in name else "final-state-swapped"
        yield Fault(slug, name, final_of(other, (H, C)))
        for part, k in {", h_n alone": H, ", c_n alone": C}.items() if spec.cell is Cell.LSTM else ():
            yield Fault(slug, name + part, final_of(other, (k,)), rare=True)


def starting_where_ended(*, of_layers: bool) -> Fault:
    """A layer begins where the layer below ended, or the reverse direction where the forward one ended."""

    class StartingWhereEnded(CutNetwork):
        def unroll(self, w: LayerWeights, x: Tensor, carry: Carry, active: Tensor | None) -> DirectionRun:
            self.last = super().unroll(w, x, carry, active)
            return self.last

        def start(self, state: State, layer: int, direction: int) -> Carry:
            later = layer > 0 and direction == 0 if of_layers else direction > 0
            return self.last.final if later else super().start(state, layer, direction)

    what = "where the layer below ended" if of_layers else "reverse where forward ended"
    return Fault("layer-state-swapped", what, StartingWhereEnded)


def far_ends(spec: Spec) -> Iterator[Fault]:
    """Final states taken from where a direction begins: what output[0] holds of the forward one, output[-1] of the
    reverse one.
    """
    names = ("forward at the first timestep", "reverse at the last timestep")
    for direction in range(spec.directions):
        name = names[direction] if spec.bidirectional else "at the first timestep"
        yield Fault("final-state-wrong", name, at_far_end(direction, H, C), hidden=one_step)
        if spec.cell is Cell.LSTM:
            yield Fault("final-state-wrong", f"{name}, h_n alone", at_far_end(direction, H), hidden=one_step)


def others(spec: Spec) -> dict[str, Other]:
    """Faults that return the final state of another layer or direction."""
    found: dict[str, Other] = {}
    if spec.directions > 1:
        found["directions"] = lambda spec, layer, direction: (layer, 1 - direction)
        found["forward for all directions"] = lambda spec, layer, direction: (layer, 0)
    if spec.num_layers > 1:
        found["layers"] = lambda spec, layer, direction: (spec.num_layers - 1 - layer, direction)
        found["the first for all"] = lambda spec, layer, direction: (0, direction)
        found["the last for all"] = lambda spec, layer, direction: (spec.num_layers - 1, direction)
    if spec.num_layers > 1 and spec.directions > 1:
        found["direction before layer"] = direction_before_layer
        found["the first forward one for all"] = lambda spec, layer, direction: (0, 0)
    return found


def direction_before_layer(spec: Spec, layer: int, direction: int) -> tuple[int, int]:
    """The layer and direction whose state is at index direction * L + layer."""
    return divmod(direction * spec.num_layers + layer, spec.directions)


def starting(other: Other, parts: tuple[int, ...]) -> type[Network]:
    """Takes these parts of the initial state from another layer or direction."""

    class Starting(CutNetwork):
        def start(self, state: State, layer: int, direction: int) -> Carry:
            own = super().start(state, layer, direction)
            others = super().start(state, *other(self.spec, layer, direction))
            return tuple(others[k] if k in parts else each for k, each in enumerate(own))

    return Starting


def final_of(other: Other, parts: tuple[int, ...]) -> type[Network]:
    """Returns these parts of the final state of another layer or direction."""

    class FinalOf(CutNetwork):
        def final_state(self, sweeps: Sequence[DirectionRun]) -> State:
            directions = self.spec.directions
            places = [other(self.spec, *divmod(k, directions)) for k in range(len(sweeps))]
            others = [sweeps[layer * directions + direction] for layer, direction in places]
            own, theirs = super().final_state(sweeps), super().final_state(others)
            c = theirs.c if C in parts else own.c
            return State(theirs.h if H in parts else own.h, c)

    return FinalOf


def final_at(which: Callable[[Carry, Sequence[Carry]], Carry]) -> type[Network]:
    """The final state is that of another timestep."""

    class FinalAt(CutNetwork):
        def unroll(self, w: LayerWeights, x: Tensor, carry: Carry, active: Tensor | None) -> DirectionRun:
            sweep = super().unroll(w, x, carry, active)
            return sweep._replace(final=which(carry, sweep.history))

    return FinalAt


def before_last(start: Carry, history: Sequence[Carry]) -> Carry:
    return history[-2] if len(history) > 1 else start


def initial(start: Carry, history: Sequence[Carry]) -> Carry:
    return start


def at_far_end(direction: int, *parts: int) -> type[Network]:
    """In one direction, these parts of the final state are those after the first step."""

    class AtFarEnd(CutNetwork):
        def unroll(self, w: LayerWeights, x: Tensor, carry: Carry, active: Tensor | None) -> DirectionRun:
            sweep = super().unroll(w, x, carry, active)
            if self.here[1] != direction:
                return sweep
            mixed = (sweep.history[0][k] if k in parts else each for k, each in enumerate(sweep.final))
            return sweep._replace(final=tuple(mixed))

    return AtFarEnd


class HiddenAndCell(CutNetwork):
    """Swaps h_n and c_n."""

    def final_state(self, sweeps: Sequence[DirectionRun]) -> State:
        state = super().final_state(sweeps)
        return state if state.c is None else State(state.c, state.h)


def twice(part: int) -> type[Network]:
    """Returns h_n, or c_n, as both of the LSTM's final states."""

    class Twice(CutNetwork):
        def final_state(self, sweeps: Sequence[DirectionRun]) -> State:
            kept = super().final_state(sweeps).tensors()[part]
            return State(kept, kept)

    return Twice


class HiddenAndCellOfSteps(CutNetwork):
    """Every step returns c' as h and h' as c, for the next step and for the output."""

    def lstm_step(self, w: LayerWeights, p: Tensor, h: Tensor, c: Tensor) -> Carry:
        new_h, new_c = super().lstm_step(w, p, h, c)
        return new_c, new_h
