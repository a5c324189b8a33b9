"""Whatever is in a report: no line too wide, no number cut, nothing that a terminal would obey."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reporters.strategies import anything, reports
from reporters.streams import Stream
from rich.cells import cell_len

from rnncheck.report import Report
from rnncheck.reporters.numbers import count, difference, percent, state, told_apart
from rnncheck.reporters.terminal import render
from rnncheck.reporters.verdict import verdict_line

widths = st.integers(60, 120)
some = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def words(screen: str) -> set[str]:
    """What stands between spaces, or behind the sign that t jumps; a percentage with its sign."""
    return set(re.split(r"[ ⋮]+|\n", screen.replace(" %", "\u00a0%")))


@pytest.mark.slow
@some
@given(reports(), widths, st.sampled_from(["utf-8", "ascii", "cp1252"]))
def test_no_line_is_wider_than_the_screen(report: Report, width: int, encoding: str) -> None:
    for verbose in (False, True):
        screen = render(report, Stream(encoding), width, verbose=verbose)
        screen.encode(encoding)
        assert max(map(cell_len, screen.splitlines())) <= width


@some
@given(reports(), widths)
def test_every_amount_is_shown_whole(report: Report, width: int) -> None:
    shown = words(render(report, Stream(), width, verbose=True))
    for each in report.comparisons:
        if each.problem is None:
            assert count(each.compared) in shown
            assert not each.unjudged or count(each.unjudged) in shown
        if each.compared:
            assert count(each.exceeded) in shown
            assert {difference(each.max_abs), difference(each.envelope_at_max)} <= shown
            assert percent(each.budget_used).replace(" ", "\u00a0") in shown
            assert each.max_abs == 0 or set(told_apart(each.candidate_value, each.reference_value)) <= shown


@some
@given(reports(), widths)
def test_every_state_on_the_screen_is_a_whole_one(report: Report, width: int) -> None:
    shown = words(render(report, Stream(), width, verbose=True))
    for each in report.comparisons:
        for step in each.per_timestep:
            assert {count(step.t), difference(step.max_abs)} <= shown
            assert {state(value) for value in step.candidate} & shown
            assert {state(value) for value in step.reference} & shown


@some
@given(reports())
def test_nothing_that_a_terminal_obeys_gets_through(report: Report) -> None:
    screen = render(report, Stream(), 80) + render(report, Stream(), 80, verbose=True)
    assert all(character == "\n" or character.isprintable() for character in screen)
    assert verdict_line(report).isprintable()


@some
@given(reports())
def test_colours_change_no_character(report: Report) -> None:
    coloured = render(report, Stream(terminal=True), 80)
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == render(report, Stream(), 80)


@given(anything)
def test_a_number_is_one_word_however_it_is_written(value: float) -> None:
    assert not any(set(" \n…") & set(written) for written in (state(value), difference(value)))
