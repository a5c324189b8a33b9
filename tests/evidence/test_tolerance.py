"""A stated tolerance, which replaces the rounding envelope."""

import math

import pytest
import torch

from rnncheck.errors import UsageError
from rnncheck.evidence.tolerance import Tolerance, stated


def test_without_a_stated_number_there_is_no_tolerance() -> None:
    assert stated(None, None) is None


def test_a_stated_tolerance_leaves_the_other_at_nothing() -> None:
    assert stated(1e-3, None) == Tolerance(1e-3, 0.0)
    assert stated(None, 1e-3) == Tolerance(0.0, 1e-3)
    assert stated(0.0, None) == Tolerance(0.0, 0.0)


@pytest.mark.parametrize("value", [-1e-9, math.nan, math.inf])
@pytest.mark.parametrize("name", ["atol", "rtol"])
def test_a_tolerance_that_would_pass_everything_or_nothing_is_refused(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"{name} is {value}; it must be a finite number, at least 0"):
        Tolerance(**{name: value})


def test_what_is_allowed_grows_with_the_reference_on_either_side_of_zero() -> None:
    reference = torch.tensor([-4.0, 0.0, 4.0])
    assert Tolerance(0.5, 0.25).allowed(reference).tolist() == [1.5, 0.5, 1.5]
    assert reference.tolist() == [-4.0, 0.0, 4.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("atol", [0.0, 1e-45, 1e-30, 1e-5, 0.1])
def test_the_least_that_is_allowed_is_allowed_at_zero(atol: float, dtype: torch.dtype) -> None:
    tolerance = Tolerance(atol, 1.3e-6)
    assert tolerance.least(dtype) == float(tolerance.allowed(torch.zeros(1, dtype=dtype)))
