"""Faults by name, on the command line and off it."""

from collections.abc import Callable
from typing import Any

import pytest

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.errors import RefusedError, UsageError
from rnncheck.implementations import check_name, load
from rnncheck.model.spec import Cell, Spec
from rnncheck.report import Verdict


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("fault:no-recurrence", Spec()),
        ("fault:gate-order:i,f,o,g", Spec(Cell.LSTM)),
        ("fault:gradient-detached", Spec(Cell.GRU)),
    ],
)
def test_a_fault_is_a_mismatch_under_its_name(name: str, spec: Spec) -> None:
    report = check(Plan(spec, random_sequences(3, 5, 2), name))
    assert report.verdict is Verdict.MISMATCH
    assert (report.candidate.name, report.candidate.location) == (name, "rnncheck.faults")


def test_an_unknown_fault_is_answered_with_those_near_it() -> None:
    with pytest.raises(UsageError, match="'no-recurence'; did you mean no-recurrence"):
        check_name("fault:no-recurence")


def test_a_fault_that_cannot_be_planted_is_refused_with_where_it_is_explained() -> None:
    with pytest.raises(UsageError, match="rounding-only cannot be planted; 'rnncheck faults rounding-only'"):
        load("fault:rounding-only")


@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("fault:gate-order", "gate-order is not a fault of the rnn layer; add --cell lstm or gru"),
        ("fault:padding-not-zeroed", "add --lengths 7,5,2"),
        ("fault:dropout-in-eval", "add --num-layers 2 --dropout 0.5"),
    ],
)
def test_what_this_layer_cannot_commit_is_refused_with_the_option_it_lacks(name: str, because: str) -> None:
    with pytest.raises(RefusedError, match=because):
        check(Plan(Spec(), random_sequences(3, 5, 2), name))


def test_a_variant_that_there_is_not_is_a_wrong_command() -> None:
    with pytest.raises(UsageError, match="has no variant 'sideways'"):
        check(Plan(Spec(), random_sequences(3, 5, 2), "fault:no-recurrence:sideways"))


@pytest.mark.explained
@pytest.mark.parametrize(
    ("slug", "spec"), [("nondeterministic", Spec()), ("dropout-in-eval", Spec(num_layers=2, dropout=0.5))]
)
def test_what_is_random_in_a_fault_differs_from_layer_to_layer_and_not_from_check_to_check(
    slug: str, spec: Spec
) -> None:
    first, second = (check(Plan(spec, random_sequences(3, 5, 2), f"fault:{slug}")) for _ in range(2))
    assert [finding.slug for finding in first.findings] == [slug]
    assert [each.max_abs for each in first.comparisons] == [each.max_abs for each in second.comparisons]


def test_the_command_line_takes_them(rnncheck: Callable[..., Any]) -> None:
    assert rnncheck("compare", "fault:gate-order:i,f,o,g", "--cell", "lstm", "-q").code == 1
    assert rnncheck("compare", "fault:gate-order", "-q").code == 4
    assert rnncheck("compare", "fault:nonsense", "-q").code == 2
    assert rnncheck("compare", "fault:no-recurrence:sideways", "-q").code == 2


def test_strict_without_a_witness_is_refused(rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("compare", "--strict", "--no-witness")
    assert outcome.code == 2
    assert "leave one out" in outcome.stderr
