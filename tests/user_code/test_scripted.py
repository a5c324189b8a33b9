"""Layers compiled by `torch.jit.script` are read as others are: their weights are there, and can be written."""

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.errors import CannotRun
from rnncheck.report import Verdict

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")


class Cell(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.below, self.before = nn.Linear(input_size, 4 * hidden_size), nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = state
        i, f, g, o = (self.below(x) + self.before(h)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class CellWithoutTanh(Cell):
    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = state
        i, f, g, o = (self.below(x) + self.before(h)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * c, c


def scripted_cell(input_size: int, hidden_size: int) -> torch.jit.ScriptModule:
    with warnings.catch_warnings(action="ignore"):
        return torch.jit.script(Cell(input_size, hidden_size))


def scripted_without_tanh(input_size: int, hidden_size: int) -> torch.jit.ScriptModule:
    with warnings.catch_warnings(action="ignore"):
        return torch.jit.script(CellWithoutTanh(input_size, hidden_size))


@pytest.mark.slow
def test_a_scripted_cell_is_compared() -> None:
    assert check(scripted_cell, cell="lstm").verdict is Verdict.EQUIVALENT


@pytest.mark.slow  # each layer that is tried is compiled anew; a wrong layer that is not compiled is found elsewhere
def test_what_is_wrong_in_a_scripted_cell_is_a_mismatch() -> None:
    assert check(scripted_without_tanh, cell="lstm", witness=False, diagnose=False).verdict is Verdict.MISMATCH


class Looped(nn.Module):
    """A layer with a compiled cell inside."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size, self.cell = hidden_size, scripted_cell(input_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(2, x.shape[1], self.hidden_size).unbind()
        outputs = []
        for x_t in x:
            state = self.cell(x_t, state)
            outputs.append(state[0])
        return torch.stack(outputs)


def test_a_layer_with_a_scripted_cell_is_compared() -> None:
    assert check(Looped, cell="lstm", witness=False).verdict is Verdict.EQUIVALENT


class PlainForward(torch.jit.ScriptModule):
    """A ScriptModule whose forward is not compiled, which torch's deepcopy leaves out."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.RNN(input_size, hidden_size)

    def forward(self, x: Tensor) -> Any:
        return self.inner(x)


@pytest.mark.slow
def test_what_cannot_be_copied_is_refused_with_the_reason() -> None:
    with pytest.raises(CannotRun, match="loses its forward, which is not compiled; decorate forward"):
        check(PlainForward, cell="rnn", witness=False)
