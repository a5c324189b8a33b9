"""An LSTM whose state is projected, with sizes of its own, is torch's with a projection: it is no mismatch."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Verdict


class Projected(nn.Module):
    """h' = P (o tanh(c')); `hidden_size` is the width of h, and `cell_size` that of c."""

    def __init__(self, input_size: int, hidden_size: int, cell_size: int) -> None:
        super().__init__()
        self.x = nn.Linear(input_size, 4 * cell_size, bias=False)
        self.h = nn.Linear(hidden_size, 4 * cell_size)
        self.proj = nn.Linear(cell_size, hidden_size, bias=False)

    def forward(self, x: Tensor, state: Any) -> Any:
        h, c = state[0].squeeze(0), state[1].squeeze(0)
        output = []
        for step in x:
            i, f, g, o = (self.x(step) + self.h(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = self.proj(o.sigmoid() * c.tanh())
            output.append(h)
        return torch.stack(output), (h[None], c[None])


@pytest.mark.slow
def test_without_a_projection_beside_it_the_verdict_is_open_and_says_what_to_give() -> None:
    report = check(Projected, witness=False)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "proj.weight may project the state, as torch.nn.LSTM does with proj_size" in str(report.reason)


def test_with_these_options_it_agrees() -> None:
    report = check(Projected, proj_size=2, arguments={"hidden_size": 2, "cell_size": 4}, witness=False)
    assert report.verdict is Verdict.EQUIVALENT


class Masked(nn.Module):
    """Its state is reset where the required masks are zero."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.gru = nn.GRUCell(input_size, hidden_size)
        self.value = nn.Linear(hidden_size, 1)

    def forward(self, x: Tensor, hxs: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        hxs = self.gru(x, hxs * masks.view(-1, 1))
        return self.value(hxs), hxs


def test_a_mask_that_must_be_a_tensor_is_one_of_ones() -> None:
    report = check(Masked, witness=False)
    assert report.verdict is Verdict.EQUIVALENT
    assert "it is called with masks=ones" in report.conventions
