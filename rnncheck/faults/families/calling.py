"""Faults of calls: state kept between calls, missing gradients, and options without effect."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.shared import Change, altering
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, DirectionRun, Given, Network


@family(reported=15)
def of_calls(spec: Spec) -> Iterator[Fault]:
    if spec.dropout:
        yield Fault("dropout-in-eval", "", numbered(DropoutInEval))
    yield Fault("state-leaks-between-calls", "", StateKept, "calls")
    yield Fault("input-mutated", "x", InputOverwritten, "calls")
    yield Fault("input-mutated", "h0", StateOverwritten, "calls")
    yield Fault("nondeterministic", "", numbered(Nondeterministic), "calls")


def numbered(mixin: type[Network]) -> type[Network]:
    """The same class with a count of its own: each network that is built of it has other random numbers, and a
    catalogue that is asked for again begins with the same ones.
    """
    return type(mixin.__name__, (mixin,), {"built": count()})


class DropoutInEval(CutNetwork):
    """Applies dropout between layers in eval mode."""

    built: Iterator[int]

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.random = torch.Generator().manual_seed(next(self.built))

    def drop(self, below: Tensor, dropout: float) -> Tensor:
        keep = 1 - self.spec.dropout
        kept = torch.rand(below.shape, generator=self.random).to(below.device) < keep
        return below.where(kept, 0) / keep


class StateKept(CutNetwork):
    """Starts a call from the final states of the previous call, if their shape fits."""

    kept: State | None = None

    def initial_state(self, x: Tensor, state: State | None) -> State:
        given = super().initial_state(x, state)
        return self.kept if self.kept is not None and self.kept.h.shape == given.h.shape else given

    def final_state(self, sweeps: Sequence[DirectionRun]) -> State:
        self.kept = super().final_state(sweeps)
        return self.kept


class InputOverwritten(CutNetwork):
    """Changes x in place: after a call, x holds other numbers."""

    def trace(self, given: Given) -> Trace:
        trace = super().trace(given)
        given.x.data.tanh_()
        return trace


class StateOverwritten(CutNetwork):
    """Writes the final state into h0, where the shapes are the same."""

    def trace(self, given: Given) -> Trace:
        trace = super().trace(given)
        h0 = None if given.state is None else given.state.h
        if h0 is not None and h0.shape == trace.final.h.shape:
            h0.data.copy_(trace.final.h)
        return trace


class Nondeterministic(CutNetwork):
    """Changes the outputs by up to 0.1 %, by other random amounts in each call."""

    built: Iterator[int]

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.random = torch.Generator().manual_seed(next(self.built))

    def trace(self, given: Given) -> Trace:
        trace = super().trace(given)
        noise = torch.rand(trace.output.shape, generator=self.random).to(trace.output)
        return replace(trace, output=trace.output * (1 + 1e-3 * noise))


PARAMETERS = {
    "weight_ih": "W_ih",
    "weight_hh": "W_hh",
    "bias_ih": "b_ih",
    "bias_hh": "b_hh",
    "weight_hr": "W_hr",
}


@family(reported=16)
def of_gradients(spec: Spec) -> Iterator[Fault]:
    yield Fault("gradient-detached", "", detaching(0, 1), "gradients")
    if spec.cell is Cell.LSTM:
        yield Fault("gradient-detached", "h alone", detaching(0), "gradients")
        yield Fault("gradient-detached", "c alone", detaching(1), "gradients")
    yield Fault("gradient-detached", "initial state", StartDetached, "gradients")
    shapes = spec.recurrent_shapes()
    for name, field in PARAMETERS.items():
        if f"{name}_l0" in shapes:
            yield Fault("gradient-missing", name, altering(detached(field)), "gradients")
    yield Fault("gradient-missing", "x", InputDetached, "gradients")


def detaching(*parts: int) -> type[Network]:
    """Detaches the state before every step: of the LSTM h, c or both."""

    class Detaching(CutNetwork):
        def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
            return super().step(w, p, tuple(each.detach() if k in parts else each for k, each in enumerate(carry)))

    return Detaching


class StartDetached(CutNetwork):
    """Detaches the initial state."""

    def start(self, state: State, layer: int, direction: int) -> Carry:
        return tuple(each.detach() for each in super().start(state, layer, direction))


class InputDetached(CutNetwork):
    """Detaches x."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        return super().layer_input(layer, x.detach(), below, dropout)


def detached(field: str) -> Change:
    def change(w: LayerWeights) -> LayerWeights:
        return w._replace(**{field: getattr(w, field).detach()})

    return change


@family(reported=17)
def of_options(spec: Spec) -> Iterator[Fault]:
    if spec.num_layers > 1:
        yield Fault("option-ignored", "num_layers", OneLayer)


class OneLayer(CutNetwork):
    """Builds one layer for any num_layers."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(replace(spec, num_layers=1, dropout=0.0))
