"""Paths that take long are cut, which the verdict says, unless they were asked for."""

import pytest

from rnncheck import check
from rnncheck.report import Verdict

pytestmark = pytest.mark.paths


@pytest.fixture(autouse=True)
def _no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncheck.checking.examine.PATH_SECONDS", 0.0)


def test_what_there_was_no_time_for_is_told() -> None:
    report = check("scratch", cell="gru", witness=False)
    assert report.verdict is Verdict.EQUIVALENT
    assert any("of its uses were not compared" in each for each in report.restrictions)
    assert not any(facts.gone for facts in report.paths)


def test_paths_that_were_asked_for_have_no_limit() -> None:
    report = check("scratch", cell="gru", paths="rows-alone", witness=False)
    assert not any("of its uses were not compared" in each for each in report.restrictions)
    assert all(facts.gone for facts in report.paths)


@pytest.mark.explained
def test_faults_of_a_path_that_was_cut_are_not_counted_as_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = check("scratch", cell="gru").witness
    monkeypatch.setattr("rnncheck.checking.examine.PATH_SECONDS", 1000.0)
    whole = check("scratch", cell="gru").witness
    assert cut is not None
    assert whole is not None
    assert cut.caught < whole.caught
