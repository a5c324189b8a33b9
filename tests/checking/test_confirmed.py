"""A mismatch that rests on gradients alone is confirmed on other data before it is said."""

import pytest
import torch
from torch import Tensor

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State
from rnncheck.report import Report, Verdict
from tests.differentiable import Differentiable, FlipsAGate, scaled

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


def test_it_costs_nothing_on_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_again(*arguments: object) -> None:
        raise AssertionError

    monkeypatch.setattr("rnncheck.evidence.first_chunk.FirstChunk.unconfirmed", looked_again)
    assert checked(Differentiable()).verdict is Verdict.EQUIVALENT
