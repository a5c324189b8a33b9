"""Every built-in implementation keeps every rule of the kit. A new one is added by its name in `BUILT_IN`."""

import pytest
import torch
from hypothesis import assume, given, settings
from implementations.cases import CASES, Case, cases
from implementations.conformance import RULES, Rule, refusal

from rnncheck import machine
from rnncheck.implementations import load
from rnncheck.model.spec import Dtype, Spec

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
every_implementation = pytest.mark.parametrize("name", ["torch", "scratch", "numpy"])  # optional ones elsewhere


@every_implementation
@every_rule
def test_on_chosen_cases_it(name: str, rule: Rule) -> None:
    with torch.no_grad():
        for case in CASES:
            assert refusal(load(name), case) is None
            rule(load(name), case)


@every_implementation
@every_rule
@settings(max_examples=5, deadline=None)
@given(case=cases())
def test_on_any_case_it(name: str, rule: Rule, case: Case) -> None:
    # A layer whose every unit is cut off by relu, or whose head saturates, cannot show where it started.
    assume(rule.__name__ != "starts_from_the_state_it_is_given" or case.spec.nonlinearity != "relu")
    with torch.no_grad():
        rule(load(name), case)


@pytest.mark.sample(2)
@every_implementation
@pytest.mark.parametrize("dtype", [Dtype.FLOAT32, Dtype.FLOAT16, Dtype.BFLOAT16])
def test_in_any_precision_it_refuses_or_keeps_every_rule(name: str, dtype: Dtype) -> None:
    with torch.no_grad():
        for case in (case.at(dtype) for case in CASES):
            if refusal(load(name), case) is None:
                for rule in RULES:
                    rule(load(name), case)


@pytest.mark.parametrize("dtype", [Dtype.FLOAT16, Dtype.BFLOAT16])
def test_numpy_says_that_it_has_no_half_precision(dtype: Dtype) -> None:
    assert load("numpy").refuses(Spec(dtype=dtype)) == f"it computes in float64 or float32, not in {dtype}"


def test_numpy_says_that_it_runs_on_the_cpu_alone() -> None:
    assert load("numpy").refuses(Spec(device="cuda")) == "it runs on the cpu only, not on cuda"


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")
@pytest.mark.parametrize("dtype", [Dtype.FLOAT64, Dtype.FLOAT32])
@pytest.mark.parametrize("name", ["torch", "scratch"])
def test_on_a_gpu_it_keeps_every_rule(name: str, dtype: Dtype) -> None:
    with torch.no_grad(), machine.tf32(False):
        for case in (case.at(dtype, "cuda") for case in CASES):
            for rule in RULES:
                rule(load(name), case)
