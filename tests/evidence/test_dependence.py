"""The way back through time is said to be cut only where the values go on."""

import pytest
import torch

from rnncheck.data.random import initial_state
from rnncheck.envelope import rounding_of
from rnncheck.evidence.gradients import Backward, backward_comparisons
from rnncheck.implementations import load
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State
from rnncheck.model.weights import draw
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Network
from tests.differentiable import Detaches, DetachesAbove, Differentiable

T, B = 9, 3


class Forgets(Network):
    """The layers from `above` on start every fourth step from zero."""

    above = 0
    now = 0

    def side(self, weights, layer, *arguments):
        self.now = layer
        return super().side(weights, layer, *arguments)

    def scan(self, w: LayerWeights, p: torch.Tensor, carry: Carry, active: torch.Tensor | None) -> list[Carry]:
        if self.now < self.above:
            return super().scan(w, p, carry, active)
        history = list[Carry]()
        for p_t in p.split(4):
            history += super().scan(w, p_t, carry, None)
            carry = tuple(torch.zeros_like(each) for each in carry)
        return history


class ForgetsAbove(Forgets):
    above = 1


def backward(network: type[Network], spec: Spec, **withheld: frozenset[str]) -> Backward:
    x = torch.randn(T, B, spec.input_size, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    weights, state = draw(spec, 0), initial_state(spec, B)
    layers = [each.build(spec, weights) for each in (Differentiable(network), load("torch"))]
    return backward_comparisons(spec, weights, *layers, x, state, held=rounding_of(spec), **withheld)


def slugs(found: Backward) -> list[str]:
    return [finding.slug for finding in found.findings]


@pytest.mark.parametrize("cell", Cell)
@pytest.mark.parametrize("dtype", [Dtype.FLOAT32, Dtype.FLOAT64])
def test_a_state_that_is_lost_is_not_detached(cell: Cell, dtype: Dtype) -> None:
    found = backward(Forgets, Spec(cell, dtype=dtype))
    assert not all(each.agrees for each in found.comparisons)
    assert slugs(found) == []


@pytest.mark.parametrize(("network", "named"), [(ForgetsAbove, []), (DetachesAbove, ["gradient-detached"])])
def test_in_an_upper_layer_what_is_lost_is_told_from_what_is_detached(network: type[Network], named: list[str]) -> None:
    assert slugs(backward(network, Spec(Cell.GRU, num_layers=2, dtype=Dtype.FLOAT64))) == named


@pytest.mark.parametrize(("network", "named"), [(Forgets, []), (Detaches, ["gradient-detached"])])
@pytest.mark.parametrize("layers", [1, 2])
def test_without_an_initial_state_the_input_tells_them_apart(
    network: type[Network], named: list[str], layers: int
) -> None:
    found = backward(network, Spec(Cell.GRU, num_layers=layers), withheld=frozenset({"h0"}))
    assert slugs(found) == named


def test_wrong_gradients_of_two_layers_without_an_initial_state_are_not_taken_for_detachment() -> None:
    class FirstBiasDoubled(Network):
        def layer_weights(self, weights, layer, direction):
            w = super().layer_weights(weights, layer, direction)
            return w if layer else w._replace(b_ih=2 * w.b_ih)

    found = backward(FirstBiasDoubled, Spec(Cell.GRU, num_layers=2), withheld=frozenset({"h0"}))
    assert not all(each.agrees for each in found.comparisons)
    assert slugs(found) == []


def test_a_result_that_depends_on_nothing_is_not_cut_off() -> None:
    class ZeroState(Network):
        def final_state(self, sweeps):
            return State(torch.zeros_like(super().final_state(sweeps).h))

    assert "gradient-detached" not in slugs(backward(ZeroState, Spec(Cell.GRU)))
