"""Formats numbers for the screen: short, never cut, never rounded across the limit."""

import math

NOTHING = "-"


def count(number: int) -> str:
    return f"{number:,}"


def difference(value: float) -> str:
    """A difference or a limit with two digits: 6.0e-08."""
    return _special(value) or ("0" if value == 0 else f"{value:.1e}")


def in_words(value: float) -> str:
    """A difference in a sentence: 0.11, but 6.0e-08."""
    return f"{value:.2g}" if 1e-3 <= value < 100 else difference(value)


def state(value: float) -> str:
    """One hidden state as torch prints it, with four decimals, as long as that is short."""
    if abs(value) < 1000:
        return f"{value:.4f}"
    return _special(value) or f"{value:.3e}"


def told_apart(one: float, other: float) -> tuple[str, str]:
    """Two values to nine digits, which tell every float32 from every other; to 17 where float64 needs them."""
    short = f"{one:.9g}", f"{other:.9g}"
    return short if short[0] != short[1] or one == other else (f"{one:.17g}", f"{other:.17g}")


def ulps(value: float) -> str:
    """A difference in units of the last place: 0.5, 12, 9.1e+05."""
    if not math.isfinite(value):
        return NOTHING
    return f"{value:.1e}" if value >= 1000 else f"{value:.1f}".removesuffix(".0")


def percent(budget: float) -> str:
    """The used share of the limit: 0.5 %, 17 %, 5.4e+05 %.

    What is not exactly the limit is never shown as 100 %: on which side it lies is the verdict.
    """
    if special := _special(budget):
        return special
    share = 100 * budget
    if share == 0:
        return "0 %"
    if 99.5 <= share < 100.5 and budget != 1:
        return "<100 %" if budget < 1 else ">100 %"
    if share < 0.01 or share >= 1000:
        return f"{share:.1e} %"
    return f"{share:.0f} %" if share >= 9.95 else f"{share:.2g} %"


def times(budget: float) -> str:
    """The share of the limit in a table: 8.6 %, or how many times the limit: 150 x, 1.5e8 x."""
    if budget < 9.995 or not math.isfinite(budget):
        return percent(budget)
    return f"{budget:,.0f} x" if budget < 1e4 else f"{budget:.1e} x".replace("e+0", "e").replace("e+", "e")


def of_limit(budget: float) -> str:
    """The share in a sentence: 0.5 % of the limit, or 9,590 times the limit."""
    if budget == math.inf:
        return "where no difference is allowed"
    if budget < 10 or not math.isfinite(budget):
        return f"{percent(budget)} of the limit"
    return f"{budget:,.0f} times the limit" if budget < 1e6 else f"{budget:.1e} times the limit"


def _special(value: float) -> str | None:
    return None if math.isfinite(value) else str(value)
