"""Where two outputs differ, in words: what is said is true of the mask, whatever it is."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rnncheck.diagnosis.pattern import pattern, patterns

T, B, R = 100, 7, 64


def places(
    where: Callable[[Tensor, Tensor, Tensor], Tensor], seq_len: int = T, batch_size: int = B, width: int = R
) -> Tensor:
    """The mask (T, B, W) that is true where `where(t, row, unit)` is."""
    t, row, unit = torch.arange(seq_len), torch.arange(batch_size), torch.arange(width)
    return where(t[:, None, None], row[:, None], unit).expand(seq_len, batch_size, width).clone()


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (lambda t, row, unit: t >= 64, "from t = 64 on, in every row and unit"),
        (lambda t, row, unit: t % 8 == 7, "at every 8th timestep from t = 7 on, in every row and unit"),
        (lambda t, row, unit: unit >= 32, "in units 32 to 63 of 64, the last half, in every timestep and row"),
        (lambda t, row, unit: unit % 2 == 1, "in odd units, in every timestep and row"),
        (lambda t, row, unit: row >= 5, "in the last 2 of 7 rows (5 and 6), in every timestep and unit"),
        (lambda t, row, unit: (t == 5) & (row == 2), "at t = 5 alone, in row 2, in every unit"),
        (lambda t, row, unit: (row == 2) & (unit == 3), "in row 2, in unit 3, at every timestep"),
        (lambda t, row, unit: (t == 5) & (row == 2) & (unit == 3), "at t = 5 alone, in row 2, in unit 3"),
        (lambda t, row, unit: t >= 0, "everywhere"),
        (lambda t, row, unit: t < 0, "nowhere"),
        (
            lambda t, row, unit: (t >= 10 + row) & (unit < 32),
            "from a timestep on that differs from row to row (t = 10 to 16), in units 0 to 31 of 64, the first half",
        ),
        (
            lambda t, row, unit: t <= 3 * row + 2,
            "up to a timestep that differs from row to row (t = 2 to 20), in every unit",
        ),
        (
            lambda t, row, unit: (t == 3 * row + 2) & (row != 3),
            "at a timestep that differs from row to row (t = 2 to 20), in every row but 3, in every unit",
        ),
    ],
)
def test_one_direction(where: Callable[[Tensor, Tensor, Tensor], Tensor], said: str) -> None:
    assert pattern(places(where)) == said


def test_an_axis_of_one_is_not_spoken_of() -> None:
    assert pattern(places(lambda t, row, unit: t >= 64, batch_size=1, width=1)) == "from t = 64 on"
    assert pattern(places(lambda t, row, unit: t >= 0, 1, 1, 1)) == "everywhere"


def test_what_is_no_product_of_sets_is_given_as_a_share_of_the_smallest_that_holds_it() -> None:
    scattered = places(lambda t, row, unit: (5 * t + 3 * row + unit) % 6 == 0)
    assert pattern(scattered) == "in 17 % of all values, scattered over every timestep, row and unit"
    later = places(lambda t, row, unit: (t >= 64) & ((5 * t + 3 * row + unit) % 6 != 0))
    assert pattern(later) == "only from t = 64 on, and there in 83 % of the values"


def test_a_share_is_not_rounded_to_none_or_to_all() -> None:
    all_but_one = places(lambda t, row, unit: (t != 5) | (row != 2) | (unit != 3))
    assert pattern(all_but_one) == ("in 44,799 of 44,800 values, scattered over every timestep, row and unit")


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (lambda t, row, unit: unit >= 32, "in the reverse direction only"),
        (
            lambda t, row, unit: (unit < 32) & (t >= 64),
            "from t = 64 on, in every row and unit, in the forward direction only",
        ),
        (lambda t, row, unit: unit % 32 == 3, "in unit 3, in every timestep, row and direction"),
        (
            lambda t, row, unit: (unit >= 32) & ((5 * t + 3 * row + unit) % 6 == 0),
            "only in the reverse direction, and there in 17 % of the values",
        ),
        (
            lambda t, row, unit: torch.where(unit < 32, t >= 64, t <= 64),
            "in the forward direction from t = 64 on, in every row and unit; "
            "in the reverse direction up to t = 64, in every row and unit",
        ),
    ],
)
def test_two_directions(where: Callable[[Tensor, Tensor, Tensor], Tensor], said: str) -> None:
    assert pattern(places(where), directions=2) == said


LENGTHS = [10, 7, 4]
ENDS = torch.tensor(LENGTHS)[:, None]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (lambda t, row, unit: t >= ENDS, "only behind the rows' ends (padding), in every unit"),
        (
            lambda t, row, unit: (t >= ENDS) & (row == 1),
            "only in row 1, behind the row's end (padding), in every unit",
        ),
        (lambda t, row, unit: t == ENDS - 1, "at each row's last step, in every unit"),
        (lambda t, row, unit: t < ENDS, "everywhere, up to the rows' ends"),
        (lambda t, row, unit: (t >= 2) & (t < ENDS), "from t = 2 on, in every row and unit, up to the rows' ends"),
        (lambda t, row, unit: t >= 2, "from t = 2 on, in every row and unit"),
        (
            lambda t, row, unit: (t > row) & (t < ENDS),
            "from a timestep on that differs from row to row (t = 1 to 3), in every unit, up to the rows' ends",
        ),
    ],
)
def test_rows_of_their_own_lengths(where: Callable[[Tensor, Tensor, Tensor], Tensor], said: str) -> None:
    assert pattern(places(where, 10, 3, 4), lengths=LENGTHS) == said


def test_a_difference_that_only_grows_or_only_fades_is_said_to() -> None:
    wrong = places(lambda t, row, unit: t >= 2, 5, 2, 3)
    size = 2.0 ** torch.arange(5.0)[:, None, None].expand(5, 2, 3)
    assert pattern(wrong, size=size) == "from t = 2 on, in every row and unit, growing with t from 4 to 16"
    assert pattern(wrong, size=1 / size) == "from t = 2 on, in every row and unit, fading with t from 0.25 to 0.062"
    assert pattern(wrong, size=torch.ones(5, 2, 3)) == "from t = 2 on, in every row and unit"
    assert pattern(wrong, size=(size - 8).abs()) == "from t = 2 on, in every row and unit"
    assert pattern(wrong[:4], size=size[:4]) == "from t = 2 on, in every row and unit"


def test_how_the_difference_goes_on_is_said_of_both_directions() -> None:
    wrong = places(lambda t, row, unit: torch.where(unit < 2, t >= 2, t <= 2), 5, 1, 4)
    size = 2.0 ** torch.arange(5.0)[:, None, None].expand(5, 1, 4)
    assert pattern(wrong, directions=2, size=size) == (
        "in the forward direction from t = 2 on, in every unit; "
        "in the reverse direction up to t = 2, in every unit; growing with t from 1 to 16"
    )


@st.composite
def masks(draw: st.DrawFn) -> tuple[Tensor, int, list[int] | None]:
    """Any mask, one that a product of sets makes, or either within the rows' lengths; few or no bits then flipped."""
    seq_len, batch_size, units, directions = (draw(st.integers(1, most)) for most in (7, 4, 5, 2))
    shape = (seq_len, batch_size, directions, units)

    def bits(count: int) -> Tensor:
        return torch.tensor(draw(st.lists(st.booleans(), min_size=count, max_size=count)))

    if draw(st.booleans()):
        mask = bits(seq_len * batch_size * directions * units).view(shape)
    else:
        t, b, d, r = (bits(count) for count in shape)
        mask = t[:, None, None, None] & b[:, None, None] & d[:, None] & r
    lengths = draw(st.none() | st.lists(st.integers(1, seq_len), min_size=batch_size, max_size=batch_size))
    if lengths is not None:
        behind = (torch.arange(seq_len)[:, None] >= torch.tensor(lengths))[:, :, None, None]
        mask &= draw(st.sampled_from([behind, ~behind, behind | True]))
    for place in draw(st.sets(st.integers(0, mask.numel() - 1), max_size=2)):
        mask.view(-1)[place] ^= True
    return mask.flatten(2), directions, lengths


@settings(max_examples=100, deadline=None)
@given(masks())
def test_a_pattern_holds_all_that_differs_and_nothing_else_if_it_is_exact(
    drawn: tuple[Tensor, int, list[int] | None],
) -> None:
    wrong, directions, lengths = drawn
    found = patterns(wrong, directions, lengths)
    held = torch.zeros_like(wrong)
    for each in found:
        mask = each.mask()
        assert each.exact == torch.equal(mask & wrong, mask)
        assert (each.count, each.size) == (int((mask & wrong).sum()), int(mask.sum()))
        held |= mask
    assert torch.equal(held & wrong, wrong)
    assert (pattern(wrong, directions=directions, lengths=lengths) == "nowhere") == (not bool(wrong.any()))


@settings(max_examples=50, deadline=None)
@given(masks())
def test_every_product_of_sets_is_found_to_be_one(drawn: tuple[Tensor, int, list[int] | None]) -> None:
    wrong, directions, lengths = drawn
    sides = wrong.unflatten(2, (directions, -1))
    t, b, d, r = (sides.movedim(axis, 0).flatten(1).any(1) for axis in range(4))
    product = t[:, None, None, None] & b[:, None, None] & d[:, None] & r
    found = patterns(product.flatten(2), directions, lengths)
    assert [each.exact for each in found] == [True] * bool(wrong.any())
