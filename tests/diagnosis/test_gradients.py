"""The diagnosis of gradients: the fault whose gradients are the candidate's, and what only follows from another."""

import pytest
import torch
from faults.scenes import scene
from torch import Tensor

from rnncheck.diagnosis import diagnose_gradients, follows
from rnncheck.faults.catalogue import by_name, faults_of
from rnncheck.faults.families import slopes, state_gradients, weight_gradients
from rnncheck.faults.fault import Fault
from rnncheck.faults.planted import Planted
from rnncheck.implementations import load
from rnncheck.model.spec import Cell, Spec
from rnncheck.report import Finding
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Network

SPEC = Spec(Cell.LSTM, num_layers=2)


@pytest.mark.parametrize(
    "fault", [each for each in faults_of(SPEC) if each.shows_in == "gradients"], ids=lambda each: each.title
)
def test_each_fault_of_gradients_is_named(fault: Fault) -> None:
    (finding,) = diagnose_gradients(Planted("it", fault.network), scene(SPEC), ["grad x"])
    assert finding.slug == fault.slug
    assert finding.explains == 1.0


class Doubled(torch.autograd.Function):
    """The same number, with twice its gradient."""

    @staticmethod
    def forward(ctx: object, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return 2 * gradient


class TwiceTheGradient(Network):
    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        return super().step(w, Doubled.apply(p), carry)  # type: ignore[no-untyped-call]


def test_gradients_that_no_fault_has_are_given_no_name() -> None:
    (finding,) = diagnose_gradients(Planted("it", TwiceTheGradient), scene(SPEC), ["grad x", "grad weight_ih_l0"])
    assert finding.slug == "unexplained"
    assert finding.explains == 0.0
    assert "grad x and grad weight_ih_l0" in finding.message


class DetachedForTheseWeights(Network):
    """A bug that is no known fault, but looks like one with the weights of the run."""

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        special = any(torch.equal(w.W_hh.T, scene(SPEC).weights[f"weight_hh_l{layer}"].double()) for layer in (0, 1))
        return super().step(w, p, tuple(each.detach() for each in carry) if special else carry)


def test_a_fault_that_other_weights_refute_is_not_named() -> None:
    (finding,) = diagnose_gradients(Planted("it", DetachedForTheseWeights), scene(SPEC), ["grad h0"])
    assert finding.slug == "unexplained"


def test_what_only_follows_from_no_recurrence_is_known_to() -> None:
    with torch.inference_mode():
        following = follows((by_name("no-recurrence", SPEC),), load("torch"), scene(SPEC))
    assert following(Finding("gradient-missing", "no gradient reaches h0, c0 and weight_hh_l0: not used"))
    assert following(Finding("gradient-detached", "states are detached between timesteps"))
    assert not following(Finding("gradient-missing", "no gradient reaches weight_ih_l0: detached"))
    assert not following(Finding("parameter-not-registered", "weight_hh_l0 would never be trained"))


def test_nothing_follows_from_a_fault_that_leaves_all_gradients() -> None:
    following = follows((by_name("forget-bias-added", SPEC),), load("torch"), scene(SPEC))
    assert not following(Finding("gradient-detached", "states are detached between timesteps"))


@pytest.mark.parametrize(
    ("cell", "variant"),
    [(Cell.LSTM, "f: (1 - f) is missing"), (Cell.GRU, "z: h - n is missing"), (Cell.RNN, "h: 1 - h^2 is missing")],
)
def test_a_factor_that_is_missing_is_named_with_its_gate(cell: Cell, variant: str) -> None:
    spec = Spec(cell)
    fault = next(each for each in slopes.variants(spec) if each.variant == variant)
    (finding,) = diagnose_gradients(Planted("it", fault.network), scene(spec), ["grad x"])
    assert (finding.slug, finding.variant, finding.explains) == ("gate-gradient-wrong", variant, 1.0)


BACKWARD = [
    (spec, fault)
    for spec in map(Spec, Cell)
    for kind in (weight_gradients, state_gradients)
    for fault in kind.variants(spec)
]


@pytest.mark.sample(6)
@pytest.mark.parametrize(("spec", "fault"), BACKWARD, ids=[f"{spec.cell} {fault.variant}" for spec, fault in BACKWARD])
def test_what_a_backward_adds_up_or_carries_back_wrongly_is_named(spec: Spec, fault: Fault) -> None:
    (finding,) = diagnose_gradients(Planted("it", fault.network), scene(spec), ["grad x"])
    assert (finding.slug, finding.variant, finding.explains) == (fault.slug, fault.variant, 1.0)


def doubling(gate: int, first: int) -> type[Network]:
    """The gradient of one gate's sums is doubled, from the step `first` on, counted from each start."""

    class Doubling(Network):
        def project(self, w: LayerWeights, x: Tensor) -> Tensor:
            gates = list(super().project(w, x).chunk(4, -1))
            late = torch.cat([gates[gate][:first], Doubled.apply(gates[gate][first:])])
            return torch.cat([*gates[:gate], late, *gates[gate + 1 :]], -1)

    return Doubling


def test_what_no_fault_has_is_located_at_a_step_and_a_gate() -> None:
    spec = Spec(Cell.LSTM)
    (finding,) = diagnose_gradients(Planted("it", doubling(1, 0)), scene(spec), ["grad x"])
    assert finding.slug == "unexplained"
    assert "in the single step t = 0" in finding.message
    assert "the rows of gate f in grad weight_ih_l0" in finding.message


def test_where_every_step_is_right_by_itself_that_is_said() -> None:
    (finding,) = diagnose_gradients(Planted("it", doubling(1, 1)), scene(Spec(Cell.LSTM)), ["grad x"])
    assert "the gradients of each single step are right" in finding.message


class NeedsTwoSteps(torch.autograd.Function):
    """Twice the gradient, by a backward that reads the second timestep."""

    @staticmethod
    def forward(ctx: object, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return 2 * gradient + 0 * gradient[1]


class FailsAtOneStep(Network):
    def project(self, w: LayerWeights, x: Tensor) -> Tensor:
        projected: Tensor = NeedsTwoSteps.apply(super().project(w, x))  # type: ignore[no-untyped-call]
        return projected


def test_a_backward_that_fails_for_one_timestep_is_told_and_raises_nothing() -> None:
    spec = Spec(Cell.RNN)
    (finding,) = diagnose_gradients(Planted("it", FailsAtOneStep), scene(spec), ["grad x"])
    assert finding.slug == "unexplained"
    assert "differentiated for one timestep alone, it fails" in finding.message
