"""The screens of `rnncheck faults`, and that every page can be shown everywhere."""

import re

import pytest
from reporters.streams import Stream
from rich.cells import cell_len
from rich.text import Text
from syrupy.assertion import SnapshotAssertion

from rnncheck.faults.pages import page, pages
from rnncheck.model.spec import Cell
from rnncheck.reporters.terminal.faults import render_catalogue, render_page

ALL = list(pages().values())
EACH = pytest.mark.parametrize("slug", pages())


def test_the_catalogue_has_one_line_for_each_fault_at_80_columns(snapshot: SnapshotAssertion) -> None:
    screen = render_catalogue(ALL, Stream(), 80)
    assert sum(line.startswith("  ") for line in screen.splitlines()) == len(ALL)
    assert max(map(cell_len, screen.splitlines())) <= 80
    assert screen == snapshot


def test_a_narrow_catalogue_wraps_titles_below_each_other() -> None:
    lines = render_catalogue(ALL, Stream(), 60).splitlines()
    assert max(map(cell_len, lines)) <= 60
    assert "the" in "".join(line for line in lines if line.startswith(" " * 31))


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("slug", ["no-recurrence", "gate-order", "stale-cell-state", "parameter-shape"])
def test_a_page_at_two_widths(slug: str, width: int, snapshot: SnapshotAssertion) -> None:
    assert render_page(page(slug), None, Stream(), width) == snapshot


def test_a_terminal_gets_colours_where_right_and_wrong_differ(snapshot: SnapshotAssertion) -> None:
    coloured = render_page(page("gru-update-inverted"), None, Stream(terminal=True), 80)
    assert (
        Text.from_ansi(coloured).plain.rstrip() == render_page(page("gru-update-inverted"), None, Stream(), 80).rstrip()
    )
    assert coloured == snapshot


@pytest.mark.sample(120)
@EACH
@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_no_line_is_wider_than_the_screen_and_no_word_is_lost(slug: str, width: int) -> None:
    told = pages()[slug]
    screen = render_page(told, None, Stream(), width)
    assert max(map(cell_len, screen.splitlines())) <= width
    words = re.findall(r"\S+", f"{told.title} {told.right} {told.wrong} {told.causes} {told.looks} {told.mend}")
    assert set(words) <= set(screen.split())


@pytest.mark.sample(30)
@EACH
def test_code_stands_side_by_side_from_100_columns_on(slug: str) -> None:
    first = pages()[slug].wrong_code.splitlines()[0]
    (wide,) = [
        line for line in render_page(pages()[slug], None, Stream(), 100).splitlines() if line.endswith("wrong code")
    ]
    assert "right code" in wide
    assert any(line.startswith(f"  wrong code   {first}") for line in render_page(pages()[slug]).splitlines())


@pytest.mark.sample(30)
@EACH
def test_an_ascii_terminal_gets_signs_that_it_has(slug: str) -> None:
    screen = render_page(pages()[slug], None, Stream("ascii"), 80)
    assert screen.isascii()
    assert "\\u" not in screen


def test_the_command_to_try_is_for_the_cell_that_was_asked_for() -> None:
    assert "fault:gate-order:z,r,n --cell gru" in render_page(page("gate-order"), Cell.GRU)
    assert "try it" not in render_page(page("parameter-shape"))
