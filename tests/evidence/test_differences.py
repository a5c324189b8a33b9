"""The fold that compares, on what it must say of numbers; test_compare_brute_force.py holds every fact to an oracle."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from rnncheck.evidence import differences
from rnncheck.evidence.differences import Fold, Limit
from rnncheck.evidence.places import in_output
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.model.spec import Spec
from rnncheck.report import Comparison, Divergence, Place

LOCATE = in_output(Spec(hidden_size=4, num_layers=2, bidirectional=True))
NOTHING, LITTLE = Tolerance(0.0, 0.0), Tolerance(1e-5, 1e-6)


def compared(candidate: Tensor | None, reference: Tensor | None, tolerance: Limit = LITTLE) -> Comparison:
    fold = Fold("output", LOCATE)
    fold.add(candidate, reference, tolerance)
    return fold.result()


@pytest.fixture
def states() -> Tensor:
    """(T, B, D*H) = (6, 3, 8)."""
    return torch.randn(6, 3, 8, generator=torch.Generator().manual_seed(0)).tanh_()


def test_equal_sides_agree_and_use_nothing_of_the_budget_even_where_none_is_allowed(states: Tensor) -> None:
    for tolerance in (LITTLE, NOTHING):
        found = compared(states.clone(), states, tolerance)
        assert found.agrees
        assert (found.max_abs, found.max_ulp, found.budget_used) == (0.0, 0.0, 0.0)
        assert (found.compared, found.exceeded, found.nonfinite) == (144, 0, 0)
        assert found.first_divergence is None


def test_a_difference_within_the_tolerance_agrees_and_is_still_told(states: Tensor) -> None:
    candidate = states.clone()
    candidate[4, 2, 7] += 5e-6
    found = compared(candidate, states)
    assert found.agrees
    assert found.at == Place(t=4, batch=2, unit=3, layer=1, direction="reverse")
    assert found.max_abs == pytest.approx(5e-6, rel=0.02)
    assert found.budget_used == pytest.approx(5e-6 / (1e-5 + 1e-6 * abs(float(states[4, 2, 7]))), rel=0.02)


def test_one_step_beyond_what_is_allowed_is_a_mismatch() -> None:
    reference = torch.ones(1, 1, 8, dtype=torch.float64)
    candidate = reference + 0.25
    assert compared(candidate, reference, Tolerance(0.25, 0.0)).agrees
    found = compared(torch.nextafter(candidate, candidate + 1), reference, Tolerance(0.25, 0.0))
    assert not found.agrees
    assert found.exceeded == 8
    assert found.budget_used > 1


def test_the_worst_and_the_first_are_told_apart(states: Tensor) -> None:
    candidate = states.clone()
    candidate[5, 0, 1] += 1.0
    candidate[2, 1, 6] += 0.01
    candidate[2, 2, 0] += 0.02
    found = compared(candidate, states)
    assert found.at == Place(t=5, batch=0, unit=1, layer=1, direction="forward")
    assert found.first_divergence == Divergence("output", t=2, layer=1, direction="forward", batch=2, unit=0)
    assert found.exceeded == 3
    assert found.candidate_value - found.reference_value == pytest.approx(1.0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("rtol", [0.0, 1e-6, 1.0])
@pytest.mark.parametrize("wrong_side", ["candidate", "reference"])
def test_a_nan_or_infinity_on_one_side_is_a_difference_without_bound(
    states: Tensor, value: float, rtol: float, wrong_side: str
) -> None:
    sides = {"candidate": states.clone(), "reference": states.clone()}
    sides[wrong_side][3, 1, 2] = value
    found = compared(**sides, tolerance=Tolerance(1e-5, rtol))
    assert (found.exceeded, found.max_abs, found.budget_used) == (1, math.inf, math.inf)
    assert found.compared == states.numel()
    assert found.at == Place(t=3, batch=1, unit=2, layer=1, direction="forward")
    assert found.first_divergence is not None
    assert found.first_divergence.t == 3


def test_infinities_of_opposite_sign_differ(states: Tensor) -> None:
    candidate, reference = states.clone(), states.clone()
    candidate[0, 0, 0], reference[0, 0, 0] = math.inf, -math.inf
    assert compared(candidate, reference, Tolerance(1e-5, 1.0)).exceeded == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_same_nan_or_infinity_on_both_sides_agrees_but_is_not_compared(states: Tensor, value: float) -> None:
    states[2, 0, 5] = value
    found = compared(states.clone(), states)
    assert found.agrees
    assert (found.compared, found.nonfinite, found.max_abs, found.budget_used) == (143, 1, 0.0, 0.0)


def test_nan_everywhere_on_both_sides_compares_nothing(states: Tensor) -> None:
    found = compared(states * math.nan, states * math.nan)
    assert (found.compared, found.nonfinite) == (0, 144)


def test_a_difference_that_overflows_is_without_bound() -> None:
    large = torch.full((1, 1, 8), 3e38)
    assert compared(large, -large).max_abs == math.inf


def test_a_shape_that_only_broadcasts_is_a_problem_not_a_comparison(states: Tensor) -> None:
    found = compared(states[:, :1], states)
    assert not found.agrees
    assert found.problem == "the candidate's shape is (6, 1, 8), the reference's (6, 3, 8)"
    assert (found.compared, found.at) == (0, None)


def test_another_dtype_is_a_problem_even_when_the_numbers_are_equal(states: Tensor) -> None:
    assert compared(states.double(), states).problem == "the candidate's dtype is float64, the reference's float32"


def test_a_side_that_has_none_is_a_problem(states: Tensor) -> None:
    assert compared(None, states).problem == "the candidate has none; the reference's has shape (6, 3, 8)"
    assert compared(states, None).problem == "the reference has none"


def test_a_problem_in_a_later_chunk_is_not_forgotten(states: Tensor) -> None:
    fold = Fold("output", LOCATE)
    for candidate in (states.clone(), states[:, :1], states.clone()):
        fold.add(candidate, states, LITTLE)
    assert fold.result().problem == "the candidate's shape is (6, 1, 8), the reference's (6, 3, 8)"


def test_nothing_at_all_compares_nothing() -> None:
    assert Fold("output", LOCATE).result().compared == 0
    assert compared(torch.empty(6, 0, 8), torch.empty(6, 0, 8)).compared == 0
    assert compared(torch.empty(0, 3, 8), torch.empty(0, 3, 8)).compared == 0


def test_where_the_allowance_is_without_bound_nothing_is_judged(states: Tensor) -> None:
    candidate, allowed = states.clone(), torch.full_like(states, 1e-5)
    allowed[3:] = math.inf
    candidate[3, 0, 0], candidate[4, 1, 1], candidate[5] = math.nan, math.inf, 9.0
    found = compared(candidate, states, allowed)
    assert found.agrees
    assert (found.compared, found.unjudged, found.nonfinite, found.max_abs) == (72, 72, 0, 0.0)
    candidate[2, 1, 6] += 1e-3
    found = compared(candidate, states, allowed)
    assert (found.exceeded, found.first_divergence.t) == (1, 2)


def test_what_is_not_judged_is_never_the_worst_place(states: Tensor) -> None:
    allowed = torch.full_like(states, 1e-5)
    allowed[:2] = math.inf
    found = compared(states.clone(), states, allowed)
    assert (found.at.t, found.envelope_at_max) == (2, pytest.approx(1e-5))
    assert found.reference_value == float(states[2, 0, 0])


def test_where_nothing_is_judged_nothing_is_compared(states: Tensor) -> None:
    found = compared(states + 1, states, torch.full_like(states, math.inf))
    assert (found.compared, found.unjudged, found.at) == (0, 144, None)


def test_the_largest_difference_is_told_in_the_last_places_asked_for() -> None:
    """As for float32 states, widened, that are held against exact ones."""
    reference = torch.ones(1, 1, 8, dtype=torch.float64)
    fold = Fold("h", LOCATE, dtype=torch.float32)
    fold.add(reference + 3 * 2.0**-23, reference, LITTLE)
    assert fold.result().max_ulp == 3


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("value", [1.0, -0.3, 1000.0, 0.0, 1e-44])
def test_ulps_are_counted_as_nextafter_counts_them(value: float, steps: int) -> None:
    reference, away = np.float32(value), np.float32(value)
    for _ in range(steps):
        away = np.nextafter(away, np.float32(np.copysign(np.inf, value)))
    sides = (torch.tensor(side).expand(1, 1, 8) for side in (away, reference))
    assert compared(*sides).max_ulp == steps


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_subtracted_exactly(dtype: torch.dtype) -> None:
    reference = torch.full((1, 1, 8), 1.0, dtype=dtype)
    step = torch.finfo(dtype).eps
    found = compared(reference + 3 * step, reference - step / 2)
    assert found.max_abs == 3.5 * step
    assert found.max_ulp == 7.0  # below 1 the last place is worth half as much


def test_a_tensor_that_is_not_contiguous_is_compared_as_it_reads(states: Tensor) -> None:
    strided = states.transpose(0, 1).contiguous().transpose(0, 1)
    strided[4, 1, 6] += 1.0
    assert compared(strided, states).at == Place(t=4, batch=1, unit=2, layer=1, direction="reverse")


def test_a_row_longer_than_a_piece_is_compared_whole(monkeypatch: pytest.MonkeyPatch, states: Tensor) -> None:
    monkeypatch.setattr(differences, "PIECE", 5)
    candidate = states.clone()
    candidate[1, 2, 7] += 1.0
    found = compared(candidate, states)
    assert (found.compared, found.exceeded) == (144, 1)
    assert found.at == Place(t=1, batch=2, unit=3, layer=1, direction="reverse")


def test_neither_side_is_written_to(states: Tensor) -> None:
    states[1, 1, 1] = math.nan
    candidate, before = states + 1, states.clone()
    compared(candidate, states)
    assert torch.equal(states, before) or torch.equal(states.nan_to_num(9), before.nan_to_num(9))
    assert torch.equal(candidate.nan_to_num(9), (before + 1).nan_to_num(9))
