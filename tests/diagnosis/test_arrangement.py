"""Right numbers of another shape: the finding says how they are arranged, and nothing else is searched."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from fakes import Fake, changing, with_output
from torch import Tensor

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.report import Report

pytestmark = pytest.mark.explained


def report_of(candidate: Fake, spec: Spec) -> Report:
    return check(Plan(spec=spec, sequences=random_sequences(3, 12, 3), candidate=candidate, witness=False))


def with_h_n(change: Callable[[Tensor], Tensor]) -> Fake:
    def changed(trace: Trace) -> Trace:
        return replace(trace, final=State(change(trace.final.h), trace.final.c))

    return changing(changed)


TWO = Spec(Cell.RNN, num_layers=2)


@pytest.mark.parametrize(
    ("candidate", "spec", "said"),
    [
        (with_output(lambda o: o.transpose(0, 1)), Spec(), "output of fake holds the right numbers, with the axes "
         "(B, T, D*R) instead of (T, B, D*R)"),
        (with_output(lambda o: o[:-1]), Spec(), "but only the first 11 of 12 along the axis T"),
        (with_output(lambda o: o[-1]), Spec(), "but only the last along the axis T"),
        (with_output(lambda o: o.flatten(0, 1)), Spec(), "with its axes joined or split otherwise"),
        (with_output(lambda o: o[None]), Spec(), "with another axis of size 1"),
        (with_h_n(lambda h: h[0]), Spec(), "h_n of fake holds the right numbers, without L*D, of size 1"),
        (with_h_n(lambda h: h.transpose(0, 1)), TWO, "with the axes (B, L*D, R) instead of (L*D, B, R)"),
    ],
    ids=["batch first", "a step too few", "last step", "flattened", "an axis more", "without layers", "states"],
)  # fmt: skip
def test_right_numbers_of_another_shape_are_told_with_their_axes(candidate: Fake, spec: Spec, said: str) -> None:
    report = report_of(candidate, spec)
    assert report.verdict == "mismatch"
    assert [each.slug for each in report.findings] == ["result-shape"]
    assert said in report.findings[0].message


def test_wrong_numbers_of_another_shape_stay_unexplained() -> None:
    report = report_of(with_output(lambda o: torch.cos(o).transpose(0, 1)), Spec())
    assert "result-shape" not in [each.slug for each in report.findings]
    assert "unexplained" in [each.slug for each in report.findings]


def test_a_result_of_another_shape_hides_no_wrong_state() -> None:
    def changed(trace: Trace) -> Trace:
        return replace(trace, output=trace.output.transpose(0, 1), final=State(trace.final.h + 0.1))

    slugs = [each.slug for each in report_of(changing(changed), Spec()).findings]
    assert slugs[0] == "result-shape"
    assert "unexplained" in slugs
