"""Dropout between layers, of a layer that is right without it: its distribution, and its masks in backward."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from rnncheck import check
from rnncheck.report import Verdict

pytestmark = pytest.mark.paths


class Dropping(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.p = dropout
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.cells = nn.ModuleList(nn.GRUCell(size, hidden_size) for size in sizes)

    def forward(self, x: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
        last = []
        for cell, h in zip(self.cells, h0, strict=True):
            x, rows = self.dropped(x) if last and self.training else x, []
            for x_t in x:
                h = cell(x_t, h)
                rows.append(h)
            x = torch.stack(rows)
            last.append(h)
        return x, torch.stack(last)

    def dropped(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.p)


class Gaussian(Dropping):
    def dropped(self, x: Tensor) -> Tensor:
        return x * (1 + torch.randn_like(x) * (self.p / (1 - self.p)) ** 0.5)


class StraightThrough(Dropping):
    def dropped(self, x: Tensor) -> Tensor:
        return x + (functional.dropout(x, self.p) - x).detach()


class OneMaskForAllSteps(Dropping):
    def dropped(self, x: Tensor) -> Tensor:
        return x * functional.dropout(torch.ones_like(x[:1]), self.p)


class DrawsAgain(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:
        ctx.p = p
        return functional.dropout(x, p)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return functional.dropout(gradients[0], ctx.p), None


class OtherMasksInBackward(Dropping):
    def dropped(self, x: Tensor) -> Tensor:
        return DrawsAgain.apply(x, self.p)


def checked(layer: type[nn.Module]) -> Any:
    return check(layer, cell="gru", num_layers=2, dropout=0.5, paths="train-mode", witness=False)


def test_a_layer_with_torch_s_dropout_is_equivalent() -> None:
    report = checked(Dropping)
    assert report.verdict is Verdict.EQUIVALENT, report.findings
    assert len(report.paths[0].gone) == 4


@pytest.mark.sample(1)
@pytest.mark.parametrize("layer", [OtherMasksInBackward, StraightThrough, Gaussian, OneMaskForAllSteps])
def test_another_dropout_is_found(layer: type[nn.Module]) -> None:
    report = checked(layer)
    assert (report.verdict, [each.slug for each in report.findings]) == (Verdict.MISMATCH, ["dropout-wrong"])


@pytest.mark.slow
def test_without_dropout_in_the_run_another_dropout_is_a_note_unless_it_is_asked_for() -> None:
    def run(layer: type[nn.Module], paths: str) -> Any:
        return check(layer, cell="gru", num_layers=2, paths=paths, witness=False)

    right, noted, asked = (
        run(Dropping, "dropout"),
        run(OneMaskForAllSteps, "default"),
        run(OneMaskForAllSteps, "dropout"),
    )
    assert (right.verdict, noted.verdict, asked.verdict) == (Verdict.EQUIVALENT, Verdict.EQUIVALENT, Verdict.MISMATCH)
    assert any("drops otherwise" in each for each in noted.restrictions)
    assert [each.slug for each in asked.findings] == ["dropout-wrong"]
