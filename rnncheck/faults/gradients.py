"""The way back: states, outputs or parameters that the gradient does not reach."""

from collections.abc import Iterator, Sequence

from torch import Tensor

from rnncheck.faults.fault import Fault
from rnncheck.faults.other_parameters import Change, altering
from rnncheck.faults.overridable import CutNetwork
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Network, Sweep

PARAMETERS = {
    "weight_ih": "W_ih",
    "weight_hh": "W_hh",
    "bias_ih": "b_ih",
    "bias_hh": "b_hh",
    "weight_hr": "W_hr",
}


def faults(spec: Spec) -> Iterator[Fault]:
    yield Fault("gradient-detached", "", detaching(0, 1), "gradients")
    if spec.cell is Cell.LSTM:
        yield Fault("gradient-detached", "c alone", detaching(1), "gradients")
    yield Fault("gradient-detached", "initial state", StartDetached, "gradients")
    yield Fault("gradient-detached", "final state", FinalDetached, "gradients")
    yield Fault("gradient-detached", "output", OutputDetached, "gradients")
    shapes = spec.recurrent_shapes()
    for name, field in PARAMETERS.items():
        if f"{name}_l0" in shapes:
            yield Fault("gradient-missing", name, altering(detached(field)), "gradients")
    yield Fault("gradient-missing", "x", InputDetached, "gradients")


def detaching(*parts: int) -> type[Network]:
    """Every step starts from states that are cut off from those before: of the LSTM h, c or both."""

    class Detaching(CutNetwork):
        def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
            return super().step(w, p, tuple(each.detach() if k in parts else each for k, each in enumerate(carry)))

    return Detaching


class StartDetached(CutNetwork):
    """No gradient reaches the initial state."""

    def start(self, state: State, layer: int, direction: int) -> Carry:
        return tuple(each.detach() for each in super().start(state, layer, direction))


class FinalDetached(CutNetwork):
    """The final state is given without its gradient."""

    def final_state(self, sweeps: Sequence[Sweep]) -> State:
        state = super().final_state(sweeps)
        return State(state.h.detach(), None if state.c is None else state.c.detach())


class OutputDetached(CutNetwork):
    """The outputs are given without their gradient."""

    def merge(self, sides: Sequence[Sweep]) -> Tensor:
        output = super().merge(sides)
        return output.detach() if self.here[0] == self.spec.num_layers - 1 else output


class InputDetached(CutNetwork):
    """No gradient reaches x."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        return super().layer_input(layer, x.detach(), below, dropout)


def detached(field: str) -> Change:
    def change(w: LayerWeights) -> LayerWeights:
        return w._replace(**{field: getattr(w, field).detach()})

    return change
