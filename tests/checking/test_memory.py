"""Sizes that memory cannot hold are refused before anything is allocated, with a way out that fits."""

import pytest

from rnncheck.checking import weights
from rnncheck.checking.check import check
from rnncheck.checking.plan import GIB, Plan, bytes_held
from rnncheck.data.random import random_sequences
from rnncheck.errors import CannotRun
from rnncheck.evidence import free_run
from rnncheck.model.spec import Cell, Dtype, Spec

DATA = random_sequences(3, 12, 3)


def test_they_are_refused_before_weights_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    def allocate(*arguments: object) -> None:
        raise AssertionError

    monkeypatch.setattr(weights, "draw", allocate)
    monkeypatch.setattr(free_run, "physical_memory", lambda: 31.0 * GIB)
    with pytest.raises(
        CannotRun,
        match=r"would hold 43\.6 GiB \(900,150,000 weights .* and there are 31\.0 GiB; choose smaller sizes, or set "
        r"a tolerance with --atol: then no envelope is needed, and the check takes 16\.8 GiB$",
    ):
        check(Plan(Spec(hidden_size=30_000), DATA))
    with pytest.raises(AssertionError):
        check(Plan(Spec(hidden_size=30_000), DATA, atol=1e-5))


def test_a_way_that_does_not_fit_either_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_run, "physical_memory", lambda: 1.0 * GIB)
    with pytest.raises(CannotRun, match=r"choose smaller sizes$"):
        check(Plan(Spec(hidden_size=30_000), DATA))


def test_long_and_wide_data_count_as_far_as_they_are_held_at_once() -> None:
    spec = Spec(Cell.LSTM, 64, 512, dtype=Dtype.BFLOAT16)
    short, long, longer = (
        bytes_held(spec, random_sequences(64, steps, 32), enveloped=True) for steps in (10, 10**5, 10**6)
    )
    assert short < long == longer


def test_a_container_may_hold_less_than_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(free_run, "CONTAINER", limit)
    whole = free_run.physical_memory()
    for text, here in (("1048576\n", 2.0**20), ("max\n", whole)):
        limit.write_text(text)
        assert free_run.physical_memory() == here
