"""A layer that draws at random is understood without its dropout, which is named wherever it is."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnncheck import check
from rnncheck.report import Report


class Cell(nn.Module):
    """An LSTM's, that may drop some of what it reads, proposes or gives."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def read(self, h: Tensor) -> Tensor:
        return h

    def proposed(self, g: Tensor) -> Tensor:
        return g

    def given(self, h: Tensor) -> Tensor:
        return h

    def forward(self, x: Tensor, carry: Any) -> Any:
        h, c = carry
        i, f, g, o = (self.x2h(x) + self.h2h(self.read(h))).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * self.proposed(g.tanh())
        return self.given(o.sigmoid() * c.tanh()), c


class DropsState(Cell):
    def read(self, h: Tensor) -> Tensor:
        return F.dropout(h, 0.2)


class DropsProposal(Cell):
    def proposed(self, g: Tensor) -> Tensor:
        return F.dropout(g, 0.2)


class DropsOutput(Cell):
    def given(self, h: Tensor) -> Tensor:
        return F.dropout(h, 0.2)


class DropsInAList(Cell):
    """eval() does not reach a module that is kept so."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.kept = [nn.Dropout(0.2)]

    def given(self, h: Tensor) -> Tensor:
        return self.kept[0](h)  # type: ignore[no-any-return]


class DropsAndForgetsTheTanh(DropsOutput):
    def proposed(self, g: Tensor) -> Tensor:
        return F.dropout(g.atanh(), 0.1)


class Noisy(Cell):
    def given(self, h: Tensor) -> Tensor:
        return h + 0.3 * torch.randn_like(h)


def checked(candidate: type) -> Report:
    return check(candidate, cell="lstm", input_size=3, hidden_size=5, seq_len=9, batch_size=4, witness=False)


def slugs(report: Report) -> list[str]:
    return [finding.slug for finding in report.findings]


@pytest.mark.explained
@pytest.mark.sample(2)
@pytest.mark.parametrize("candidate", [DropsState, DropsProposal, DropsOutput, DropsInAList])
def test_dropout_anywhere_is_named_with_its_chance(candidate: type) -> None:
    report = checked(candidate)
    assert report.exit_code == 1
    assert slugs(report) == ["dropout-in-eval"]
    assert "p = 0.2" in report.findings[0].message
    assert "without it the layer is right" in report.findings[0].message


@pytest.mark.slow  # dropout by itself, and a fault by itself, are named by default
def test_what_is_wrong_beside_dropout_is_named_too() -> None:
    report = checked(DropsAndForgetsTheTanh)
    assert slugs(report) == ["dropout-in-eval", "wrong-nonlinearity"]
    assert "p = 0.1 and 0.2" in report.findings[0].message
    assert report.findings[1].variant == "g: linear"


@pytest.mark.explained
def test_of_other_randomness_nothing_is_said_but_that() -> None:
    assert slugs(checked(Noisy)) == ["nondeterministic"]


def test_the_same_cell_without_any_is_right() -> None:
    assert checked(Cell).exit_code == 0
