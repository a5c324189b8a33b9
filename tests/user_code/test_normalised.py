"""Layer normalisation is named, whatever is normalised, by whose norm, and on which side of it the bias stands."""

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.model.spec import Cell
from rnncheck.report import Verdict


class NormedSum(nn.Module):
    """The bias is the norm's own."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.both, self.norm = nn.Linear(input_size + hidden_size, hidden_size, bias=False), nn.LayerNorm(hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.norm(self.both(torch.cat([x, h], 1))))


class NormedProductsAndCell(nn.Module):
    """The norm of c lets every unit of c reach every unit of both states, as h does."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.below = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.before = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.norms = nn.ModuleList(nn.LayerNorm(size * hidden_size) for size in (4, 4, 1))

    def forward(self, x: Tensor, hidden: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = hidden
        i, f, g, o = (self.norms[0](self.below(x)) + self.norms[1](self.before(h))).chunk(4, 1)
        c = self.norms[2](f.sigmoid() * c + i.sigmoid() * g.tanh())
        return o.sigmoid() * c.tanh(), c


class NormedByHand(nn.LSTMCell):
    """With the standard deviation of a sample, of each gate."""

    def forward(self, x: Tensor, hidden: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = hidden
        sums = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = ((each - each.mean(1, True)) / each.std(1, keepdim=True) for each in sums.chunk(4, 1))
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


@pytest.mark.explained
@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("candidate", "cell", "said"),
    [
        (NormedSum, Cell.RNN, "(the sum of the products)"),
        (NormedProductsAndCell, Cell.LSTM, "(both products, and c)"),
        (NormedByHand, Cell.LSTM, "(the sum, each gate, with the variance over n - 1)"),
    ],
)
def test_layer_normalisation_is_named(candidate: type[nn.Module], cell: Cell, said: str) -> None:
    report = check(candidate, cell=cell, witness=False)
    assert report.verdict is Verdict.MISMATCH
    assert report.findings[0].slug == "layer-normalised"
    assert said in report.findings[0].message
