"""A GRU with one bias for all its sums: added once it is a restriction of torch's, added in both products it is not."""

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Verdict


class InBoth(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(input_size, 3 * hidden_size))
        self.recurrent = nn.Parameter(torch.randn(hidden_size, 3 * hidden_size))
        self.bias = nn.Parameter(torch.randn(3 * hidden_size))

    def products(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return x @ self.kernel + self.bias, h @ self.recurrent + self.bias

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        (p_r, p_z, p_n), (u_r, u_z, u_n) = (each.chunk(3, -1) for each in self.products(x, h))
        z, n = torch.sigmoid(p_z + u_z), torch.tanh(p_n + torch.sigmoid(p_r + u_r) * u_n)
        return n + z * (h - n)


class BesideX(InBoth):
    def products(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return x @ self.kernel + self.bias, h @ self.recurrent


class BesideH(InBoth):
    def products(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return x @ self.kernel, h @ self.recurrent + self.bias


@pytest.mark.slow
@pytest.mark.explained
def test_one_bias_in_both_products_is_counted_twice() -> None:
    report = check(InBoth, cell="gru", witness=False)
    assert (report.verdict, report.findings[0].slug) == (Verdict.MISMATCH, "bias-counted-twice")


@pytest.mark.parametrize("candidate", [BesideX, BesideH])
def test_one_bias_in_one_product_is_right(candidate: type) -> None:
    assert check(candidate, cell="gru", witness=False).verdict is Verdict.EQUIVALENT
