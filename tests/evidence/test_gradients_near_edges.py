"""Gradients in strongly recurrent layers and at kinks: right ones pass, wrong ones are found, and the rest is said."""

import pytest
import torch

from rnncheck.envelope import rounding_of
from rnncheck.evidence.gradients import Backward, backward_comparisons
from rnncheck.implementations import load
from rnncheck.implementations.protocol import Implementation
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.weights import draw
from tests.backward_cases import given, wrong
from tests.differentiable import Differentiable, FlipsAGate

STRONG = [
    (Spec(Cell.RNN, hidden_size=32), 20.0),
    (Spec(Cell.RNN, hidden_size=32, dtype=Dtype.FLOAT16), 60.0),
    (Spec(Cell.LSTM, hidden_size=16, num_layers=2, bidirectional=True), 50.0),
    (Spec(Cell.GRU, hidden_size=24, dtype=Dtype.BFLOAT16), 10.0),
    (Spec(Cell.RNN, hidden_size=32, nonlinearity="relu", dtype=Dtype.FLOAT16), 1.0),
]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def found(candidate: Implementation, spec: Spec, scale: float) -> Backward:
    weights, sides = draw(spec, 0).scaled(scale), (candidate, load("torch"))
    built = [side.build(spec, weights) for side in sides]
    held = rounding_of(spec)
    return backward_comparisons(spec, weights, *built, *given(spec, 24, 2), held=held, in_float64=sides)


@pytest.mark.sample(2)
@pytest.mark.parametrize(("spec", "scale"), STRONG, ids=str)
def test_right_ones_pass_and_flipped_ones_do_not(spec, scale):
    right = found(Differentiable(), spec, scale)
    assert not wrong(right)
    assert not wrong(right, "backward float64")
    assert wrong(found(Differentiable(FlipsAGate), spec, scale), "backward float64")


def test_how_far_they_are_judged_is_said():
    told = found(Differentiable(), *STRONG[1])
    assert "timesteps; after them rounding error is too large" in told.note
    assert any(each.compared for each in told.comparisons if each.mode == "backward")
