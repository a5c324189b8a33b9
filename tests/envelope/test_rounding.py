import pytest
import torch

from rnncheck.envelope import rounding_of
from rnncheck.model.spec import Dtype, Spec


@pytest.mark.parametrize(
    ("dtype", "unit"),
    [(Dtype.FLOAT64, 2**-53), (Dtype.FLOAT32, 2**-24), (Dtype.BFLOAT16, 2**-8), (Dtype.FLOAT16, 2**-11)],
)
def test_the_unit_is_half_the_distance_from_one_to_the_next_number(dtype, unit):
    spec = Spec(dtype=dtype)
    assert rounding_of(spec).unit == unit


def test_tf32_rounds_factors_on_cuda_alone():
    assert rounding_of(Spec(device="cuda:0"), tf32=True).factors == 2**-11
    assert rounding_of(Spec(device="cpu"), tf32=True).factors == 0
    assert rounding_of(Spec(device="cuda", dtype=Dtype.FLOAT16), tf32=True).factors == 0


@pytest.mark.parametrize("terms", [2, 8, 64, 512])
@pytest.mark.parametrize("positive", [False, True])
def test_a_sum_in_any_order_stays_within_a_few_of_its_standard_deviation(terms, positive):
    generator = torch.Generator().manual_seed(terms)
    weights = torch.randn(400, terms, generator=generator)
    values = torch.rand(400, terms, generator=generator)
    weights = weights.abs() if positive else weights
    exact = (weights.double() * values.double()).sum(-1)
    squares = (weights.double() * values.double()).square().sum(-1)
    rounded = torch.zeros(400)
    for term in torch.randperm(terms, generator=generator):
        rounded += weights[:, term] * values[:, term]
    errors = (rounded.double() - exact) / rounding_of(Spec()).of_sum(terms, squares, exact)
    assert errors.abs().max() < 3
    assert errors.square().mean().sqrt() < 1
    assert errors.square().mean().sqrt() > 0.1


def test_a_half_precision_sum_may_round_as_deep_as_a_tree_of_its_terms():
    assert rounding_of(Spec(dtype=Dtype.BFLOAT16)).additions(64) == 7
    assert rounding_of(Spec(dtype=Dtype.FLOAT32)).additions(64) == 64
