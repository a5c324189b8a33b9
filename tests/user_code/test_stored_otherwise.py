"""Layers that store the weights of a known function in another way than torch: of fewer gates, or one direction."""

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Verdict


class ForgetGateKept(nn.Module):
    """The LSTM with coupled gates, which keeps the forget gate f and computes i = 1 - f."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.f, self.g, self.o = (nn.Linear(input_size + hidden_size, hidden_size) for _ in "fgo")

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = state
        xh = torch.cat([x, h], -1)
        f = torch.sigmoid(self.f(xh))
        c = f * c + (1 - f) * torch.tanh(self.g(xh))
        return torch.sigmoid(self.o(xh)) * torch.tanh(c), c


class OneForBothDirections(nn.Module):
    """Both directions read the same weights."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        forward, _ = self.rnn(x)
        backward, _ = self.rnn(x.flip(0))
        return torch.cat([forward, backward.flip(0)], -1)


def test_the_gate_that_weighs_old_against_new_may_be_stored_as_its_complement() -> None:
    report = check(ForgetGateKept, cell="lstm", against="variant:lstm-coupled", witness=False)
    assert report.verdict is Verdict.EQUIVALENT
    assert {each.candidate: each.from_ for each in report.mapping}["g.bias"] == "bias_ih_l0[g] + bias_hh_l0[g]"


@pytest.mark.explained
def test_one_set_of_weights_for_both_directions_is_named() -> None:
    report = check(OneForBothDirections, bidirectional=True, witness=False)
    assert (report.verdict, [each.slug for each in report.findings]) == (Verdict.MISMATCH, ["reverse-shares-weights"])
