"""An LSTM that takes or returns h and c in one tensor: stacked, or side by side."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import CannotRun, check
from rnncheck.report import Report, Verdict


class Step(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def parted(self, state: Tensor) -> Any:
        return state[0], state[1]

    def joined(self, h: Tensor, c: Tensor) -> Tensor:
        return torch.stack([h, c])

    def forward(self, x: Tensor, state: Tensor) -> Any:
        return self.joined(*self.cell(x, self.parted(state)))


class Whole(Step):
    def forward(self, x: Tensor, state: Tensor) -> Any:
        output = []
        for x_t in x:
            state = super().forward(x_t, state)
            output.append(self.parted(state)[0])
        return torch.stack(output), state


class SideBySide(Step):
    def parted(self, state: Tensor) -> Any:
        return state.chunk(2, -1)

    def joined(self, h: Tensor, c: Tensor) -> Tensor:
        return torch.cat([h, c], -1)


class WholeSideBySide(SideBySide, Whole):
    pass


class CellFirst(WholeSideBySide):
    """The other order in both directions, and a layer axis in front."""

    def parted(self, state: Tensor) -> Any:
        return state[0].chunk(2, -1)[::-1]

    def joined(self, h: Tensor, c: Tensor) -> Tensor:
        return torch.cat([c, h], -1)[None]


class CellFirstStep(SideBySide):
    def parted(self, state: Tensor) -> Any:
        return state.chunk(2, -1)[::-1]

    def joined(self, h: Tensor, c: Tensor) -> Tensor:
        return torch.cat([c, h], -1)


class AxesOfABatch(nn.Module):
    """Batch first in every axis, also those of the state (B, L, 2H)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(input_size, hidden_size)

    def forward(self, x: Tensor, state: Tensor) -> Any:
        h, c = (each.contiguous() for each in state.transpose(0, 1).chunk(2, -1))
        output, last = self.rnn(x.transpose(0, 1), (h, c))
        return output.transpose(0, 1), torch.cat(last, -1).transpose(0, 1)


class Reordered(CellFirst):
    """Wrong: it takes (c, h) and returns (h, c)."""

    def joined(self, h: Tensor, c: Tensor) -> Tensor:
        return torch.cat([h, c], -1)[None]


class Exchanged(WholeSideBySide):
    """Wrong: h starts from c0."""

    def parted(self, state: Tensor) -> Any:
        return state.chunk(2, -1)[::-1] if state.any() else state.chunk(2, -1)


class WritesIntoIt(nn.Module):
    """Wrong: it writes into the pair that it is given."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x: Tensor, state: Any = None) -> Any:
        state = [x.new_zeros(x.shape[1], self.cell.hidden_size)] * 2 if state is None else state
        output = []
        for x_t in x:
            state[0], state[1] = self.cell(x_t, (state[0], state[1]))
            output.append(state[0])
        return torch.stack(output), tuple(state)


class OfTheFirstRow(nn.Module):
    """Wrong: its state is h of every layer, and c starts from the same."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x: Tensor, h0: Tensor) -> Tensor:
        h = c = h0[0]
        output = []
        for x_t in x:
            h, c = self.cell(x_t, (h, c))
            output.append(h)
        return torch.stack(output)


def compared(candidate: type) -> Report:
    return check(candidate, cell="lstm", seq_len=4, batch_size=2, witness=False, diagnose=False)


@pytest.mark.parametrize(
    "candidate",
    [Step, Whole, SideBySide, WholeSideBySide, CellFirst, CellFirstStep, AxesOfABatch],
    ids=lambda each: each.__name__,
)
def test_right_ones_are_read_and_the_verdict_says_how(candidate: type) -> None:
    report = compared(candidate)
    assert report.verdict is Verdict.EQUIVALENT
    assert any("h and c in one tensor" in each for each in report.conventions)


@pytest.mark.sample(1)
@pytest.mark.parametrize("candidate", [Exchanged, Reordered], ids=lambda each: each.__name__)
def test_a_wrong_one_is_a_mismatch(candidate: type) -> None:
    assert compared(candidate).verdict is Verdict.MISMATCH


def test_c_may_come_first_and_the_verdict_says_so() -> None:
    assert "it takes (c, h)" in compared(CellFirst).conventions


def test_a_mistake_with_a_pair_is_not_mended_by_one_tensor() -> None:
    assert [each.slug for each in compared(WritesIntoIt).findings] == ["initial-state-crashes"]


def test_a_state_of_h_alone_is_no_pair() -> None:
    report = compared(OfTheFirstRow)
    assert report.verdict is Verdict.MISMATCH
    assert not any("one tensor" in each for each in report.conventions)


class RefusesEveryState(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, proj_size: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(input_size, hidden_size, proj_size=proj_size)

    def forward(self, x: Tensor, state: Any) -> Any:
        raise ValueError("no state will do")


@pytest.mark.slow
def test_states_of_two_widths_are_never_put_into_one_tensor() -> None:
    with pytest.raises(CannotRun, match="no state will do"):
        check(RefusesEveryState, cell="lstm", proj_size=2, seq_len=4, batch_size=2)
