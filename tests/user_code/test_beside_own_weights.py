"""Layers of torch's with weights of their own beside them: a mismatch that names these; and heads, which are none."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Report, Verdict

State = tuple[Tensor, Tensor]


class Lstm(nn.Module):
    """The gates are in the order i, f, o, g."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.size = hidden_size
        self.from_x = nn.Linear(input_size, 4 * hidden_size)
        self.from_h = nn.Linear(hidden_size, 4 * hidden_size)
        self.add(input_size, hidden_size)

    def add(self, inputs: int, units: int) -> None: ...

    def before(self, x: Tensor, h: Tensor) -> State:
        return x, h

    def sums(self, x: Tensor, h: Tensor, c: Tensor) -> Tensor:
        return self.from_x(x) + self.from_h(h)

    def forward(self, x: Tensor, state: State) -> State:
        h, c = state
        x, h = self.before(x, h)
        i, f, o, g = self.sums(x, h, c).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class Gating(Lstm):
    def add(self, inputs: int, units: int) -> None:
        self.of_x, self.of_h = nn.Linear(units, inputs), nn.Linear(inputs, units)

    def before(self, x: Tensor, h: Tensor) -> State:
        x = 2 * torch.sigmoid(self.of_x(h)) * x
        return x, 2 * torch.sigmoid(self.of_h(x)) * h


class SeesCell(Lstm):
    def add(self, inputs: int, units: int) -> None:
        self.peep = nn.Parameter(0.3 * torch.randn(4 * units, units))

    def sums(self, x: Tensor, h: Tensor, c: Tensor) -> Tensor:
        return super().sums(x, h, c) + c @ self.peep.T


class Normed(Lstm):
    def add(self, inputs: int, units: int) -> None:
        self.norm = nn.BatchNorm1d(4 * units)

    def sums(self, x: Tensor, h: Tensor, c: Tensor) -> Tensor:
        return self.norm(super().sums(x, h, c))


class NormedEach(Lstm):
    """The sum of each gate is normalised, and h before it by a module of its own class."""

    def add(self, inputs: int, units: int) -> None:
        self.gates = nn.ModuleList(nn.LayerNorm(units) for _ in range(4))
        self.last = OwnNorm(units)

    def sums(self, x: Tensor, h: Tensor, c: Tensor) -> Tensor:
        parts = super().sums(x, self.last(h), c).chunk(4, 1)
        return torch.cat([norm(part) for norm, part in zip(self.gates, parts, strict=True)], 1)


class OwnNorm(nn.Module):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.full((units,), 1.5))

    def forward(self, values: Tensor) -> Tensor:
        return self.gain * values / values.norm(dim=-1, keepdim=True)


class Multiplying(Lstm):
    def add(self, inputs: int, units: int) -> None:
        self.alpha, self.gamma = nn.Parameter(torch.rand(4 * units)), nn.Parameter(torch.rand(4 * units))

    def sums(self, x: Tensor, h: Tensor, c: Tensor) -> Tensor:
        a, b = self.from_x(x), self.from_h(h)
        return self.alpha * a * b + self.gamma * a + b


class WithHead(Lstm):
    """Right: its head is as wide as its state, and plain parameters."""

    def add(self, inputs: int, units: int) -> None:
        self.w9, self.b9 = nn.Parameter(torch.randn(units, units)), nn.Parameter(torch.zeros(1, units))

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:  # type: ignore[override]
        h, c = super().forward(x, state)
        return h @ self.w9 + self.b9, (h, c)


class InNumpy:
    """Right: b1 is the sum of both biases, and w3 and b2 are a head."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        draw = np.random.default_rng(0).standard_normal
        self.w1, self.w2 = draw((input_size, hidden_size)), draw((hidden_size, hidden_size))
        self.w3, self.b1, self.b2 = draw((hidden_size, hidden_size)), draw((1, hidden_size)), draw((1, hidden_size))

    def forward(self, x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        h = np.tanh(x @ self.w1 + h @ self.w2 + self.b1)
        return h, h @ self.w3 + self.b2


def compared(candidate: type, **options: object) -> Report:
    settings: dict[str, object] = {"cell": "lstm", "seq_len": 4, "batch_size": 2, "witness": False}
    return check(candidate, **(settings | options))  # type: ignore[arg-type]


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("candidate", "named"),
    [(Gating, "of_x.weight"), (SeesCell, "peep"), (Multiplying, "alpha")],
)
def test_they_are_named_and_the_rest_is_found_to_be_torch_s(candidate: type, named: str) -> None:
    report = compared(candidate)
    assert (report.verdict, [each.slug for each in report.findings]) == (Verdict.MISMATCH, ["own-weights"])
    said = report.findings[0]
    assert named in said.message
    assert "equals torch's lstm" in said.message
    assert "from_x" not in said.message


@pytest.mark.sample(1)
@pytest.mark.parametrize(("candidate", "named"), [(Normed, "in norm;"), (NormedEach, "gates.0")])
def test_norms_are_named_where_torch_s_layer_is_left_without_them(candidate: type, named: str) -> None:
    report = compared(candidate)
    assert (report.verdict, [each.slug for each in report.findings]) == (Verdict.MISMATCH, ["layer-normalised"])
    assert named in report.findings[0].message


@pytest.mark.slow
def test_a_plain_layer_and_one_with_a_head_have_none() -> None:
    for candidate in (Lstm, WithHead):
        assert compared(candidate).verdict is Verdict.EQUIVALENT
    assert compared(InNumpy, cell="rnn").verdict is Verdict.EQUIVALENT
