"""What every screen looks like. A change here is a change of what people see: look at it before it is accepted."""

from dataclasses import replace

import pytest
from reporters.samples import SAMPLES
from reporters.streams import Stream
from rich.cells import cell_len
from syrupy.assertion import SnapshotAssertion

from rnncheck.report import Comparison, Verdict
from rnncheck.reporters.terminal import render
from rnncheck.reporters.terminal.timesteps import telling
from rnncheck.reporters.verdict import sentences, verdict_line


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_report_has_its_screen_at_80_columns(sample: str, snapshot: SnapshotAssertion) -> None:
    assert render(SAMPLES[sample](), Stream(), 80) == snapshot


@pytest.mark.parametrize("sample", ["equivalent", "mismatch", "lstm_with_lengths", "chaotic", "witnessed", "with_head"])
def test_verbose_shows_everything(sample: str, snapshot: SnapshotAssertion) -> None:
    assert render(SAMPLES[sample](), Stream(), 80, verbose=True) == snapshot


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("width", [80, 120])
def test_the_screen_is_short_and_the_verdict_is_its_first_and_last_word(sample: str, width: int) -> None:
    report = SAMPLES[sample]()
    lines = render(report, Stream(), width).splitlines()
    assert len(lines) <= (24 if report.verdict is Verdict.EQUIVALENT else 40)
    assert lines[0].split()[1] == lines[-1].split()[1] == report.verdict
    assert f"exit code {int(report.exit_code)}" in lines[-1]


def test_many_wrong_gradients_do_not_push_the_states_off_the_screen() -> None:
    wrong = [Comparison(f"grad {name}", "backward", compared=4, exceeded=4, budget_used=9.0) for name in range(30)]
    report = SAMPLES["equivalent"]()
    report = replace(report, verdict=Verdict.MISMATCH, comparisons=[*report.comparisons, *wrong])
    lines = render(report, Stream(), 80).splitlines()
    assert len(lines) <= 40
    assert any("more with -v" in line for line in lines)
    assert sum("│" in line for line in lines) >= 3


def test_every_row_that_is_asked_for_is_shown() -> None:
    report = SAMPLES["equivalent"]()
    whole, short = (render(report, Stream(), 80, every_row=every).splitlines() for every in (True, False))
    assert sum("│" in line for line in whole) == 12 > sum("│" in line for line in short)


def test_a_difference_in_a_row_that_is_not_shown_is_said_below_the_table() -> None:
    report = SAMPLES["mismatch"]()
    output, *others = report.comparisons
    hidden = max(output.per_timestep, key=lambda step: step.t)
    steps = (*output.per_timestep[:-1], replace(hidden, candidate=hidden.reference))
    said = f"at t = {hidden.t} another batch row differs, not the one shown"
    assert said not in render(report, Stream(), 80, verbose=True)
    report = replace(report, comparisons=[replace(output, per_timestep=steps), *others])
    assert said in render(report, Stream(), 80, verbose=True)


def test_the_limit_in_a_sentence_is_that_of_the_difference_in_it() -> None:
    report = SAMPLES["mismatch"]()
    output, *others = (replace(each, exceeded=1) for each in report.comparisons)
    exact = replace(output, max_abs=0.2, envelope_at_max=0.0, budget_used=float("inf"))
    large = replace(others[0], max_abs=0.5, envelope_at_max=0.001, budget_used=500.0)
    said = sentences(replace(report, comparisons=[exact, large]))
    assert any(each.endswith("differences up to 0.5, 500 times the limit") for each in said)


@pytest.mark.parametrize("number", range(1, 12))
def test_the_first_difference_is_among_the_rows_however_few_they_are(number: int) -> None:
    comparison = SAMPLES["mismatch"]().comparisons[0]
    shown = [step.t for step in telling(comparison.per_timestep, comparison, number)]
    assert len(shown) == number
    assert comparison.first_divergence.t in shown


def test_without_one_the_first_the_largest_and_the_last_are() -> None:
    comparison = SAMPLES["equivalent"]().comparisons[0]
    largest = max(comparison.per_timestep, key=lambda step: step.budget_used)
    assert [step.t for step in telling(comparison.per_timestep, comparison, 3)] == [0, largest.t, 11]


@pytest.mark.parametrize("width", [60, 120])
@pytest.mark.parametrize("sample", ["equivalent", "mismatch", "lstm_with_lengths", "wide"])
def test_a_narrow_and_a_wide_screen_show_fewer_and_more_units(
    sample: str, width: int, snapshot: SnapshotAssertion
) -> None:
    assert render(SAMPLES[sample](), Stream(), width) == snapshot


@pytest.mark.parametrize("sample", ["equivalent", "mismatch", "long_run", "nasty_names"])
def test_an_ascii_terminal_gets_signs_that_it_has(sample: str, snapshot: SnapshotAssertion) -> None:
    screen = render(SAMPLES[sample](), Stream("ascii"), 80)
    assert screen.isascii()
    assert screen == snapshot


@pytest.mark.parametrize("sample", ["equivalent", "mismatch", "inconclusive"])
def test_a_terminal_gets_colours(sample: str, snapshot: SnapshotAssertion) -> None:
    assert render(SAMPLES[sample](), Stream(terminal=True), 80) == snapshot


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_quiet_line_says_the_verdict_and_why(sample: str, snapshot: SnapshotAssertion) -> None:
    line = verdict_line(report := SAMPLES[sample]())
    assert len(line.splitlines()) == 1
    assert report.verdict is not Verdict.MISMATCH or len(line) <= 160
    assert line == snapshot


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_file_gets_the_same_as_a_pipe_of_80_columns(sample: str) -> None:
    report = SAMPLES[sample]()
    assert render(report) == render(report, Stream(), 80)


@pytest.mark.parametrize("sample", SAMPLES)
def test_colours_are_all_that_a_terminal_gets_more_than_a_pipe(sample: str, monkeypatch: pytest.MonkeyPatch) -> None:
    report = SAMPLES[sample]()
    coloured = render(report, Stream(terminal=True), 80)
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[" in coloured
    assert render(report, Stream(terminal=True), 80) == render(report, Stream(), 80)


def test_colours_can_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    screen = render(SAMPLES["mismatch"](), Stream(terminal=True), 80)
    assert "\x1b[31" not in screen
    assert "\x1b[1;31" not in screen


@pytest.mark.parametrize(("columns", "widest"), [("20", 60), ("72", 72), ("500", 120)])
def test_the_width_is_the_terminals_within_what_reads_well(
    columns: str, widest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = render(SAMPLES["wide"](), Stream()).splitlines()
    assert widest - 12 < max(map(cell_len, lines)) <= widest
