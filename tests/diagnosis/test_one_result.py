"""A layer that returns one result: what is wrong of it is named, though rnncheck makes the other one of it."""

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check


class Layer(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(input_size, hidden_size)


class SoftmaxOfAll(Layer):
    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x)[0].softmax(-1)


class TanhOfTheLast(Layer):
    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.rnn(x)[0][-1])


class HalfOfTheLast(Layer):
    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * self.rnn(x)[0][-1]


class Residual(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(size, size)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.rnn(x)[0]


@pytest.mark.explained
@pytest.mark.parametrize(
    ("layer", "slug", "variant"),
    [
        (SoftmaxOfAll, "output-changed", "softmax"),
        pytest.param(TanhOfTheLast, "output-changed", "tanh", marks=pytest.mark.slow),
        pytest.param(HalfOfTheLast, "output-changed", "times 0.5", marks=pytest.mark.slow),
        pytest.param(Residual, "residual-connection", "", marks=pytest.mark.slow),
    ],
)
def test_the_fault_of_the_only_result_is_named(layer: type[nn.Module], slug: str, variant: str) -> None:
    report = check(layer, cell="lstm", witness=False, paths="none")
    assert report.verdict == "mismatch"
    first = report.findings[0]
    assert (first.slug, first.variant or "") == (slug, variant)
