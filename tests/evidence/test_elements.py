"""What counts as comparable, as a difference, and as one unit in the last place."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncheck.evidence.differences import budget_used, comparable, misfit, settle_nonfinite, spacing

FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(FLOAT32.filter(lambda value: abs(value) < np.finfo(np.float32).max))
def test_spacing_is_numpys_in_float32(value: float) -> None:
    assert spacing(value, torch.float32) == float(np.spacing(np.float32(abs(value))))


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_spacing_is_maths_ulp_in_float64(value: float) -> None:
    assert spacing(value, torch.float64) == math.ulp(value)


@settings(deadline=None)
@given(st.floats(-64992, 64992, width=16))
def test_spacing_is_numpys_in_float16(value: float) -> None:
    assert spacing(value, torch.float16) == float(np.spacing(np.float16(abs(value))))


@pytest.mark.parametrize(("value", "expected"), [(1.0, 2.0**-7), (0.99, 2.0**-8), (-3.0, 2.0**-6), (0.0, 2.0**-133)])
def test_spacing_in_bfloat16_is_that_of_eight_bits(value: float, expected: float) -> None:
    assert spacing(value, torch.bfloat16) == expected


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_has_no_last_place(value: float) -> None:
    assert math.isnan(spacing(value, torch.float32))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_widened_without_loss(dtype: torch.dtype) -> None:
    side = torch.linspace(-2, 2, 97).to(dtype)
    assert comparable(side).dtype == torch.float32
    assert torch.equal(comparable(side).to(dtype), side)


def test_full_precision_is_compared_as_it_is() -> None:
    side = torch.ones(3)
    assert comparable(side) is side


def test_equal_shapes_and_dtypes_fit_whatever_the_numbers() -> None:
    assert misfit(torch.ones(2, 3), torch.full((2, 3), math.nan)) is None


def test_nothing_is_broadcast() -> None:
    assert misfit(torch.ones(3), torch.ones(1, 3)) == "the candidate's shape is (3,), the reference's (1, 3)"


def test_alike_are_counted_and_all_other_that_is_not_finite_is_without_bound() -> None:
    a = torch.tensor([math.nan, math.inf, -math.inf, math.nan, math.inf, 1.0, 2.0])
    b = torch.tensor([math.nan, math.inf, math.inf, 1.0, 1.0, math.nan, 2.5])
    difference = (a - b).abs()
    assert settle_nonfinite(difference, a, b) == 2
    assert difference.tolist() == [0.0, 0.0, math.inf, math.inf, math.inf, math.inf, 0.5]


@pytest.mark.parametrize(
    ("difference", "allowed", "used"),
    [
        (0.5, 2.0, 0.25),
        (0.0, 0.0, 0.0),
        (0.0, math.nan, 0.0),
        (0.0, math.inf, 0.0),
        (0.5, 0.0, math.inf),
        (0.5, math.inf, 0.0),
        (math.inf, 1.0, math.inf),
        (math.inf, math.inf, math.inf),
        (math.inf, math.nan, math.inf),
    ],
)
def test_the_budget_used_is_never_undecided(difference: float, allowed: float, used: float) -> None:
    assert budget_used(torch.tensor([difference]), torch.tensor([allowed])).item() == used


@settings(deadline=None)
@given(FLOAT32.map(abs), FLOAT32.map(abs))
def test_more_than_the_budget_is_used_exactly_where_more_than_allowed_is_differed(
    difference: float, allowed: float
) -> None:
    used = budget_used(torch.tensor([difference]), torch.tensor([allowed])).item()
    assert (used > 1) == (difference > allowed)
