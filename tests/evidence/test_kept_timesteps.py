"""Which timesteps of a long run are kept to be shown."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncheck.evidence.places import Excerpt, Segment


def kept(rows: int | None, total: int, divergence: int | None = None, chunk: int = 16) -> list[int]:
    """The timesteps that an excerpt of `total` of them shows, each of which holds its own number."""
    excerpt = Excerpt(rows)
    for start in range(0, total, chunk):
        steps = torch.arange(start, min(start + chunk, total)).view(-1, 1, 1)
        here = divergence is not None and start <= divergence < start + chunk
        excerpt.add(Segment(start, steps, -steps), divergence if here else None)
    numbers: list[int] = []
    for segment in excerpt.segments():
        assert segment.candidate.flatten().tolist() == list(range(segment.start, segment.stop))
        assert torch.equal(segment.reference, -segment.candidate)
        numbers += range(segment.start, segment.stop)
    return numbers


def test_a_short_run_is_kept_whole() -> None:
    assert kept(30, total=30) == list(range(30))
    assert kept(30, total=12, divergence=5) == list(range(12))


def test_all_rows_of_any_run_are_kept_if_asked_for() -> None:
    assert kept(None, total=100, divergence=50) == list(range(100))


def test_no_rows_are_kept_if_none_are_asked_for() -> None:
    assert kept(0, total=100, divergence=50) == []


def test_a_long_run_that_agrees_shows_its_two_ends() -> None:
    assert kept(6, total=100) == [0, 1, 2, 97, 98, 99]


def test_a_long_run_that_parts_shows_that_place_too() -> None:
    assert kept(9, total=100, divergence=50) == [0, 1, 2, 49, 50, 51, 97, 98, 99]


def test_what_follows_an_early_divergence_is_shown_rather_than_shown_twice() -> None:
    assert kept(9, total=100, divergence=1) == [0, 1, 2, 3, 4, 5, 97, 98, 99]


def test_a_late_divergence_is_shown_with_the_end() -> None:
    assert kept(9, total=100, divergence=99) == [0, 1, 2, 97, 98, 99]
    assert kept(9, total=100, divergence=96) == [0, 1, 2, 95, 96, 97, 98, 99]


@pytest.mark.parametrize(
    ("rows", "numbers"), [(1, [50]), (2, [50, 51]), (3, [0, 50, 99]), (4, [0, 50, 51, 99]), (5, [0, 49, 50, 51, 99])]
)
def test_few_rows_go_to_the_divergence_first(rows: int, numbers: list[int]) -> None:
    assert kept(rows, total=100, divergence=50) == numbers


@pytest.mark.parametrize(("rows", "numbers"), [(1, [0]), (2, [0, 99]), (3, [0, 1, 99])])
def test_few_rows_of_a_run_that_agrees_go_to_its_ends(rows: int, numbers: list[int]) -> None:
    assert kept(rows, total=100) == numbers


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 120), st.integers(1, 50), st.data())
def test_however_it_arrives_it_is_in_order_within_bounds_and_shows_the_divergence(
    rows: int, total: int, chunk: int, data: st.DataObject
) -> None:
    divergence = data.draw(st.none() | st.integers(0, total - 1))
    numbers = kept(rows, total, divergence, chunk)
    assert numbers == sorted(set(numbers))
    assert len(numbers) <= rows
    assert len(numbers) >= min(total, max(1, rows // 3 * 2))
    assert divergence is None or divergence in numbers
    assert numbers == kept(rows, total, divergence, chunk=total)


def test_what_is_kept_does_not_keep_the_chunk() -> None:
    excerpt = Excerpt(3)
    chunk = torch.zeros(1000, 1, 1)
    excerpt.add(Segment(0, chunk, chunk), 500)
    assert {segment.candidate.untyped_storage().nbytes() for segment in excerpt.segments()} == {4}
