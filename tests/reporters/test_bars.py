"""Bars: longer for more, and past the limit exactly where the judge says so."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncheck.reporters.screen import ASCII, UNICODE, Glyphs
from rnncheck.reporters.timesteps import NARROW, WIDE, Bars

budgets = st.floats(0, math.inf) | st.just(math.nan)


def length(bar: str, glyphs: Glyphs) -> int:
    """In halves of a cell."""
    return 2 * bar.count(glyphs.full) + bar.count(glyphs.half)


@given(budgets, st.booleans(), st.sampled_from([UNICODE, ASCII]))
def test_every_bar_is_as_wide_as_the_next(budget: float, exceeded: bool, glyphs: Glyphs) -> None:
    assert len(Bars(WIDE, glyphs, beyond=True).bar(budget, exceeded)) == WIDE
    assert len(Bars(WIDE, glyphs, beyond=False).bar(budget, False)) == WIDE
    assert len(Bars(NARROW, glyphs, beyond=True).bar(budget, exceeded)) == NARROW


@given(st.floats(0, math.inf), st.floats(0, math.inf))
def test_a_bar_grows_with_what_is_used(one: float, other: float) -> None:
    bars, (less, more) = Bars(WIDE, UNICODE, beyond=True), sorted((one, other))
    assert length(bars.bar(less, less > 1), UNICODE) <= length(bars.bar(more, more > 1), UNICODE)


@given(budgets, st.booleans())
def test_a_bar_passes_the_limit_where_something_exceeds_and_nowhere_else(budget: float, exceeded: bool) -> None:
    bars = Bars(WIDE, UNICODE, beyond=True)
    assert bars.limit_at is not None
    bar = bars.bar(budget, exceeded)
    beyond = bar[bars.limit_at + 1 :].strip()
    if exceeded and budget != 0:
        assert (bar[bars.limit_at], bool(beyond)) == (UNICODE.limit_passed, True)
    if not exceeded:
        assert (bar[bars.limit_at], bool(beyond)) == (UNICODE.limit, False)


@given(st.floats(0, 1, exclude_min=True))
def test_a_difference_is_never_invisible(budget: float) -> None:
    assert UNICODE.full in (bar := Bars(WIDE, UNICODE, beyond=True).bar(budget, False)) or UNICODE.half in bar
    assert Bars(NARROW, UNICODE, beyond=True).bar(budget, False).strip()


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_the_full_shade_is_kept_for_what_exceeds(glyphs: Glyphs) -> None:
    bars = Bars(NARROW, glyphs, beyond=True)
    assert bars.bar(1.01, True) == glyphs.shades[-1] != bars.bar(1.0, False)
