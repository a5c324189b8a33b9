"""How far apart two right layers may be, until something better than a fixed number says so."""

import math

import pytest
import torch

from rnncheck.errors import UsageError
from rnncheck.spec import Dtype
from rnncheck.tolerance import Tolerance, tolerance_for


@pytest.mark.parametrize("dtype", Dtype)
def test_the_default_is_torch_testings_own(dtype: Dtype) -> None:
    tolerance, one = tolerance_for(dtype), torch.ones((), dtype=getattr(torch, dtype))
    with pytest.raises(AssertionError, match=rf"up to {tolerance.atol} allowed") as refused:
        torch.testing.assert_close(one, one + 1)
    assert f"up to {tolerance.rtol} allowed" in str(refused.value)
    assert not tolerance.stated


def test_a_stated_tolerance_leaves_the_other_at_nothing() -> None:
    assert tolerance_for(Dtype.FLOAT32, atol=1e-3) == Tolerance(1e-3, 0.0, stated=True)
    assert tolerance_for(Dtype.FLOAT32, rtol=1e-3) == Tolerance(0.0, 1e-3, stated=True)
    assert tolerance_for(Dtype.FLOAT32, atol=0.0) == Tolerance(0.0, 0.0, stated=True)


@pytest.mark.parametrize("value", [-1e-9, math.nan, math.inf])
@pytest.mark.parametrize("name", ["atol", "rtol"])
def test_a_tolerance_that_would_pass_everything_or_nothing_is_refused(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"{name} is {value}; it must be a finite number, at least 0"):
        tolerance_for(Dtype.FLOAT32, **{name: value})


def test_what_is_allowed_grows_with_the_reference_on_either_side_of_zero() -> None:
    reference = torch.tensor([-4.0, 0.0, 4.0])
    assert Tolerance(0.5, 0.25).allowed(reference).tolist() == [1.5, 0.5, 1.5]
    assert reference.tolist() == [-4.0, 0.0, 4.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("atol", [0.0, 1e-45, 1e-30, 1e-5, 0.1])
def test_the_least_that_is_allowed_is_allowed_at_zero(atol: float, dtype: torch.dtype) -> None:
    tolerance = Tolerance(atol, 1.3e-6)
    assert tolerance.least(dtype) == float(tolerance.allowed(torch.zeros(1, dtype=dtype)))
