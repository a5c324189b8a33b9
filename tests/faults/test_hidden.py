"""Why a fault cannot show, in the words that the report repeats."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from faults.scenes import scene
from torch import Tensor

from rnncheck.faults.catalogue import by_name
from rnncheck.faults.fault import same
from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State

Change = Callable[[Scene], Scene]


def untouched(here: Scene) -> Scene:
    return here


def zero_h0(here: Scene) -> Scene:
    return replace(here, state=State(torch.zeros_like(here.state.h), here.state.c))


def zero_state(here: Scene) -> Scene:
    return replace(
        here, state=State(*(torch.zeros_like(each) for each in (here.state.h, here.state.c) if each is not None))
    )


def without(part: str, value: float = 0.0) -> Change:
    """Parameters whose names begin so hold one number."""

    def change(here: Scene) -> Scene:
        def filled(name: str, tensor: Tensor) -> Tensor:
            return torch.full_like(tensor, value) if name.startswith(part) else tensor

        return replace(here, weights={name: filled(name, tensor) for name, tensor in here.weights.items()})

    return change


ONE = {"hidden_size": 1}
TWO_WAYS = {"bidirectional": True}
CASES: list[tuple[str, Cell, dict[str, object], dict[str, object], Change, str]] = [
    ("recurrent-weight-transposed", Cell.LSTM, ONE, {}, untouched, "H is 1: a 1 by 1 matrix is its own transpose"),
    (
        "recurrent-weight-transposed",
        Cell.RNN,
        {},
        {},
        without("weight_hh", 0.2),
        "the matrices are their own transposes",
    ),
    ("input-weight-transposed:reshaped instead", Cell.GRU, {"input_size": 1}, {}, untouched, "I is 1"),
    ("no-recurrence", Cell.LSTM, {}, {"seq_len": 1}, zero_state, "T is 1 and h0 and c0 are zero"),
    ("no-recurrence:every step from the initial state", Cell.GRU, {}, {"seq_len": 1}, untouched, "T is 1"),
    ("initial-state-ignored", Cell.RNN, {}, {}, zero_state, "h0 is zero"),
    ("initial-state-ignored:h0", Cell.LSTM, {}, {}, zero_h0, "h0 is zero"),
    ("cell-shares-initial-state", Cell.LSTM, {}, {}, zero_state, "h0 and c0 are zero"),
    ("missing-input-bias", Cell.RNN, {}, {}, without("bias_ih"), "every b_ih is zero"),
    ("missing-recurrent-bias", Cell.LSTM, {}, {}, without("bias_hh"), "every b_hh is zero"),
    ("gru-bias-outside-reset", Cell.GRU, {}, {}, without("bias_hh"), "b_hn is zero"),
    ("gru-reset-before-matmul", Cell.GRU, ONE, {}, without("bias_hh"), "b_hn is zero|H is 1"),
    ("gru-reset-before-matmul:b_hn reset too", Cell.GRU, ONE, {}, untouched, "H is 1"),
    ("scalar-bias", Cell.LSTM, ONE, {}, untouched, "H is 1"),
    ("bias-along-batch", Cell.RNN, {}, {"batch_size": 3}, untouched, "B is 3 and H is 4"),
    ("gates-share-weights", Cell.GRU, {}, {}, without("", 0.3), "all gates have the same weights"),
    ("gate-order", Cell.LSTM, {}, {}, without("", 0.3), "the gates that change places have the same weights"),
    (
        "gate-order:i,f,o,g;biases alone",
        Cell.LSTM,
        {},
        {},
        without("bias"),
        "have the same weights",
    ),
    ("time-reversed", Cell.RNN, {}, {"seq_len": 1}, untouched, "T is 1"),
    ("output-reversed", Cell.GRU, {}, {"seq_len": 1}, untouched, "T is 1"),
    ("final-state-wrong:at the first timestep", Cell.RNN, {}, {"seq_len": 1}, untouched, "T is 1"),
    (
        "layers-share-weights:the upper layers",
        Cell.RNN,
        {"num_layers": 3},
        {},
        without("", 0.3),
        "the layers have the same weights",
    ),
    ("reverse-not-flipped", Cell.GRU, TWO_WAYS, {"seq_len": 1}, untouched, "T is 1"),
    ("reverse-shares-weights", Cell.RNN, TWO_WAYS, {}, without("", 0.3), "both directions have the same weights"),
    ("directions-swapped:unit by unit", Cell.RNN, ONE | TWO_WAYS, {}, untouched, "each direction has one unit"),
    ("layers-share-weights", Cell.RNN, {"num_layers": 2}, {}, without("", 0.3), "the layers have the same weights"),
    ("layer-state-swapped:layers", Cell.GRU, {"num_layers": 2}, {}, zero_state, "h0 is zero"),
    ("batch-mixed", Cell.LSTM, {}, {"batch_size": 1}, untouched, "B is 1"),
    ("batch-time-swapped", Cell.RNN, {}, {"batch_size": 1, "seq_len": 1}, untouched, "T and B are 1"),
    ("batch-time-swapped:x reshaped", Cell.RNN, {}, {"batch_size": 1}, untouched, "B is 1"),
    ("padding-advances-state", Cell.GRU, {}, {"lengths": (6,) * 4}, untouched, "every row is T long"),
    ("final-state-at-padding", Cell.RNN, {}, {"lengths": (6,) * 4}, untouched, "every row is T long"),
    ("order-not-restored", Cell.LSTM, {}, {"lengths": (6, 5, 5, 1)}, untouched, "the rows are given longest first"),
    ("nan-introduced", Cell.RNN, {}, {}, untouched, "no state is exactly zero"),
    ("nan-introduced:exp overflows", Cell.LSTM, {}, {}, untouched, "no sum is so large"),
    ("missing-recurrent-bias:layer 1", Cell.RNN, {"num_layers": 2}, {}, without("bias_hh_l1"), "the same numbers"),
]


@pytest.mark.parametrize(
    ("name", "cell", "options", "sizes", "change", "why"), CASES, ids=[f"{c[0]}-{c[5]}" for c in CASES]
)
def test_a_hidden_fault_says_why(
    name: str, cell: Cell, options: dict[str, int], sizes: dict[str, int], change: Change, why: str
) -> None:
    here = change(scene(Spec(cell, **options), **sizes))
    fault = by_name(name, here.spec, lengths=here.lengths is not None)
    found = fault.visible_in(here)
    assert found is not None
    assert any(words in found for words in why.split("|"))
    assert same(here.run(fault.network(here.spec)), here.right)


def test_what_needs_a_zero_state_shows_on_one() -> None:
    here = zero_state(scene(Spec()))
    fault = by_name("nan-introduced", here.spec)
    assert fault.visible_in(here) is None
    assert here.run(fault.network(here.spec)).output.isnan().any()


def test_what_needs_huge_sums_shows_on_them() -> None:
    here = scene(Spec())
    here = replace(here, x=here.x * 1e4)
    fault = by_name("nan-introduced:exp overflows", here.spec)
    assert fault.visible_in(here) is None
    assert here.run(fault.network(here.spec)).output.isnan().any()
