"""A state that is handed back as it was given is no state that a layer computed."""

from typing import Any

import pytest
import torch
from torch import Tensor

from rnncheck import CannotRun, check
from rnncheck.report import Verdict


class Summed:
    """A right RNN of which only a number made of the last state is returned, beside the state that was given."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.w, self.u = torch.randn(input_size, hidden_size), torch.randn(hidden_size, hidden_size)

    def states(self, x: Tensor) -> Tensor:
        h, output = x.new_zeros(x.shape[1], len(self.u)), []
        for x_t in x:
            h = torch.tanh(x_t @ self.w + h @ self.u)
            output.append(h)
        return torch.stack(output)

    def __call__(self, x: Tensor, state: Tensor) -> Any:
        return self.states(x)[-1].sum(-1, keepdim=True), state


class NeverUpdated(Summed):
    """Wrong: each output is the initial state."""

    def __call__(self, x: Tensor, state: Tensor) -> Any:
        return torch.stack([state[0]] * len(x)), self.states(x)[-1:]


@pytest.mark.slow
def test_it_is_not_taken_for_the_layers_state() -> None:
    with pytest.raises(CannotRun, match="in which it hands back its state"):
        check(Summed, cell="rnn", seq_len=4, batch_size=2, witness=False, diagnose=False)


@pytest.mark.slow
def test_an_output_that_is_never_updated_is_a_mismatch() -> None:
    report = check(NeverUpdated, cell="rnn", seq_len=4, batch_size=2, witness=False, diagnose=False)
    assert report.verdict is Verdict.MISMATCH
