"""A state that is returned as it was given: alone it shows nothing of a layer, and beside an output it is a fault."""

from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from rnncheck import check
from rnncheck.errors import CannotRun
from rnncheck.report import Verdict


class OfCharacters:
    """An RNN in numpy that makes its inputs of ids, and keeps its states by timestep, the initial one before them."""

    def __init__(self, hidden_size: int, vocab_size: int) -> None:
        self.U, self.W = np.random.randn(hidden_size, vocab_size), np.random.randn(hidden_size, hidden_size)
        self.b = np.zeros((hidden_size, 1))

    def forward(self, inputs: Any, hprev: Any) -> Any:
        xs: dict[int, Any] = {}
        hs = {-1: np.copy(hprev)}
        for t in range(len(inputs)):
            xs[t] = np.zeros((self.U.shape[1], 1))
            xs[t][inputs[t]] = 1
            hs[t] = np.tanh(self.U @ xs[t] + self.W @ hs[t - 1] + self.b)
        return xs, hs


@pytest.mark.slow
def test_a_layer_that_cannot_be_read_is_not_judged_by_the_state_it_was_given() -> None:
    with pytest.raises(CannotRun):
        check(OfCharacters, cell="rnn", witness=False)


class OldState(nn.Module):
    """Its output is right, and it hands its old state on."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> Any:
        return self.cell(x, h), h


class NewState(OldState):
    def forward(self, x: Tensor, h: Tensor) -> Any:
        h = self.cell(x, h)
        return h, h


def test_an_old_state_beside_an_output_is_a_fault() -> None:
    assert check(OldState, cell="rnn", witness=False, read_seconds=2).verdict is not Verdict.EQUIVALENT
    assert check(NewState, cell="rnn", witness=False).verdict is Verdict.EQUIVALENT


class Resting(nn.RNNCell):
    """Computes, and returns its state unchanged."""

    def forward(self, x: Tensor, h: Tensor) -> Tensor:  # type: ignore[override]
        super().forward(x, h)
        return h


def test_a_cell_that_never_changes_its_state_is_wrong() -> None:
    assert check(Resting, witness=False, diagnose=False).verdict is Verdict.MISMATCH
