import pytest
import torch

from rnncheck.envelope.cells import moved_relu, moved_squash, squash
from rnncheck.envelope.layer import SIGMAS, spread, variance
from rnncheck.envelope.network import moved_softmax

ARGUMENTS = torch.linspace(-6, 6, 241, dtype=torch.float64)
MOVES = [0.0, 1e-3, -0.5, 2.0, -8.0]


@pytest.mark.parametrize("move", MOVES)
def test_tanh_moves_as_the_difference_of_two_tanhs(move):
    moved = moved_squash(squash(ARGUMENTS.tanh(), ARGUMENTS), torch.full_like(ARGUMENTS, move)[None])[0]
    torch.testing.assert_close(moved, (ARGUMENTS + move).tanh() - ARGUMENTS.tanh(), atol=1e-9, rtol=0)


@pytest.mark.parametrize("move", MOVES)
def test_sigmoid_moves_as_half_a_tanh(move):
    half = ARGUMENTS / 2
    moved = moved_squash(squash(half.tanh(), half, 0.5), torch.full_like(half, move / 2)[None], 0.5)[0]
    torch.testing.assert_close(moved, (ARGUMENTS + move).sigmoid() - ARGUMENTS.sigmoid(), atol=1e-9, rtol=0)


@pytest.mark.parametrize("move", MOVES)
def test_relu_moves_as_the_difference_of_two_relus(move):
    moved = moved_relu(ARGUMENTS, torch.full_like(ARGUMENTS, move))
    torch.testing.assert_close(moved, (ARGUMENTS + move).relu() - ARGUMENTS.relu())


@pytest.mark.parametrize("move", MOVES)
def test_softmax_moves_as_the_difference_of_two_softmaxes(move):
    by = move * torch.linspace(-1, 1, 241, dtype=torch.float64)
    moved = moved_softmax(ARGUMENTS.softmax(-1), by)
    torch.testing.assert_close(moved, (ARGUMENTS + by).softmax(-1) - ARGUMENTS.softmax(-1), atol=1e-12, rtol=1e-9)


def test_a_move_far_below_the_last_digit_keeps_its_digits_in_float32():
    a = torch.tensor([0.5]).atanh()
    moved = moved_squash(squash(torch.tensor([0.5]), a), torch.tensor([[1e-25]]))
    torch.testing.assert_close(moved, torch.tensor([[0.75e-25]]), atol=0, rtol=1e-6)


@pytest.mark.parametrize("move", [1e3, -1e3, 20.0])
def test_a_saturated_unit_moves_to_a_finite_place(move):
    at = squash(torch.tensor([1.0, -1.0, 1 - 6e-8]), torch.tensor([30.0, -30.0, 8.6]))
    moved = moved_squash(at, torch.full((1, 3), move))
    assert moved.isfinite().all()
    assert moved.abs().max() <= 2


@pytest.mark.parametrize(("share", "all_the_way"), [(1.0, 2.0), (0.5, 1.0), (torch.tensor([0.5]), 1.0)])
def test_a_saturated_unit_crosses_to_the_other_side_in_half_of_the_samples_if_rounding_may_change_its_sign(
    share, all_the_way
):
    a, noise = torch.tensor([-4e26]), torch.full((16, 1), 2e26)
    moved = moved_squash(squash(a.tanh(), a, share), noise, share)
    assert moved.flatten().tolist() == [all_the_way, 0.0] * 8


def test_a_saturated_unit_far_from_zero_stays():
    a, noise = torch.tensor([-4e26]), torch.full((16, 1), 0.9e26)
    assert not moved_squash(squash(a.tanh(), a), noise).any()


def test_beyond_a_kink_twice_the_largest_move_of_a_sample_is_allowed_however_few_move():
    moves = torch.zeros(64, 1, 3, dtype=torch.float64)
    moves[5, 0, 1] = -0.3
    allowed = SIGMAS * spread(variance(moves, kinks=True))[0]
    assert allowed[1] == pytest.approx(2 * 0.3)
    assert SIGMAS * spread(variance(moves))[0, 1] < 0.3


def test_normal_moves_allow_hardly_more_with_a_kink_than_without():
    moves = torch.randn(64, 5, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(spread(variance(moves, kinks=True)), spread(variance(moves)), atol=0, rtol=0.1)
