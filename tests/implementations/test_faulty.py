"""Faults by name, on the command line and off it."""

from collections.abc import Callable
from typing import Any

import pytest

from rnncheck.checking import Plan, check
from rnncheck.errors import RefusedError, UsageError
from rnncheck.implementations import check_name, load
from rnncheck.report import Verdict
from rnncheck.sequences.random import random_sequences
from rnncheck.spec import Cell, Spec


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
        ("fault:gate-order", "no fault of this rnn layer is called 'gate-order'"),
        ("fault:no-recurrence:sideways", "has no variant 'sideways'"),
    ],
)
def test_what_this_layer_cannot_commit_is_refused(name: str, because: str) -> None:
    with pytest.raises(RefusedError, match=because):
        check(Plan(Spec(), random_sequences(3, 5, 2), name))


def test_the_command_line_takes_them(rnncheck: Callable[..., Any]) -> None:
    assert rnncheck("compare", "fault:gate-order:i,f,o,g", "--cell", "lstm", "-q").code == 1
    assert rnncheck("compare", "fault:gate-order", "-q").code == 4
    assert rnncheck("compare", "fault:nonsense", "-q").code == 2


def test_strict_without_a_witness_is_refused(rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("compare", "--strict", "--no-witness")
    assert outcome.code == 2
    assert "drop one" in outcome.stderr
