"""Shrinking and naming, on predicates in the place of layers."""

from collections.abc import Callable

import pytest

from rnncheck.sweep.boundary import conditions
from rnncheck.sweep.configuration import Configuration
from rnncheck.sweep.shrink import smallest
from rnncheck.sweep.space import space_of

LARGE = Configuration(
    input_size=65,
    hidden_size=125,
    num_layers=3,
    bidirectional=True,
    bias=False,
    seq_len=130,
    batch_size=65,
    lengths="mixed",
    seed=77,
)
CASES = {
    "tail": (
        lambda c: c.hidden_size > 8 and c.hidden_size % 8,
        "hidden_size from 9 on, where it is not a multiple of 8",
    ),
    "long": (lambda c: c.seq_len > 64, "T above 64"),
    "rows": (lambda c: c.batch_size > 16, "batch_size above 16"),
    "odd limit": (lambda c: c.seq_len >= 50, "T from 50 on"),
    "odd": (lambda c: c.hidden_size % 2, "hidden_size that is odd"),
    "layers": (lambda c: c.num_layers > 1, "num_layers from 2 on"),
    "no bias": (lambda c: not c.bias, "without bias"),
    "two": (lambda c: c.bidirectional and c.batch_size > 32, "bidirectional and batch_size above 32"),
    "one": (lambda c: c.input_size == 65, "input_size 65"),
    "pair": (lambda c: c.hidden_size > c.input_size, "hidden_size above input_size"),
    "product": (lambda c: c.seq_len * c.batch_size > 64, "T times batch_size above 64"),
    "large product": (lambda c: c.seq_len * c.batch_size > 256, "T times batch_size above 256"),
    "sum": (lambda c: c.hidden_size + c.input_size > 100, "hidden_size plus input_size from 101 on"),
    "everywhere": (lambda c: True, ""),
}


@pytest.mark.parametrize("name", CASES)
def test_a_failure_is_shrunk_and_its_boundary_is_named(name: str) -> None:
    wrong, words = CASES[name]
    space = space_of([], [])
    small = smallest(LARGE, space, lambda each: bool(wrong(each)))
    assert wrong(small)
    assert " and ".join(each.words for each in conditions(small, space, lambda each: bool(wrong(each)))) == words


def test_each_axis_is_at_the_least_that_fails() -> None:
    tail, _ = CASES["tail"]
    small = smallest(LARGE, space_of([], []), lambda each: bool(tail(each)))
    assert small == Configuration(
        input_size=1, hidden_size=9, seq_len=1, batch_size=1, h0="zeros", cell=LARGE.cell, seed=0
    )


def test_what_is_fixed_stays_and_values_that_were_asked_for_are_all_that_is_tried() -> None:
    space = space_of(["hidden-size=4,12,20,125", "T=130"], [])
    tried: list[Configuration] = []

    def fails(each: Configuration) -> bool:
        tried.append(each)
        return each.hidden_size > 8

    small = smallest(LARGE, space, fails)
    assert (small.hidden_size, small.seq_len, small.input_size) == (12, 130, 65)
    assert {each.hidden_size for each in tried} <= {4, 12, 20, 125}


def test_what_another_cause_makes_fail_says_nothing() -> None:
    """Failures of a cause that is known already are neither failures nor passes of this one."""
    fails: Callable[[Configuration], bool | None] = lambda each: None if each.hidden_size % 8 else each.seq_len > 64  # noqa: E731
    start = LARGE.having(hidden_size=128)
    space = space_of([], [])
    small = smallest(start, space, fails)
    assert (small.hidden_size % 8, small.seq_len) == (0, 65)
    assert [each.words for each in conditions(small, space, fails)] == ["T above 64"]
