"""Initial and final states that belong to another layer, direction or timestep."""

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from rnncheck.faults.cut import CutNetwork
from rnncheck.faults.fault import Fault
from rnncheck.faults.reasons import equal_starts, one_step
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Network, Sweep
from rnncheck.spec import Cell, Spec
from rnncheck.trace import State

Other = Callable[[Spec, int, int], tuple[int, int]]  # the layer and direction that stands in for this one


def faults(spec: Spec) -> Iterator[Fault]:
    yield Fault("final-state-wrong", "one step early", final_at(before_last))
    yield Fault("final-state-wrong", "the initial state", final_at(initial))
    if spec.bidirectional:
        yield Fault("final-state-wrong", "reverse at the last timestep", ReverseAtLast, hidden=one_step)
    if spec.cell is Cell.LSTM and not spec.proj_size:
        yield Fault("final-state-swapped", "h_n and c_n", HiddenAndCell)
    for name, other in others(spec).items():
        start = starting(other)
        yield Fault("layer-state-swapped", name, start, hidden=equal_starts(start, "the states in question are equal"))
        slug = "final-state-wrong" if name.endswith("for all") else "final-state-swapped"
        yield Fault(slug, name, final_of(other))


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


class ReverseAtLast(CutNetwork):
    """The reverse direction's final state is taken where the forward one's is: after its first step."""

    def unroll(self, w: LayerWeights, x: Tensor, carry: Carry, active: Tensor | None) -> Sweep:
        sweep = super().unroll(w, x, carry, active)
        return sweep._replace(final=sweep.history[0]) if self.here[1] else sweep


class HiddenAndCell(CutNetwork):
    """h_n and c_n stand in each other's place."""

    def final_state(self, sweeps: Sequence[Sweep]) -> State:
        state = super().final_state(sweeps)
        return state if state.c is None else State(state.c, state.h)
