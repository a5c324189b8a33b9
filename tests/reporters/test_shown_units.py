"""Which units are shown where not all of them fit."""

from hypothesis import given
from hypothesis import strategies as st

from rnncheck.report import Timestep
from rnncheck.reporters.terminal.states import states_that_fit
from rnncheck.reporters.units import Units


@given(st.integers(1, 9), st.integers(1, 2), st.data(), st.integers(1, 20))
def test_the_unit_that_parts_first_is_always_among_them(
    per_direction: int, directions: int, data: st.DataObject, size: int
) -> None:
    centre = data.draw(st.integers(0, per_direction * directions - 1))
    units = Units(per_direction, directions, centre)
    shown = units.window(size)
    assert centre in shown
    assert len(shown) == min(size, units.width)
    assert shown.start >= 0
    assert shown.stop <= units.width


def test_without_a_divergence_they_are_the_first_ones() -> None:
    assert Units(16, 1, None).window(4) == range(4)


def test_those_around_a_divergence_are_of_its_direction_if_they_fit() -> None:
    assert Units(4, 2, centre=4).window(3) == range(4, 7)
    assert Units(4, 2, centre=3).window(3) == range(1, 4)
    assert Units(4, 2, centre=4).window(6) == range(1, 7)


def test_the_heading_says_which_of_how_many() -> None:
    said = [
        Units(1, 1, None).describe(range(1), "×"),
        Units(4, 1, None).describe(range(4), "×"),
        Units(16, 1, None).describe(range(4), "×"),
        Units(16, 1, 7).describe(range(7, 8), "×"),
        Units(6, 2, 8).describe(range(7, 10), "×"),
        Units(6, 2, 6).describe(range(4, 8), "×"),
    ]
    assert said == [
        "1 unit",
        "all 4 units",
        "units 0-3 of 16",
        "unit 7 of 16",
        "reverse units 1-3 of 6",
        "forward unit 4 to reverse unit 1 of 2 × 6",
    ]


def test_as_many_are_shown_as_there_is_room_for_and_at_least_one() -> None:
    steps = [Timestep(0, 0.0, 1.0, 0.0, 0, (-0.5,) * 16, (-0.5,) * 16)]
    rooms = {room: len(states_that_fit(steps, Units(16, 1, None), room)[0]) for room in (0, 31, 32, 47, 48)}
    assert rooms == {0: 1, 31: 1, 32: 2, 47: 2, 48: 3}  # two sides of 7 characters a unit, and gaps
