"""The part of a run in which faults are planted shows what the run shows."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnncheck.data.random import initial_state
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.weights import draw
from rnncheck.witness.part_of_run import part_of, shrunk


@given(st.integers(1, 100), st.integers(1, 100), st.data())
def test_lengths_keep_their_order_and_what_ends_early_still_does(seq_len: int, steps: int, data: st.DataObject) -> None:
    steps = min(steps, seq_len)
    lengths = data.draw(st.lists(st.integers(1, seq_len), min_size=1, max_size=9))
    ends = shrunk(lengths, seq_len, steps)
    assert all(1 <= end <= steps for end in ends)
    for one, here in zip(lengths, ends, strict=True):
        assert steps == 1 or (here == steps) == (one == seq_len)
        for other, there in zip(lengths, ends, strict=True):
            assert here <= there if one <= other else here >= there
            if len({*lengths, seq_len}) <= steps:
                assert (here == there) == (one == other)


@pytest.mark.parametrize(("batch_size", "hidden_size"), [(64, 8), (9, 8), (9, 2), (3, 2)])
@pytest.mark.parametrize("cell", Cell)
def test_b_is_not_h_in_the_part_if_it_is_not_in_the_run(cell: Cell, batch_size: int, hidden_size: int) -> None:
    for seq_len in (1, 7, 500):
        stage = part_of(Spec(cell, 3, hidden_size), seq_len, batch_size, None, 50)
        assert 2 <= len(stage.rows) <= batch_size
        assert len(stage.rows) != hidden_size


@pytest.mark.parametrize("cell", Cell)
def test_b_stays_h_where_that_can_be_afforded(cell: Cell) -> None:
    assert len(part_of(Spec(cell, 3, 16), 12, 16, None, 50).rows) == 16
    assert len(part_of(Spec(cell, 3, 200), 12, 200, None, 50).rows) < 16


@given(st.lists(st.integers(1, 60), min_size=2, max_size=20))
def test_rows_out_of_order_stay_so_and_sorted_ones_stay_sorted(lengths: list[int]) -> None:
    seq_len = max(lengths)
    stage = part_of(Spec(), seq_len, len(lengths), lengths, 50)
    ends = shrunk([lengths[row] for row in stage.rows], seq_len, stage.steps)
    assert len(stage.rows) == min(8, len(lengths))
    assert len(set(stage.rows)) == len(stage.rows)
    if stage.steps > 1:
        assert falling(ends) == falling(lengths)
        assert (min(ends) < stage.steps) == (min(lengths) < seq_len)


def falling(lengths: list[int] | tuple[int, ...]) -> bool:
    return list(lengths) == sorted(lengths, reverse=True)


def test_rows_are_zero_behind_their_ends_and_the_run_is_left_as_it_was() -> None:
    spec, lengths = Spec(), (100, 80, 30)
    x = torch.ones(100, 3, spec.input_size, dtype=torch.float64)
    stage = part_of(spec, 100, 3, lengths, 50)
    scene = stage.scene(spec, draw(spec, 0).values, x, initial_state(spec, 3, seed=0), lengths)
    assert scene.lengths == (48, 38, 14)
    assert scene.x.sum((0, 2)).tolist() == [3 * 48, 3 * 38, 3 * 14]
    assert bool((x == 1).all())
