"""Layers whose state is a named tuple, a dataclass or a dict."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Report, Verdict


class Both(NamedTuple):
    cell: Tensor
    hidden: Tensor


@dataclass(frozen=True)
class Pair:
    hidden: Tensor
    cell: Tensor


class Layer(nn.Module):
    """Its state is a named tuple, as the annotation says."""

    slip = 0.0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.x2g, self.h2g = nn.Linear(input_size, 4 * hidden_size), nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def made(self, h: Tensor, c: Tensor) -> Any:
        return Both(hidden=h, cell=c)

    def zeros(self, x: Tensor) -> Any:
        z = x.new_zeros(x.shape[1], self.h2g.in_features)
        return self.made(z, z)

    def stepped(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, f, g, o = (self.x2g(x) + self.h2g(h)).chunk(4, -1)
        c = torch.sigmoid(f + self.slip) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def forward(self, x: Tensor, state: Both | None = None) -> tuple[Tensor, Any]:
        state = self.zeros(x) if state is None else state
        output = []
        for x_t in x:
            h, c = self.stepped(x_t, state.hidden, state.cell)
            state = self.made(h, c)
            output.append(h)
        return torch.stack(output), state


class OfADataclass(Layer):
    """What it returns says of what kind its state is."""

    def made(self, h: Tensor, c: Tensor) -> Any:
        return Pair(h, c)

    def forward(self, x: Tensor, state=None) -> tuple[Tensor, Any]:  # type: ignore[no-untyped-def]
        return super().forward(x, state)


class OfADict(Layer):
    """A cell that must be given a dict: its code says with which keys."""

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, Any]:  # type: ignore[override]
        h, c = self.stepped(x, state["h"], state["c"])
        return h, {"h": h, "c": c}


class OfOneMember(nn.Module):
    """A GRU with a dict of h alone."""

    slip = 0.0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.GRUCell(input_size, hidden_size)

    def forward(self, x: Tensor, state: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        h = x.new_zeros(x.shape[1], self.cell.hidden_size) if state is None else state["hidden"]
        output = []
        for x_t in x:
            h = self.cell(x_t, h) + self.slip
            output.append(h)
        return torch.stack(output), {"hidden": h}


class Refuses(nn.Module):
    """Its state is of a kind that rnncheck does not know."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.rnn = nn.GRU(input_size, hidden_size)

    def forward(self, x: Tensor, state: Any = None) -> Tensor:
        return self.rnn(x, None if state is None else state.first().second())[0]


def compared(candidate: type, cell: str) -> Report:
    return check(candidate, cell=cell, seq_len=4, batch_size=2, witness=False, diagnose=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("candidate", "cell", "kind"),
    [
        (Layer, "lstm", "Both(hidden=h, cell=c)"),
        (OfADataclass, "lstm", "Pair(hidden=h, cell=c)"),
        (OfADict, "lstm", "{'h': h, 'c': c}"),
        (OfOneMember, "gru", "{'hidden': h}"),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else "",
)
def test_a_state_of_its_own_kind_is_handed_over(candidate: type, cell: str, kind: str) -> None:
    right = compared(candidate, cell)
    assert right.verdict is Verdict.EQUIVALENT
    assert f"it takes its state as {kind}" in right.conventions
    assert {"lockstep", "backward"} <= {each.mode for each in right.comparisons}
    assert compared(type("Wrong", (candidate,), {"slip": 1.0}), cell).verdict is Verdict.MISMATCH


def test_of_one_that_refuses_its_state_it_is_not_said_that_it_takes_none() -> None:
    report = compared(Refuses, "gru")
    assert report.verdict is Verdict.INCONCLUSIVE
    assert not any("takes no initial state" in each for each in (str(report.candidate.read_as), *report.notes))
