"""Layers that keep their last state for the next call are read as if each call were the first."""

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Verdict


class Tagger(nn.Module):
    """Wrong: it takes no batch, and each call goes on from the state of the last one. It returns a head alone."""

    def __init__(self, input_size: int, hidden_size: int, tagset_size: int) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(input_size, hidden_size), nn.Linear(hidden_size, tagset_size)
        self.hidden = torch.zeros(1, 1, hidden_size), torch.zeros(1, 1, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        output, self.hidden = self.lstm(x.view(len(x), 1, -1), self.hidden)
        return self.head(output.view(len(x), -1)).log_softmax(1)


class LastAlone(Tagger):
    def forward(self, x: Tensor) -> Tensor:
        output, self.hidden = self.lstm(x.view(len(x), 1, -1), self.hidden)
        return output[-1, 0]


class StartsAnew(Tagger):
    """Right: the state of the last call is kept, and not used."""

    def forward(self, x: Tensor) -> Tensor:
        self.hidden = self.hidden[0] * 0, self.hidden[1] * 0
        return super().forward(x)


@pytest.mark.slow
@pytest.mark.explained
@pytest.mark.parametrize("candidate", [Tagger, LastAlone])
def test_the_leak_is_all_that_is_named(candidate: type) -> None:
    report = check(candidate, cell="lstm", witness=False)
    assert report.verdict is Verdict.MISMATCH
    assert [finding.slug for finding in report.findings] == ["state-leaks-between-calls"]


def test_a_state_that_is_kept_and_not_used_is_no_leak() -> None:
    assert check(StartsAnew, cell="lstm", witness=False).verdict is Verdict.EQUIVALENT
