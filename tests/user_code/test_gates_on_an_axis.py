"""Weights with the gates on an axis of their own, wherever that stands, as einsum reads them."""

import pytest
import torch
from torch import Tensor, nn

from rnncheck import CannotRun, check
from rnncheck.report import Verdict


class ByEinsum(nn.Module):
    """A GRU; `axes` are those of its weights: g the gates, h the units, i what is multiplied."""

    axes, slip = "hgi", 0.0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        sizes = {"g": 3, "h": hidden_size}
        self.kernel, self.recurrent = (
            nn.Parameter(0.3 * torch.randn([(sizes | {"i": size})[axis] for axis in self.axes]))
            for size in (input_size, hidden_size)
        )
        of_gates = [axis for axis in self.axes if axis != "i"]
        self.b, self.c = (nn.Parameter(0.3 * torch.randn([sizes[axis] for axis in of_gates])) for _ in "bc")

    def gates(self, value: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
        of_gates = self.axes.replace("i", "")
        found = torch.einsum(f"bi,{self.axes}->b{of_gates}", value, weight) + bias
        return found.unbind(1 + of_gates.index("g"))

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h, output = state[0], []
        for x_t in x:
            xr, xz, xn = self.gates(x_t, self.kernel, self.b)
            hr, hz, hn = self.gates(h, self.recurrent, self.c)
            z = torch.sigmoid(xz + hz + self.slip)
            h = torch.lerp(torch.tanh(xn + torch.sigmoid(xr + hr) * hn), h, z)
            output.append(h)
        return torch.stack(output), h[None]


@pytest.mark.sample(1)
@pytest.mark.parametrize("slip", [0.0, 1.0])
@pytest.mark.parametrize("axes", ["hgi", "igh", "ihg", "ghi", "gih"])
def test_each_order_of_the_axes_is_read(axes: str, slip: float) -> None:
    candidate = type("Layer", (ByEinsum,), {"axes": axes, "slip": slip})
    report = check(candidate, cell="gru", seq_len=4, batch_size=2, witness=False, diagnose=False)
    assert report.verdict is (Verdict.MISMATCH if slip else Verdict.EQUIVALENT)


class Named(nn.Module):
    """A GRU cell for equal sizes, of weights (3, H, I) with the names that torch gives to others."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.weight_ih, self.weight_hh = (nn.Parameter(0.3 * torch.randn(3, hidden_size, input_size)) for _ in range(2))
        self.bias_ih, self.bias_hh = (nn.Parameter(torch.randn(3, hidden_size)) for _ in range(2))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        xr, xz, xn = (torch.matmul(x, w) + b for w, b in zip(self.weight_ih, self.bias_ih, strict=True))
        hr, hz, hn = (torch.matmul(h, w) + b for w, b in zip(self.weight_hh, self.bias_hh, strict=True))
        return torch.lerp(torch.tanh(xn + torch.sigmoid(xr + hr) * hn), h, torch.sigmoid(xz + hz))


@pytest.mark.slow
def test_the_names_of_torch_say_nothing_of_weights_with_other_axes() -> None:
    with pytest.raises(CannotRun, match=r"sizes are equal; add --input-size 4"):
        check(Named, cell="gru", input_size=3, hidden_size=4)
    assert check(Named, cell="gru", input_size=4, hidden_size=4, witness=False).verdict is Verdict.EQUIVALENT
