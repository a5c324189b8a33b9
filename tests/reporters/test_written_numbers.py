"""How numbers read."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncheck.reporters import numbers


@pytest.mark.parametrize(
    ("budget", "shown"),
    [
        (0.0, "0 %"),
        (1e-7, "1.0e-05 %"),
        (0.005, "0.5 %"),
        (0.0109, "1.1 %"),
        (0.17, "17 %"),
        (0.9999, "<100 %"),
        (1.0, "100 %"),
        (1.0001, ">100 %"),
        (2.5, "250 %"),
        (5.4e3, "5.4e+05 %"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_the_share_of_what_is_allowed_is_a_percentage(budget: float, shown: str) -> None:
    assert numbers.percent(budget) == shown


@given(st.floats(0.9, 1.1).filter(lambda budget: budget != 1))
def test_a_share_is_never_rounded_to_the_limit(budget: float) -> None:
    assert numbers.percent(budget) != "100 %"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.1, "0.1000"), (-0.56712, "-0.5671"), (12.5, "12.5000"), (-1234.5, "-1.234e+03"), (math.nan, "nan")],
)
def test_a_state_has_four_decimals_as_long_as_it_is_short(value: float, shown: str) -> None:
    assert numbers.state(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(0.0, "0"), (5.96e-8, "6.0e-08"), (0.11, "1.1e-01"), (math.inf, "inf")])
def test_a_difference_has_two_digits(value: float, shown: str) -> None:
    assert numbers.difference(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(0.5, "0.5"), (3.0, "3"), (9.1e5, "9.1e+05"), (math.nan, "-")])
def test_ulps_are_short(value: float, shown: str) -> None:
    assert numbers.ulps(value) == shown


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_two_values_that_differ_never_look_the_same(value: float) -> None:
    shown, next_shown = numbers.told_apart(value, math.nextafter(value, math.inf))
    assert shown != next_shown


def test_two_values_have_nine_digits_where_that_tells_them_apart() -> None:
    assert numbers.told_apart(0.1, 0.2) == ("0.1", "0.2")
    assert numbers.told_apart(0.735315079, 0.735314989) == ("0.735315079", "0.735314989")
    assert numbers.told_apart(0.1, math.nextafter(0.1, 1)) == ("0.10000000000000001", "0.10000000000000002")


@pytest.mark.parametrize(
    ("budget", "shown"),
    [(0.005, "0.5 % of the"), (1.5, "150 % of the"), (9590.0, "9,590 times the"), (5e8, "5.0e+08 times the")],
)
def test_a_sentence_says_times_where_a_percentage_would_be_long(budget: float, shown: str) -> None:
    assert numbers.of_limit(budget).startswith(shown)


@pytest.mark.parametrize(
    ("budget", "shown"),
    [(0.17, "17 %"), (1.0001, ">100 %"), (9.99, "999 %"), (9.996, "10 x"), (150.0, "150 x"), (1.5e12, "1.5e12 x")],
)
def test_a_table_says_times_in_few_letters(budget: float, shown: str) -> None:
    assert numbers.times(budget) == shown
