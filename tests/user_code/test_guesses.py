"""A mismatch is not said of a reading that the gradients of the layer contradict."""

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Verdict


class Flipped(nn.Module):
    """A right RNN whose matrix has the columns for x from right to left: no reading of rnncheck's."""

    slip = 1.0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.kernel = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        output, state = [], h[0]
        for x_t in x:
            state = torch.tanh(self.slip * self.kernel(torch.cat([self.seen(x_t), state], -1)))
            output.append(state)
        return torch.stack(output), state[None]

    def seen(self, x: Tensor) -> Tensor:
        return x.flip(-1)


class Straight(Flipped):
    """Wrong, and its matrix multiplies x and h."""

    slip = 1.5

    def seen(self, x: Tensor) -> Tensor:
        return x


class Centred(Flipped):
    """Wrong: it multiplies what no convention makes of x."""

    slip = 1.0

    def seen(self, x: Tensor) -> Tensor:
        return x - x.mean(-1, keepdim=True)


class TorchNames(nn.Module):
    """Wrong: with torch's names, the columns for x from right to left are no convention of its own."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        output, state = [], h[0]
        for x_t in x:
            state = self.cell(x_t.flip(-1), state)
            output.append(state)
        return torch.stack(output), state[None]


@pytest.mark.sample(1)
@pytest.mark.explained
@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [
        (Flipped, Verdict.INCONCLUSIVE),
        (Straight, Verdict.MISMATCH),
        (Centred, Verdict.MISMATCH),
        (TorchNames, Verdict.MISMATCH),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else "",
)
def test_a_guess_is_left_open(candidate: type, verdict: Verdict) -> None:
    report = check(candidate, cell="rnn", seq_len=4, batch_size=2, witness=False)
    assert report.verdict is verdict
    guessed = "kernel.weight multiplies x and the state in another order" in str(report.reason)
    assert guessed is (verdict is Verdict.INCONCLUSIVE)
