"""What these inputs could not have shown is said; what they could is not."""

import pytest
import torch

from rnncheck.checking.check import blind_spots
from rnncheck.data.random import initial_state
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights, draw

SPEC = Spec()
STATE = initial_state(SPEC, 3)


def spots(
    spec: Spec = SPEC, weights: Weights | None = None, state: State = STATE, T: int = 12, B: int = 3
) -> list[str]:
    return blind_spots(spec, weights or draw(spec, 0), state, T, B)


def changed(prefix: str, value: float) -> Weights:
    values = draw(SPEC, 0).values
    return Weights({name: value_ * 0 + value if name.startswith(prefix) else value_ for name, value_ in values.items()})


@pytest.mark.parametrize("cell", Cell)
def test_the_usual_inputs_are_blind_to_nothing(cell: Cell) -> None:
    spec = Spec(cell=cell, num_layers=2, bidirectional=True)
    assert spots(spec, state=initial_state(spec, 3)) == []


def test_one_step_shows_no_recurrence() -> None:
    assert spots(T=1) == ["T is 1: only the first step of the recurrence is run"]


def test_one_row_shows_no_mixing() -> None:
    assert spots(B=1) == ["B is 1: batch rows that mix, or batch and time swapped, cannot show"]


def test_one_unit_shows_no_transposition() -> None:
    assert spots(Spec(hidden_size=1)) == ["H is 1: a transposed W_hh is the same matrix"]


def test_a_zero_state_shows_no_initial_state() -> None:
    assert spots(state=initial_state(SPEC, 3, kind="zeros")) == [
        "h0 is zero: a layer that ignores its initial state cannot show"
    ]


def test_zero_biases_show_no_bias() -> None:
    assert spots(weights=changed("bias", 0.0)) == ["all biases are zero: a lost or misplaced bias cannot show"]
    assert spots(weights=changed("bias_ih", 0.0)) == []


def test_a_layer_without_bias_has_none_to_lose() -> None:
    assert spots(Spec(bias=False)) == []


def test_constant_weights_show_no_swap() -> None:
    assert spots(weights=changed("weight_hh", 0.5)) == [
        "weight_hh_l0 holds one value only: swapped or transposed weights cannot show"
    ]


def test_a_weight_of_one_element_is_not_constant() -> None:
    spec = Spec(input_size=1, hidden_size=1)
    assert "one value only" not in " ".join(spots(spec, state=State(torch.ones(1, 3, 1))))
