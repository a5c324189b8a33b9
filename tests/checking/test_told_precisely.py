"""What is said of layers that are wrong at some lengths alone, or in their last digits."""

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Verdict

pytestmark = pytest.mark.explained


class InTwos(nn.Module):
    """Wrong: two steps at a time, and of an odd number the last output is that before it."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
        h, output = h0[0], []
        for t in range(len(x) // 2 * 2):
            h = self.cell(x[t], h)
            output.append(h)
        output += [h] * (len(x) % 2)
        return torch.stack(output), h[None]


@pytest.mark.slow
def test_the_lengths_at_which_it_differs_are_told() -> None:
    report = check(InTwos, cell="rnn", witness=False)
    assert report.verdict is Verdict.MISMATCH
    assert "differs at T = 1, 3 and 11, and agrees at T = 2 and 12" in report.findings[0].message


class Rational(nn.Module):
    """Wrong: its tanh is a rational function, exact to float32 where it is not saturated."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.w, self.u = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def forward(self, x: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
        h, output = h0[0], []
        for x_t in x:
            a = (self.w(x_t) + self.u(h)).clamp(-4.97, 4.97)
            s = a * a
            over = 135135 + s * (17325 + s * (378 + s))
            h = a * over / (135135 + s * (62370 + s * (3150 + 28 * s)))
            output.append(h)
        return torch.stack(output), h[None]


@pytest.mark.slow
def test_what_is_exact_to_float32_alone_is_an_approximation() -> None:
    report = check(Rational, cell="rnn", weight_scale=0.5, witness=False)
    assert [each.slug for each in report.findings] == ["approximate-activation"]
    assert "exact to float32" in report.findings[0].message


class Squeezed(nn.Module):
    """Wrong: at T = 1 its output has no axis of time."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inside = nn.RNN(input_size, hidden_size)

    def forward(self, x: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
        output, h = self.inside(x, h0)
        return output.squeeze(0), h


@pytest.mark.paths
def test_a_lost_axis_is_no_shared_memory() -> None:
    report = check(Squeezed, cell="rnn", witness=False)
    assert report.verdict is Verdict.MISMATCH
    assert [each.slug for each in report.findings] == ["wrong-at-other-sizes"]
