"""A mismatch in gradients alone, or in a few states by little, is confirmed on other data before it is said."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.implementations.protocol import Layer
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.report import Report, Verdict
from tests.differentiable import Differentiable, FlipsAGate, scaled
from tests.fakes import Fake

T = 8
FIRST = float(torch.from_numpy(next(random_sequences(3, T, 2).chunks(T)))[0, 0, 0].float())


class Side:
    """A differentiable layer as an implementation that needs no reading."""

    name = location = "differentiable"

    def __init__(self, made: Differentiable) -> None:
        self.build = made.build

    def refuses(self, spec: Spec, *, lengths: bool = False) -> None:
        return None


def checked(candidate: Differentiable) -> Report:
    return check(Plan(Spec(), random_sequences(3, T, 2), Side(candidate), diagnose=False, witness=False))


def on_these_data_alone(x: Tensor, state: State) -> tuple[Tensor, State]:
    return (scaled(x, 1.5) if float(x.detach()[0, 0, 0]) == FIRST else x), state


def test_what_other_data_do_not_show_is_left_open_and_the_reason_says_so() -> None:
    report = checked(Differentiable(given=on_these_data_alone))
    assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, 5)
    assert "grad x is at" in report.reason
    assert "within the limit on other data" in report.reason


@pytest.mark.parametrize(
    "wrong",
    [Differentiable(given=lambda x, state: (scaled(x, 1.5), state)), Differentiable(FlipsAGate)],
    ids=["grad x alone", "a gate"],
)
def test_what_they_show_too_is_a_mismatch(wrong: Differentiable) -> None:
    assert checked(wrong).verdict is Verdict.MISMATCH


def one_state_off(by: float, *, on_any_data: bool) -> Fake:
    """One value of the output is off, where the limit is about 1e-6."""

    def run(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        trace = layer.run(x, state, lengths)
        if len(x) < T or not (on_any_data or float(x[0, 0, 0]) == FIRST):
            return trace
        output = trace.output.clone()
        output[3, 1, 2] += by
        return replace(trace, output=output)

    return Fake(run)


@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [
        (one_state_off(4e-6, on_any_data=False), Verdict.INCONCLUSIVE),
        (one_state_off(4e-6, on_any_data=True), Verdict.MISMATCH),
        (one_state_off(1e-2, on_any_data=False), Verdict.MISMATCH),
    ],
    ids=["a little, on these data", "a little, on any data", "much, on these data"],
)
def test_one_state_that_is_a_little_off_has_to_be_so_on_other_data_too(candidate: Fake, verdict: Verdict) -> None:
    report = check(Plan(Spec(), random_sequences(3, T, 2), candidate, diagnose=False, witness=False))
    wrong = [each for each in report.comparisons if not each.agrees]
    assert [(each.quantity, each.exceeded) for each in wrong] == [("output", 1)]
    assert report.verdict is verdict


def test_it_costs_nothing_on_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_again(*arguments: object) -> None:
        raise AssertionError

    monkeypatch.setattr("rnncheck.evidence.first_chunk.FirstChunk.unconfirmed", looked_again)
    assert checked(Differentiable()).verdict is Verdict.EQUIVALENT
