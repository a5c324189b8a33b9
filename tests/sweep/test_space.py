"""What --vary and --fix ask for, and what is drawn of it."""

from itertools import islice

import pytest

from rnncheck.errors import UsageError
from rnncheck.model.spec import Cell
from rnncheck.sweep.draw import group, groups
from rnncheck.sweep.space import AXES, space_of


def values(space, name):
    return next(each.values for each in space.varying if each.name == name)


def drawn(space, seed=0, count=200):
    every = range(count) if groups(space) is None else range(groups(space))
    return [each for index in every for each in group(space, seed, index)]


def test_without_options_everything_varies() -> None:
    assert space_of([], []).varying == AXES


def test_vary_names_axes_with_ranges_lists_or_all_usual_values() -> None:
    space = space_of(["hidden-size=1..300,cell", "T=1,5,2"], ["bias=no"])
    assert [each.name for each in space.varying] == ["cell", "seq_len", "hidden_size"]
    assert values(space, "hidden_size") == tuple(range(1, 301))
    assert values(space, "seq_len") == (1, 2, 5)
    assert values(space, "cell") == tuple(Cell)
    assert space.base.bias is False


@pytest.mark.parametrize(
    ("vary", "fix", "said"),
    [
        (["hiden-size=3"], [], "did you mean hidden-size"),
        (["hidden-size=0..3"], [], "whole number from 1"),
        (["cell=elman"], [], "must be one of rnn, lstm, gru"),
        (["7"], [], "is not one of"),
        ([], ["cell"], "NAME=VALUE"),
        ([], ["weight-scale=nan"], "must be a finite number"),
        ([], ["hidden-size=1..3"], "use --vary for several values"),
        (["cell"], ["cell=gru"], "leave one of them out"),
        (["H=1,hidden-size=2"], [], "hidden-size is in --vary twice"),
        ([], ["T=8", "seq-len=16"], "as in --vary seq-len=VALUE,VALUE"),
        (["proj-size=5..9"], ["cell=gru"], "can have cell gru: .* only the lstm a projection"),
        (["cell=gru,lstm"], ["proj-size=2"], "can have cell gru"),
        (["proj-size=0..4"], ["cell=lstm"], "can have proj-size 4: .* must be below H"),
        (["nonlinearity=relu,tanh"], ["cell=gru"], "can have nonlinearity relu"),
        (["lengths=none,mixed"], ["T=1"], "can have lengths mixed: .* where T and B are above 1"),
        ([], ["lengths=mixed", "B=1"], "can have lengths mixed"),
    ],
)
def test_what_cannot_be_is_refused_with_a_way_out(vary: list[str], fix: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        space_of(vary, fix)


@pytest.mark.parametrize(
    ("vary", "fix", "count"),
    [
        (["hidden-size=1..30,cell"], [], 90),
        (["T=1..7,B=1..5,bias"], [], 70),
        (["cell,proj-size=0..2"], ["hidden-size=3"], 5),
        (["T=1..3,lengths,B=1..2"], [], 6 + 2 * 2),
    ],
)
def test_a_space_with_an_end_is_drawn_once_and_completely(vary: list[str], fix: list[str], count: int) -> None:
    found = drawn(space_of(vary, fix), seed=3)
    assert len(found) == len(set(found)) == count


def test_an_endless_space_never_repeats_and_draws_what_can_be_alone() -> None:
    found = drawn(space_of([], []))
    assert len(found) == len(set(found)) > 1000
    assert all(each.possible and each.spec for each in found)


def test_a_group_follows_from_the_seed_and_its_index_alone() -> None:
    space = space_of([], [])
    assert group(space, 5, 17) == group(space, 5, 17)
    assert group(space, 5, 17) != group(space, 6, 17)
    assert len({each.spec for each in group(space, 5, 17)}) == 1


@pytest.mark.slow
def test_long_wide_and_ordinary_sizes_are_all_drawn() -> None:
    found = drawn(space_of([], []), count=1500)
    for shown in (
        lambda each: each.seq_len > 512,
        lambda each: each.hidden_size > 128,
        lambda each: each.batch_size > 128,
        lambda each: each.hidden_size == 9,
        lambda each: each.row_lengths and len(set(each.row_lengths)) > 1,
    ):
        assert next(filter(shown, found), None) is not None


def test_lengths_are_those_of_rows_that_compare_takes() -> None:
    rows = [each for each in drawn(space_of([], [])) if each.row_lengths]
    for each in islice(rows, 50):
        assert len(each.row_lengths) == each.batch_size
        assert max(each.row_lengths) == each.seq_len
        assert min(each.row_lengths) >= 1
