"""A bias as the column of a matrix that multiplies a one beside x, h or both, wherever that one stands."""

from itertools import permutations

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Report, Verdict


class OneMatrix(nn.Module):
    """An LSTM of one matrix, for x, h and a one in some order."""

    order, transposed, slip = "1xh", False, 0.0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size, width = hidden_size, 1 + input_size + hidden_size
        shape = (width, 4 * hidden_size) if self.transposed else (4 * hidden_size, width)
        self.theta = nn.Parameter(torch.randn(shape) / width**0.5)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        (h,), (c,) = state
        output = []
        for x_t in x:
            parts = {"x": x_t, "h": h, "1": torch.ones_like(x_t[:, :1])}
            whole = torch.cat([parts[each] for each in self.order], 1)
            i, o, f, g = (whole @ (self.theta if self.transposed else self.theta.T)).chunk(4, 1)
            c = torch.sigmoid(f + self.slip) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            output.append(h)
        return torch.stack(output), (h[None], c[None])


class TwoMatrices(nn.Module):
    """A GRU of two matrices, for x and h, each with a one in front or behind; two layers."""

    order, slip = "1x", 0.0

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 2) -> None:
        super().__init__()
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.w = nn.ParameterList(torch.randn(3 * hidden_size, 1 + size) * 0.3 for size in sizes)
        self.u = nn.ParameterList(torch.randn(3 * hidden_size, 1 + hidden_size) * 0.3 for _ in sizes)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        last = []
        for w, u, h in zip(self.w, self.u, state, strict=True):
            output = []
            for x_t in x:
                r, z, n = (self.beside_one(x_t) @ w.T).chunk(3, 1)
                hr, hz, hn = (self.beside_one(h) @ u.T).chunk(3, 1)
                n = torch.tanh(n + torch.sigmoid(r + hr) * hn)
                h = torch.lerp(n, h, torch.sigmoid(z + hz + self.slip))
                output.append(h)
            x = torch.stack(output)
            last.append(h)
        return x, torch.stack(last)

    def beside_one(self, value: Tensor) -> Tensor:
        parts = [torch.ones_like(value[:, :1]), value]
        return torch.cat(parts if self.order == "1x" else parts[::-1], 1)


class OfOneNumber(OneMatrix):
    """x is one number, which looks like the one beside it."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__(1, hidden_size)


def compared(candidate: type, **options: int) -> Report:
    return check(candidate, seq_len=4, batch_size=2, witness=False, diagnose=False, **options)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("order", ["".join(each) for each in permutations("1xh")])
def test_the_place_of_the_one_is_measured(order: str, transposed: bool) -> None:
    for base, options in ((OneMatrix, {}), (OfOneNumber, {"input_size": 1})):
        right = type("Right", (base,), {"order": order, "transposed": transposed})
        assert compared(right, cell="lstm", **options).verdict is Verdict.EQUIVALENT
        wrong = type("Wrong", (base,), {"order": order, "transposed": transposed, "slip": 1.0})
        assert compared(wrong, cell="lstm", **options).verdict is Verdict.MISMATCH


@pytest.mark.sample(1)
@pytest.mark.parametrize("order", ["1x", "x1"])
def test_each_of_two_matrices_may_have_one(order: str) -> None:
    report = compared(type("Right", (TwoMatrices,), {"order": order}), cell="gru", num_layers=2)
    assert report.verdict is Verdict.EQUIVALENT
    columns = ["weight_hh_l1", "column(bias_hh_l1)"]
    held = {each.candidate: each.from_ for each in report.mapping}
    assert held["u.1"] == f"cat({', '.join(columns[::-1] if order == '1x' else columns)}, dim=1)"
    wrong = type("Wrong", (TwoMatrices,), {"order": order, "slip": 1.0})
    assert compared(wrong, cell="gru", num_layers=2).verdict is Verdict.MISMATCH
