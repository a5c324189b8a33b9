"""Which gradients are not compared, or in part, and that it is said."""

import pytest
import torch

from rnncheck.envelope import rounding_of
from rnncheck.evidence.gradients import backward_comparisons, within_reach
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.implementations import load
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.weights import draw
from tests.backward_cases import backward, given, wrong
from tests.differentiable import (
    Differentiable,
)
from tests.fakes import Fake


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("candidate", ["numpy", Fake()])
def test_a_layer_that_cannot_be_differentiated_is_not_compared(candidate):
    assert backward(candidate) == ([], [], "gradients were not compared: the candidate cannot be differentiated")


def test_a_reference_that_cannot_be_differentiated_is_not_compared():
    assert backward("scratch", against="numpy").note.endswith("the reference cannot be differentiated")


def test_long_and_wide_runs_are_checked_in_part():
    found = backward("scratch", Spec(hidden_size=64), shape=(40, 200))
    assert found.note == "gradients were compared on 11 of 200 batch rows and the first 24 of 40 timesteps"
    assert not wrong(found)


def test_a_run_with_lengths_is_cut_with_them():
    found = backward("scratch", Spec(), lengths=(40, 3, 36), shape=(40, 3))
    assert found.note == "gradients were compared on the first 24 of 40 timesteps"
    assert not wrong(found)


def test_a_huge_layer_is_not_checked():
    spec = Spec(Cell.LSTM, 1024, 1024)
    assert within_reach(spec, 100, 32) is None
    assert within_reach(Spec(Cell.LSTM, 600, 600), 100, 32) == (8, 2)


def test_a_candidate_without_float64_is_judged_at_the_dtype_alone():
    found = backward(Differentiable(refuses="it has no float64"), in_float64=True)
    assert {each.mode for each in found.comparisons} == {"backward"}
    assert found.note == "gradients were not compared in float64: differentiable cannot run this: it has no float64"


def test_where_rounding_is_as_large_as_the_gradient_nothing_is_compared_and_that_is_said():
    spec = Spec(hidden_size=64, dtype=Dtype.BFLOAT16)
    weights = draw(spec, 0).scaled(60)
    built = [load(name).build(spec, weights) for name in ("scratch", "torch")]
    found = backward_comparisons(spec, weights, *built, *given(spec, 32, 3), held=rounding_of(spec))
    assert not wrong(found)
    assert "rounding error may be as large as it" in found.note


# What it leaves alone.


def test_it_works_in_inference_mode_with_layers_that_were_built_there():
    with torch.inference_mode():
        found = backward("scratch", Spec(Cell.LSTM, head="softmax"), in_float64=True)
    assert len(found.comparisons) == 14
    assert not wrong(found)


def test_it_leaves_no_gradient_and_no_random_number_behind():
    spec, weights = Spec(), draw(Spec(), 0)
    built = [load(name).build(spec, weights) for name in ("scratch", "torch")]
    x, state = given(spec)
    kept, drawn = x.clone(), torch.get_rng_state()
    backward_comparisons(spec, weights, *built, x, state, held=rounding_of(spec))
    assert all(leaf.grad is None for layer in built for leaf in layer.leaves().values())
    assert torch.equal(torch.get_rng_state(), drawn)
    assert torch.equal(x, kept)
    assert not x.requires_grad


def test_another_seed_is_another_projection():
    spec, weights = Spec(), draw(Spec(), 0)
    built = [load(name).build(spec, weights) for name in ("scratch", "torch")]
    values = [
        backward_comparisons(spec, weights, *built, *given(spec), held=Tolerance(1.0), seed=seed).comparisons[0]
        for seed in (0, 0, 1)
    ]
    assert values[0] == values[1] != values[2]
