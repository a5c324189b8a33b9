"""One unit of a layer may be far off at a step; many of them at once may not."""

import math
from dataclasses import replace

import pytest
import torch
from envelope_cases import budget, case
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rnncheck.envelope import independent_units, lowered, lowered_envelope
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights, draw


def ones(*shape: int) -> Tensor:
    return torch.ones(*shape, dtype=torch.float64)


def used(shares: Tensor, independent: int) -> Tensor:
    """The share of what is allowed that each unit uses in the end, of one layer at one step."""
    exact = ones(1, 1, len(shares))
    allowed = 1e-3 * exact
    lower = lowered(exact + shares * allowed, exact, allowed, torch.tensor([independent]))
    return (shares * allowed / lower)[0, 0]


def test_one_unit_may_use_all_that_it_is_allowed_where_the_others_use_little() -> None:
    shares = 0.05 * ones(64)
    shares[3] = 1.0
    assert bool(((used(shares, 64) - shares).abs() < 1e-9).all())


def test_units_that_are_all_half_their_allowance_off_are_too_many() -> None:
    """Their root mean square is 0.5, of sqrt(0.03 + 0.5 / 16)."""
    torch.testing.assert_close(used(0.5 * ones(16), 16), 0.5 / math.sqrt(0.03 + 0.5 / 16) * ones(16))


@given(st.lists(st.floats(0.01, 2), min_size=1, max_size=20))
def test_what_is_allowed_is_only_lowered_and_what_one_unit_exceeds_stays_exceeded(shares: list[float]) -> None:
    each = torch.tensor(shares, dtype=torch.float64)
    assert bool((used(each, len(shares)) >= each * (1 - 1e-9)).all())


def test_units_that_round_alike_are_held_to_what_one_unit_is() -> None:
    shares = 0.5 * ones(16)
    assert float(used(shares, 16).max()) > 1 > float(used(shares, 1).max())


def test_units_that_nothing_can_move_do_not_dilute_those_that_are_off() -> None:
    exact, allowed = ones(1, 1, 64), 1e-3 * ones(1, 1, 64)
    exact[..., 4:] = 0.0
    wrong = exact + torch.where(exact != 0, 0.6 * allowed, 0.0)
    lower = lowered(wrong, exact, allowed, torch.tensor([64]))
    assert bool(((wrong - exact) > lower)[..., :4].all())


def test_where_nothing_is_judged_nothing_is_lowered_and_what_is_no_number_is_left_to_others() -> None:
    exact, allowed = ones(1, 2, 3), 1e-3 * ones(1, 2, 3)
    allowed[0, 0] = torch.inf
    wrong = exact + 1.0
    wrong[0, 1] = torch.nan
    assert torch.equal(lowered(wrong, exact, allowed, torch.tensor([3])), allowed)


@pytest.mark.parametrize("cell", Cell)
def test_units_with_weights_of_their_own_are_independent(cell: Cell) -> None:
    spec = Spec(cell, hidden_size=7, num_layers=2, bidirectional=True)
    assert independent_units(spec, draw(spec, 0)).h.tolist() == [7] * 4


def test_of_a_projected_state_there_are_as_many_as_the_projection_has_rows() -> None:
    spec = Spec(Cell.LSTM, hidden_size=7, proj_size=3)
    found = independent_units(spec, draw(spec, 0))
    assert (found.h.tolist(), found.c.tolist()) == ([3], [7])


@pytest.mark.parametrize("alike", [1.0, -1.0, 4.0, -0.5], ids=["equal", "the other sign", "four times", "half"])
def test_rows_that_make_the_same_roundings_count_once_in_the_gate_that_has_them(alike: float) -> None:
    spec = Spec(Cell.GRU, hidden_size=5, num_layers=2, bidirectional=True)
    values = dict(draw(spec, 0).values)
    weight = values["weight_ih_l1_reverse"].clone()
    weight[6], weight[7] = alike * weight[5], alike * weight[5]  # of the second gate, z
    assert independent_units(spec, Weights({**values, "weight_ih_l1_reverse": weight})).h.tolist() == [5, 5, 5, 3]


@pytest.mark.parametrize("dtype", Dtype)
@pytest.mark.parametrize("cell", Cell)
def test_right_layers_use_little_more_than_half_of_it(cell: Cell, dtype: Dtype) -> None:
    given = case(Spec(cell, hidden_size=24, num_layers=2, dtype=dtype), seq_len=40)
    starts, lockstep = given.lockstep(given.free())
    run = given.run("scratch", starts.x, starts.state)
    judged = lowered_envelope(lockstep, run.final, independent_units(given.spec, given.weights))
    assert 0 < budget(run, judged) < 0.6


def test_a_state_of_another_shape_is_held_to_no_less() -> None:
    given = case(Spec(Cell.LSTM, hidden_size=4))
    _, lockstep = given.lockstep(given.free())
    odd = State(lockstep.exact.final.h[0], lockstep.exact.final.c[..., :2])
    judged = lowered_envelope(lockstep, odd, independent_units(given.spec, given.weights))
    assert torch.equal(judged.allowed.final.h, lockstep.allowed.final.h)
    assert torch.equal(judged.allowed.final.c, lockstep.allowed.final.c)


def test_an_error_that_every_unit_could_be_excused_for_is_seen_in_all_of_them() -> None:
    given = case(Spec(hidden_size=32), seq_len=40)
    starts, lockstep = given.lockstep(given.free())
    run = given.run("scratch", starts.x, starts.state)
    wrong = replace(run, final=State(run.final.h + 2.5e-7), output=run.output + 2.5e-7)
    judged = lowered_envelope(lockstep, wrong.final, independent_units(given.spec, given.weights))
    assert budget(wrong, lockstep) < 1 < budget(wrong, judged)
