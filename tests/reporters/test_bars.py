"""Bars: as long as the share of the limit, and past it exactly where the judge says so."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncheck.reporters.terminal.screen import ASCII, UNICODE, Glyphs
from rnncheck.reporters.terminal.timesteps import NARROWEST, SHADE, WIDEST, Bars

budgets = st.floats(0, math.inf) | st.just(math.nan)
widths = st.integers(NARROWEST, WIDEST)


def eighths(bar: str, glyphs: Glyphs = UNICODE) -> int:
    """How much of a bar is drawn, in eighths of a cell."""
    return sum(glyphs.eighths.index(cell) for cell in bar if cell in glyphs.eighths)


@given(budgets, st.booleans(), st.sampled_from([UNICODE, ASCII]), widths)
def test_every_bar_is_as_wide_as_the_next(budget: float, exceeded: bool, glyphs: Glyphs, width: int) -> None:
    assert len(Bars(width, glyphs).bar(budget, exceeded)) == width
    assert len(Bars(SHADE, glyphs).bar(budget, exceeded)) == SHADE
    assert len(Bars(width, glyphs).scale()) == width


@given(st.floats(0, 1), widths)
def test_a_bar_is_as_long_as_the_share_of_the_limit(budget: float, width: int) -> None:
    drawn = eighths(Bars(width, UNICODE).bar(budget, False)) / 8
    assert drawn == pytest.approx(budget * (width - 1), abs=1 / 8)  # the last cell is the mark of the limit


@given(budgets, st.booleans(), widths)
def test_a_bar_passes_the_limit_where_something_exceeds_and_nowhere_else(
    budget: float, exceeded: bool, width: int
) -> None:
    if exceeded or not math.isnan(budget):
        bar = Bars(width, UNICODE).bar(budget if exceeded else min(budget, 1), exceeded)
        assert bar[-1] == (UNICODE.beyond if exceeded else UNICODE.limit)


@given(st.floats(0, 1, exclude_min=True), widths)
def test_a_difference_is_never_invisible(budget: float, width: int) -> None:
    assert eighths(Bars(width, UNICODE).bar(budget, False)) > 0
    assert Bars(SHADE, UNICODE).bar(budget, False).strip()


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_the_full_shade_is_kept_for_what_exceeds(glyphs: Glyphs) -> None:
    bars = Bars(SHADE, glyphs)
    assert bars.bar(1.01, True) == glyphs.shades[-1] != bars.bar(1.0, False)
