"""The scenes that a diagnosis tries: short ones, which still show what the run showed."""

import torch
from faults.scenes import scene

from rnncheck.diagnosis.scenes import FEWEST_STEPS, ROWS, STEPS, cut, fresh, small
from rnncheck.model.spec import Cell, Spec
from rnncheck.report import Divergence


def at(t: int, batch: int) -> Divergence:
    return Divergence("output", t, 0, "forward", batch, 0)


def test_a_short_run_is_taken_as_it_is() -> None:
    whole = scene(Spec(), seq_len=6, batch_size=3)
    assert cut(whole, at(2, 1)).x.shape == whole.x.shape


def test_a_long_run_is_cut_so_that_the_first_divergence_is_in_it() -> None:
    whole = scene(Spec(), seq_len=200, batch_size=20)
    assert cut(whole, at(0, 0)).x.shape == (STEPS, ROWS, 3)
    late = cut(whole, at(150, 17))
    assert late.seq_len > 150
    assert late.batch_size == 18
    assert torch.equal(late.x, whole.x[: late.seq_len, :18])


def test_lengths_are_cut_with_the_timesteps() -> None:
    whole = scene(Spec(), seq_len=100, batch_size=3, lengths=(100, 4, 60))
    shorter = cut(whole, None)
    assert shorter.lengths == (STEPS, 1, 1)  # still of different lengths
    assert small(scene(Spec(), seq_len=3, batch_size=2, lengths=(2, 1))).seq_len == 2


def test_a_large_layer_is_tried_on_little() -> None:
    whole = scene(Spec(Cell.LSTM, 256, 1024), seq_len=64, batch_size=16)
    shorter = cut(whole, None)
    assert shorter.x.shape == (FEWEST_STEPS, 2, 256)


def test_fresh_scenes_have_the_same_sizes_and_other_numbers() -> None:
    own = scene(Spec(Cell.LSTM), seq_len=5, batch_size=3, lengths=(5, 2, 4))
    first, *others = fresh(own)
    assert torch.equal(first.weights["weight_hh_l0"], own.weights["weight_hh_l0"])
    for each in (first, *others):
        assert each.x.shape == own.x.shape
        assert not torch.equal(each.x, own.x)
        assert not each.x[2:, 1].any()
        assert each.state.h.any()
        assert each.state.c is not None
    assert not torch.equal(others[0].weights["weight_hh_l0"], own.weights["weight_hh_l0"])


def test_a_run_from_zeros_is_first_tried_from_zeros() -> None:
    own = scene(Spec())
    own.state.h.zero_()
    first, *others = fresh(own)
    assert not first.state.h.any()
    assert all(each.state.h.any() for each in others)
