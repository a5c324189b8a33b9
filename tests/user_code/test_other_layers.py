"""Layers that torch.nn does not have, and sizes that a class fixes: the refusal says what it is and what to do."""

import re
import time
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from rnncheck import check
from rnncheck.errors import CannotRun
from rnncheck.report import Verdict


class GatesOfXAlone(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.gate, self.new = nn.Linear(input_size, hidden_size), nn.Linear(input_size, hidden_size)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        z = self.gate(x).sigmoid()
        return (1 - z) * h + z * self.new(x)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        output = []
        for x_t in x:
            h = self.step(x_t, h)
            output.append(h)
        return torch.stack(output), h


class UnitByUnit(GatesOfXAlone):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.gate(x) + self.new.bias * h)


class Fixed(nn.Module):
    """Right: all its sizes are its own."""

    def __init__(self) -> None:
        super().__init__()
        self.from_x, self.from_h = nn.Linear(6, 4 * 9), nn.Linear(9, 4 * 9)

    def forward(self, x: Tensor, state: Any) -> Any:
        h, c = state
        i, f, g, o = (self.from_x(x) + self.from_h(h)).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class FixedInside(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        h, c, output = torch.zeros(x.shape[1], self.cell.hidden_size), torch.zeros(x.shape[1], 50), []
        for x_t in x:
            h, c = self.cell(x_t, (h, c * torch.ones_like(h)))
            output.append(h)
        return torch.stack(output)


class OfAKind(nn.Module):
    """A GRU unless it is told otherwise; what computes its weight changes nothing; its biases are (3, 2, H) as well."""

    def __init__(self, input_size: int, hidden_size: int, rnn_type: str = "GRU") -> None:
        super().__init__()
        self.rnn = getattr(nn, rnn_type)(input_size, hidden_size)
        parametrize.register_parametrization(self.rnn, "weight_hh_l0", nn.Identity())

    def forward(self, x: Tensor, h: Tensor | None = None) -> Any:
        return self.rnn(x, h)


class BiasesInOne(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.randn(3, hidden_size, input_size))
        self.U = nn.Parameter(torch.randn(3, hidden_size, hidden_size))
        self.b = nn.Parameter(torch.zeros(3, 2, hidden_size))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        a, b = (
            [v @ m[k].T + self.b[k, side] for k in range(3)] for side, (v, m) in enumerate(((x, self.W), (h, self.U)))
        )
        r, z = (a[0] + b[0]).sigmoid(), (a[1] + b[1]).sigmoid()
        return (1 - z) * (a[2] + r * b[2]).tanh() + z * h


@pytest.mark.sample(1)
@pytest.mark.parametrize(("candidate", "said"), [(GatesOfXAlone, "minGRU"), (UnitByUnit, "IndRNN")])
def test_states_that_see_themselves_alone_are_told(candidate: type, said: str) -> None:
    with pytest.raises(CannotRun, match=said) as refused:
        check(candidate, cell="rnn", witness=False)
    assert "adapt" not in str(refused.value)


def test_a_size_that_the_code_fixes_is_named_from_its_error() -> None:
    with pytest.raises(CannotRun, match=re.escape("add --hidden-size 50")):
        check(FixedInside, cell="lstm", hidden_size=4, witness=False)
    assert check(FixedInside, cell="lstm", hidden_size=50, witness=False, backward=False).verdict is Verdict.EQUIVALENT


@pytest.mark.slow
def test_other_sizes_of_a_class_that_has_none_are_not_searched() -> None:
    start = time.thread_time()
    report = check(Fixed, cell="lstm", input_size=6, hidden_size=9, witness=False)
    assert report.verdict is Verdict.EQUIVALENT
    assert time.thread_time() - start < 6  # it was 22


def test_the_default_of_a_class_says_its_cell() -> None:
    report = check(OfAKind, witness=False, backward=False)
    assert (report.verdict, report.spec.cell) == (Verdict.EQUIVALENT, "gru")
    assert check(BiasesInOne, cell="gru", witness=False, backward=False).verdict is Verdict.EQUIVALENT
