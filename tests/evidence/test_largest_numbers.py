"""Finite data and weights that the dtype cannot hold are refused, with where, how much, and what it can hold."""

import numpy as np
import pytest
import torch

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.sequences import Sequences
from rnncheck.errors import DataError, WeightsError
from rnncheck.model.spec import Dtype, Spec
from rnncheck.model.weights import draw


def data(value: float, source: dict[str, object] | None = None) -> Sequences:
    x = np.zeros((5, 2, 3))
    x[3, 1, 2] = value
    return Sequences(lambda steps: (x[t : t + steps] for t in range(0, 5, steps)), 2, 3, 5, source=source or {})


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    ("dtype", "value", "largest"),
    [(Dtype.FLOAT16, 7e4, "65504"), (Dtype.FLOAT32, -1e39, r"3\.40282e\+38"), (Dtype.BFLOAT16, 1e39, r"3\.38953e\+38")],
)
def test_a_number_that_the_dtype_cannot_hold_is_refused(dtype, value, largest, bidirectional):
    spec = Spec(dtype=dtype, bidirectional=bidirectional)
    told = (
        rf"timestep 3, batch row 1: column 3 is {value:.6g}.*largest number of {dtype} is {largest}; scale the column"
    )
    with pytest.raises(DataError, match=told.replace("+39", r"\+39")):
        check(Plan(spec, data(value)))


def test_its_column_is_called_by_its_name():
    with pytest.raises(DataError, match=r"column 3 \('speed'\)"):
        check(Plan(Spec(dtype=Dtype.FLOAT16), data(1e5, {"columns": ["a", "b", "speed"]})))


@pytest.mark.parametrize(("dtype", "value"), [(Dtype.FLOAT16, 65504.0), (Dtype.FLOAT64, 1e300)])
def test_the_largest_number_itself_is_taken(dtype, value):
    assert check(Plan(Spec(dtype=dtype), data(value), witness=False)).exit_code in (0, 5)


def test_a_weight_that_the_dtype_cannot_hold_is_refused():
    weights = dict(draw(Spec(), 0).values)
    weights["weight_hh_l0"] = torch.full_like(weights["weight_hh_l0"], 1e39)
    with pytest.raises(WeightsError, match=r"weight_hh_l0\[0, 0\] is 1e\+39, and the largest number of float32"):
        check(Plan(Spec(), data(0.0), weights=weights))
