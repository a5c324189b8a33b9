"""Initial and final states that belong to another layer, direction or timestep."""

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from rnncheck.faults.fault import Fault
from rnncheck.faults.never_visible import equal_starts, one_step
from rnncheck.faults.overridable import C, CutNetwork, H
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Network, Sweep

Other = Callable[[Spec, int, int], tuple[int, int]]  # the layer and direction that stands in for this one


def faults(spec: Spec) -> Iterator[Fault]:
    yield Fault("final-state-wrong", "one step early", final_at(before_last))
    yield Fault("final-state-wrong", "the initial state", final_at(initial))
    yield from far_ends(spec)
    if spec.cell is Cell.LSTM and not spec.proj_size:
        yield Fault("final-state-swapped", "h_n and c_n", HiddenAndCell)
        yield Fault("final-state-swapped", "h and c, after every step", HiddenAndCellOfSteps)
    for name, other in others(spec).items():
        start = starting(other)
        yield Fault("layer-state-swapped", name, start, hidden=equal_starts(start, "the states in question are equal"))
        slug = "final-state-wrong" if name.endswith("for all") else "final-state-swapped"
        yield Fault(slug, name, final_of(other))


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
    """The ways to take one layer's or direction's state for another's."""
    found: dict[str, Other] = {}
    if spec.directions > 1:
        found["directions"] = lambda spec, layer, direction: (layer, 1 - direction)
    if spec.num_layers > 1:
        found["layers"] = lambda spec, layer, direction: (spec.num_layers - 1 - layer, direction)
        found["the first for all"] = lambda spec, layer, direction: (0, direction)
        found["the last for all"] = lambda spec, layer, direction: (spec.num_layers - 1, direction)
    if spec.num_layers > 1 and spec.directions > 1:
        found["direction before layer"] = direction_before_layer
    return found


def direction_before_layer(spec: Spec, layer: int, direction: int) -> tuple[int, int]:
    """Whose state is at index direction * L + layer, where this one's should be."""
    return divmod(direction * spec.num_layers + layer, spec.directions)


def starting(other: Other) -> type[Network]:
    class Starting(CutNetwork):
        def start(self, state: State, layer: int, direction: int) -> Carry:
            return super().start(state, *other(self.spec, layer, direction))

    return Starting


def final_of(other: Other) -> type[Network]:
    class FinalOf(CutNetwork):
        def final_state(self, sweeps: Sequence[Sweep]) -> State:
            directions = self.spec.directions
            places = [other(self.spec, *divmod(k, directions)) for k in range(len(sweeps))]
            return super().final_state([sweeps[layer * directions + direction] for layer, direction in places])

    return FinalOf


def final_at(which: Callable[[Carry, Sequence[Carry]], Carry]) -> type[Network]:
    """The final state is the one of another step."""

    class FinalAt(CutNetwork):
        def unroll(self, w: LayerWeights, x: Tensor, carry: Carry, active: Tensor | None) -> Sweep:
            sweep = super().unroll(w, x, carry, active)
            return sweep._replace(final=which(carry, sweep.history))

    return FinalAt


def before_last(start: Carry, history: Sequence[Carry]) -> Carry:
    return history[-2] if len(history) > 1 else start


def initial(start: Carry, history: Sequence[Carry]) -> Carry:
    return start


def at_far_end(direction: int, *parts: int) -> type[Network]:
    """In one direction, these parts of the final state are those after its first step."""

    class AtFarEnd(CutNetwork):
        def unroll(self, w: LayerWeights, x: Tensor, carry: Carry, active: Tensor | None) -> Sweep:
            sweep = super().unroll(w, x, carry, active)
            if self.here[1] != direction:
                return sweep
            mixed = (sweep.history[0][k] if k in parts else each for k, each in enumerate(sweep.final))
            return sweep._replace(final=tuple(mixed))

    return AtFarEnd


class HiddenAndCell(CutNetwork):
    """h_n and c_n stand in each other's place."""

    def final_state(self, sweeps: Sequence[Sweep]) -> State:
        state = super().final_state(sweeps)
        return state if state.c is None else State(state.c, state.h)


class HiddenAndCellOfSteps(CutNetwork):
    """Every step hands on c' as h and h' as c, to the next one and as its output."""

    def lstm_step(self, w: LayerWeights, p: Tensor, h: Tensor, c: Tensor) -> Carry:
        new_h, new_c = super().lstm_step(w, p, h, c)
        return new_c, new_h
