"""A set of indices in words, from which a reader gets the same set back."""

import re
from collections.abc import Collection, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rnncheck.diagnosis.regions import indices, nth, timesteps


def among(size: int, true: Collection[int]) -> list[bool]:
    return [index in true for index in range(size)]


@pytest.mark.parametrize(
    ("size", "true", "said"),
    [
        (8, range(8), "every unit"),
        (1, [0], "the only unit"),
        (8, [], "no unit"),
        (8, [3], "unit 3"),
        (8, [0], "the first of 8 units"),
        (8, [7], "the last of 8 units"),
        (64, range(32, 64), "units 32 to 63 of 64, the last half"),
        (64, range(16, 32), "units 16 to 31 of 64, the second quarter"),
        (64, range(33, 64), "the last 31 of 64 units (33 to 63)"),
        (64, range(20, 30), "units 20 to 29 of 64"),
        (9, range(1, 9, 2), "odd units"),
        (9, range(0, 9, 2), "even units"),
        (64, range(3, 64, 4), "every 4th unit from 3 on"),
        (128, range(0, 128, 32), "every 32nd unit from 0 on"),
        (64, range(8, 41, 8), "every 8th unit from 8 to 40"),
        (8, [0, 1, 2, 4, 5, 6, 7], "every unit but 3"),
        (8, range(1, 8), "every unit but the first"),
        (16, [*range(5), *range(6, 9), *range(11, 16)], "every unit but 5, 9 and 10"),
        (16, [1, 5, 6, 10, 11, 12], "units 1, 5, 6 and 10 to 12 of 16"),
        (16, [0, 2, 5, 7, 11], "5 of 16 units (0, 2, 5, ...)"),
        (16, [*range(5), 8, 9, *range(13, 16)], "units 0 to 4, 8, 9 and 13 to 15 of 16"),
        (8, [1, 2], "units 1 and 2 of 8"),
        (8, [2, 4, 6], "every 2nd unit from 2 on"),
        (3, [0, 1], "the first 2 of 3 units (0 and 1)"),
    ],
)
def test_indices_are_said_in_the_shortest_way_that_fits(size: int, true: Collection[int], said: str) -> None:
    assert indices(among(size, true)) == said


@pytest.mark.parametrize(
    ("size", "true", "said"),
    [
        (100, range(100), "at every timestep"),
        (1, [0], "at the only timestep"),
        (3, [], "at no timestep"),
        (100, range(64, 100), "from t = 64 on"),
        (100, range(6), "up to t = 5"),
        (100, range(3, 10), "at t = 3 to 9"),
        (100, [5], "at t = 5 alone"),
        (100, [99], "at t = 99 alone, the last timestep"),
        (64, range(7, 64, 8), "at every 8th timestep from t = 7 on"),
        (64, range(7, 32, 8), "at every 8th timestep from t = 7 to 31"),
        (16, [*range(5), *range(6, 16)], "at every timestep but t = 5"),
        (16, [1, 5, 6], "at t = 1, 5 and 6"),
        (16, [0, 2, 5, 7, 11], "at 5 of 16 timesteps (t = 0, 2, 5, ...)"),
    ],
)
def test_timesteps_are_said_as_points_and_stretches_of_time(size: int, true: Collection[int], said: str) -> None:
    assert timesteps(among(size, true)) == said


def test_rows_are_named_as_units_are() -> None:
    assert indices(among(7, [5, 6]), "row") == "the last 2 of 7 rows (5 and 6)"


def test_ordinals_end_as_they_are_spoken() -> None:
    said = ["2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "32nd", "111th", "123rd"]
    assert [nth(number) for number in (2, 3, 4, 11, 12, 13, 21, 32, 111, 123)] == said


def numbers(text: str) -> set[int]:
    """All that "0, 5 and 8 to 11" names."""
    found = re.findall(r"(\d+)(?: to (\d+))?", text)
    return {index for start, stop in found for index in range(int(start), int(stop or start) + 1)}


def read(said: str, size: int) -> set[int]:
    """The set that a reader takes from the words; the plain meaning of each, with nothing shared with what said it."""
    said = said.replace("t = ", "").removeprefix("at ").replace("timestep", "unit")
    everything = set(range(size))
    if said in ("every unit", "the only unit"):
        return everything
    if said == "no unit":
        return set()
    if said in ("odd units", "even units"):
        return {index for index in everything if index % 2 == (said == "odd units")}
    if step := re.fullmatch(r"every (\d+).. unit from (\d+) (?:on|to (\d+))", said):
        return set(range(int(step[2]), int(step[3] or size - 1) + 1, int(step[1])))
    if start := re.fullmatch(r"from (\d+) on", said):
        return set(range(int(start[1]), size))
    if stop := re.fullmatch(r"up to (\d+)", said):
        return set(range(int(stop[1]) + 1))
    if gaps := re.fullmatch(r"every unit but (.*)", said):
        return everything - (
            {0} if gaps[1] == "the first" else {size - 1} if gaps[1] == "the last" else numbers(gaps[1])
        )
    if edge := re.fullmatch(rf"the (first|last)(?: (\d+))? of {size} units.*", said):
        count = int(edge[2] or 1)
        return set(range(count)) if edge[1] == "first" else set(range(size - count, size))
    some = re.fullmatch(rf"(?:units? )?([\d, andto]+?)(?: alone(?:, the last unit)?| of {size}(?:, the .*)?)?", said)
    assert some, said
    return numbers(some[1])


def counted(said: str, which: Sequence[bool]) -> bool:
    """Whether the words only count and begin; then both must be right."""
    found = re.fullmatch(r"(?:at )?(\d+) of (\d+) (?:unit|timestep)s \((?:t = )?(.*), \.\.\.\)", said)
    if found is None:
        return False
    assert (int(found[1]), int(found[2])) == (sum(which), len(which))
    assert sorted(numbers(found[3])) == [index for index, true in enumerate(which) if true][:3]
    return True


regular = st.builds(
    lambda size, start, stop, step, inverted: [
        (index in range(start, stop, step)) != inverted for index in range(size)
    ],
    st.integers(1, 70),
    st.integers(0, 70),
    st.integers(0, 70),
    st.integers(1, 34),
    st.booleans(),
)


@given(regular | st.lists(st.booleans(), min_size=1, max_size=20))
@example([False, True, True, False])
def test_the_words_give_the_set_back(which: list[bool]) -> None:
    true = {index for index, each in enumerate(which) if each}
    for said in (indices(which), timesteps(which)):
        assert counted(said, which) or read(said, len(which)) == true
