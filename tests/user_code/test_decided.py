"""What a candidate takes and returns otherwise than torch.nn is its own convention, which an agreement says."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Verdict
from rnncheck.user_code.read_as import turned


def returning(change: str) -> type:
    """torch's RNN, which returns its output `o` and last state `h` in a way of its own."""

    class Candidate(nn.RNN):
        def forward(self, x: Tensor, h: Tensor | None = None) -> Any:  # type: ignore[override]
            o, h = super().forward(x, h)
            return eval(change, {"o": o, "h": h})

    return Candidate


class TakesBatchFirst(nn.RNN):
    def forward(self, x: Tensor, h0: Tensor | None = None) -> Any:  # type: ignore[override]
        return super().forward(x, None if h0 is None else h0.transpose(0, 1).contiguous())


class CellFirst(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size)

    def forward(self, x: Tensor, carry: Any) -> Any:
        c0, h0 = carry
        o, (h, c) = self.lstm(x, (h0, c0))
        return o, (c, h)


class CellLastOut(CellFirst):
    def forward(self, x: Tensor, h0: Tensor, c0: Tensor) -> Any:
        return self.lstm(x, (h0, c0))


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        (returning("o, h"), []),
        (returning("o.transpose(0, 1), h"), ["its output is (B, T, H)"]),
        (returning("o.permute(2, 0, 1), h"), ["its output is (H, T, B)"]),
        (returning("o, h.transpose(0, 1)"), ["it returns the last state as (B, 1, H)"]),
        (returning("h, o"), ["it returns (state, output)"]),
        (returning("{'state': h, 'output': o}"), []),
        (TakesBatchFirst, ["it takes the initial state as (B, L, H)"]),
        (CellFirst, ["it takes (c, h)", "it returns (c, h)"]),
        (CellLastOut, []),
    ],
)
def test_what_is_unlike_torch_is_said(candidate: type, said: list[str]) -> None:
    report = check(candidate, input_size=4, hidden_size=6, batch_size=3, seq_len=7)
    assert (report.verdict, list(report.conventions)) == (Verdict.EQUIVALENT, said)


class OnColumns(nn.Module):
    """x (T, I, B) and states (H, B), as equations write them."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.of_x = nn.Parameter(torch.randn(hidden_size, input_size))
        self.of_h = nn.Parameter(torch.randn(hidden_size, hidden_size))
        self.b = nn.Parameter(torch.randn(hidden_size, 1))

    def forward(self, x: Tensor, h: Tensor | None = None) -> Any:
        _, _, rows = x.shape
        h = x.new_zeros(self.hidden_size, rows) if h is None else h
        outputs = []
        for columns in x:
            h = torch.tanh(self.of_x @ columns + self.of_h @ self.passed_on(h) + self.b)
            outputs.append(h)
        return torch.stack(outputs), h

    def passed_on(self, h: Tensor) -> Tensor:
        return h


class OnColumnsHalved(OnColumns):
    def passed_on(self, h: Tensor) -> Tensor:
        return h / 2


@pytest.mark.parametrize("batch_size", [3, 5])
def test_x_of_columns_for_each_timestep_is_read(batch_size: int) -> None:
    report = check(OnColumns, input_size=3, hidden_size=4, batch_size=batch_size)
    assert report.verdict is Verdict.EQUIVALENT
    assert "x as (T, I, B)" in report.candidate.read_as
    assert check(OnColumnsHalved, input_size=3, hidden_size=4, batch_size=batch_size).verdict is Verdict.MISMATCH


@pytest.mark.parametrize(
    ("axes", "x_axes", "other"),
    [
        ("TBF", "TBF", False),
        ("SBF", "TBF", False),
        ("TBF", "BTF", True),
        ("FBT", "FBT", False),
        ("KBF", "BTF", False),
        ("BKF", "BTF", True),
        ("B1F", "TBF", True),
        ("1BF", "TBF", False),
        ("FB", "FB", False),
        ("FB", "BF", True),
        ("F1", "F1", False),
        ("BF", "BT", False),
    ],
)
def test_axes_stand_as_those_of_x_do(axes: str, x_axes: str, other: bool) -> None:
    assert turned(axes, x_axes) is other
