"""A seed means the numbers that plain torch draws, on every run and in every chunking."""

import numpy as np
import pytest
import torch

from rnncheck.data.random import initial_state, random_sequences
from rnncheck.errors import UsageError
from rnncheck.model.randomness import Draws, Stream
from rnncheck.model.spec import Cell, Init, Spec

INITS: list[Init] = ["normal", "uniform"]
SHAPES = [(1, 1, 1), (5, 1, 1), (30, 1, 2), (7, 3, 5), (40, 2, 3), (131_077, 1, 1)]  # the last spans blocks


def whole(
    seq_len: int, batch_size: int, input_size: int, *, init: Init, seed: int, steps: int | None = None
) -> torch.Tensor:
    sequences = random_sequences(input_size, seq_len, batch_size, init=init, seed=seed)
    return torch.from_numpy(np.concatenate([x.copy() for x in sequences.chunks(steps or seq_len)]))


@pytest.mark.parametrize("seed", [0, 3, 2**62])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("init", "of_torch"), [("normal", torch.randn), ("uniform", torch.rand)])
def test_sequences_are_torchs_own_at_float32(init: Init, of_torch, shape: tuple[int, int, int], seed: int) -> None:  # type: ignore[no-untyped-def]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        expected = of_torch(*shape)
    assert torch.equal(whole(*shape, init=init, seed=seed).float(), expected)


@pytest.mark.parametrize("steps", [1, 3, 8, 17, 1000])
@pytest.mark.parametrize("shape", SHAPES[:-1])
@pytest.mark.parametrize("init", INITS)
def test_sequences_are_the_same_however_long_the_chunks_are(
    init: Init, shape: tuple[int, int, int], steps: int
) -> None:
    assert torch.equal(whole(*shape, init=init, seed=1, steps=steps), whole(*shape, init=init, seed=1))


def test_chunks_are_as_long_as_asked_for_and_the_last_holds_the_rest() -> None:
    assert [len(x) for x in random_sequences(2, 7, 3).chunks(3)] == [3, 3, 1]


@pytest.mark.parametrize("steps", [1, 2, 100])
def test_rows_are_zero_behind_their_length_and_random_before_it(steps: int) -> None:
    sequences = random_sequences(2, 5, 3, lengths=(5, 3, 1))
    x = np.concatenate([chunk.copy() for chunk in sequences.chunks(steps)])
    assert (x != 0).all(axis=2).T.tolist() == [[True] * 5, [True] * 3 + [False] * 2, [True] + [False] * 4]


def test_reading_twice_gives_the_same_sequences() -> None:
    sequences = random_sequences(2, 5, 3, seed=4)
    first, second = (np.concatenate(list(sequences.chunks(2))) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("init", INITS)
def test_sequences_have_digits_that_float32_lacks(init: Init) -> None:
    x = whole(20, 2, 3, init=init, seed=0)
    assert (x != x.float().double()).float().mean() > 0.9


@pytest.mark.parametrize("stream", Stream)
def test_another_seed_gives_other_numbers_and_the_same_seed_the_same(stream: Stream) -> None:
    first, again, other = (Draws(seed, stream).normal((20,)) for seed in (0, 0, 10))
    assert torch.equal(first, again)
    assert not (first == other).any()


def test_the_streams_of_a_seed_are_unalike() -> None:
    drawn = [Draws(0, stream).uniform((20,)) for stream in Stream]
    assert not any((a == b).any() for a in drawn for b in drawn if a is not b)


def test_uniform_numbers_stay_within_their_bounds() -> None:
    drawn = Draws(0, Stream.WEIGHTS).uniform((10_000,), -0.5, 0.25)
    assert -0.5 <= drawn.min() < -0.49
    assert 0.24 < drawn.max() <= 0.25


def test_drawing_leaves_torchs_global_generator_alone() -> None:
    before = torch.get_rng_state()
    whole(5, 2, 3, init="normal", seed=0)
    initial_state(Spec(), 2, seed=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_torchs_global_generator_does_not_matter() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        first = whole(5, 2, 3, init="normal", seed=0)
        torch.manual_seed(6)
        assert torch.equal(whole(5, 2, 3, init="normal", seed=0), first)


@pytest.mark.parametrize("seed", [-1, 2**63, 2**70])
def test_a_seed_that_no_generator_takes_is_a_usage_error(seed: int) -> None:
    with pytest.raises(UsageError, match=rf"seed is {seed}; it must be at least 0 and below 2\^63"):
        Draws(seed, Stream.SEQUENCES)


@pytest.mark.parametrize("cell", Cell)
def test_an_initial_state_has_torchs_shapes_and_only_the_lstm_has_a_c(cell: Cell) -> None:
    spec = Spec(cell=cell, num_layers=2, bidirectional=True, proj_size=3 if cell is Cell.LSTM else 0)
    state = initial_state(spec, 5, seed=0)
    assert state.h.shape == (4, 5, spec.state_size)
    assert (state.c is None) if cell is not Cell.LSTM else state.c is not None and state.c.shape == (4, 5, 4)


def test_an_initial_state_is_random_where_tanh_puts_one_or_zero_when_asked() -> None:
    drawn, zeros = (initial_state(Spec(cell=Cell.LSTM), 50, seed=0, kind=kind) for kind in ("random", "zeros"))
    for value in (drawn.h, drawn.c):
        assert value is not None
        assert -1 <= value.min() < -0.8
        assert 0.8 < value.max() <= 1
    assert zeros.c is not None
    assert not zeros.h.any()
    assert not zeros.c.any()
    assert zeros.h.dtype is torch.float64
