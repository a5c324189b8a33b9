"""What a candidate keeps to itself is left out, said, and no mismatch."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.errors import CannotRun
from rnncheck.report import Report, Verdict


class LastOnly(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x: Tensor, h0: Tensor) -> Tensor:
        h = h0[0]
        for x_t in x:
            h = self.cell(x_t, h)
        return h


class LastOnlyTwice(LastOnly):
    def forward(self, x: Tensor, h0: Tensor) -> Tensor:
        return 2 * super().forward(x, h0)


class MeanOfAll(LastOnly):
    def forward(self, x: Tensor, h0: Tensor) -> Tensor:
        return torch.stack([super(MeanOfAll, self).forward(x[: t + 1], h0) for t in range(len(x))]).mean(0)


class LastTwo(LastOnly):
    def forward(self, x: Tensor, h0: Tensor) -> Tensor:
        return torch.stack([super(LastTwo, self).forward(x[: t + 1], h0) for t in range(len(x))])[-2:]


class OneStepOfOneRow(LastOnly):
    """Right for x (1, 1, I), of which every axis may be taken for any other; it takes nothing else."""

    def forward(self, x: Tensor, h0: Tensor) -> Tensor:
        return super().forward(x.reshape(1, 1, -1)[..., : self.cell.input_size], h0) * (1 / (x.shape[:2] == (1, 1)))


class LastOfEachRow(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False)
        h: Tensor = self.rnn(packed)[1]
        return h[-1]


def checked(candidate: object, input_size: int = 4, hidden_size: int = 6, seq_len: int = 7, **options: Any) -> Report:
    sizes = {"input_size": input_size, "hidden_size": hidden_size, "batch_size": 3, "seq_len": seq_len}
    return check(candidate, witness=False, **sizes, **options)


def compared(report: Report) -> set[str]:
    return {each.quantity for each in report.comparisons if each.mode == "free" and each.compared}


def test_every_state_of_a_short_run_is_seen_where_the_last_alone_is_returned() -> None:
    report = checked(LastOnly, seq_len=64, backward=False)
    assert (report.verdict, compared(report)) == (Verdict.EQUIVALENT, {"output", "h_n"})


@pytest.mark.parametrize(
    ("candidate", "options"), [(LastOnly, {"seq_len": 100}), (LastOfEachRow, {"lengths": [7, 5, 2]})]
)
def test_of_a_long_run_or_of_rows_with_lengths_the_last_state_is_compared(
    candidate: type, options: dict[str, Any]
) -> None:
    report = checked(candidate, **options)
    assert (report.verdict, compared(report)) == (Verdict.EQUIVALENT, {"h_n"})
    assert any("use at most 64 timesteps and no lengths" in note for note in report.notes)


def test_a_wrong_last_state_of_a_long_run_is_a_mismatch() -> None:
    assert checked(LastOnlyTwice, seq_len=100, cell="rnn").verdict is Verdict.MISMATCH


def test_a_mean_of_all_states_is_no_wrong_last_state() -> None:
    report = checked(MeanOfAll, cell="rnn")
    assert (report.verdict, "such as their mean" in str(report.reason)) == (Verdict.INCONCLUSIVE, True)


@pytest.mark.slow
def test_the_last_two_states_are_not_those_of_a_cell() -> None:
    with pytest.raises(CannotRun):
        checked(LastTwo, cell="rnn")


def test_what_runs_with_one_timestep_of_one_row_alone_is_no_pass() -> None:
    report = checked(OneStepOfOneRow, cell="rnn")
    assert (report.verdict, "raises an error with more" in str(report.reason)) == (Verdict.INCONCLUSIVE, True)


class WithoutCellState(nn.LSTM):
    def forward(self, x: Tensor, state: Any = None) -> Any:  # type: ignore[override]
        o, (h, _) = super().forward(x, state)
        return o, h


def test_single_steps_need_the_cell_state_that_they_end_in() -> None:
    report = checked(WithoutCellState)
    assert (report.verdict, compared(report)) == (Verdict.EQUIVALENT, {"output", "h_n"})
    assert "lockstep" not in {each.mode for each in report.comparisons}
    assert "WithoutCellState does not return c_n, which was not compared, nor were single steps" in report.notes


class Around(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, proj_size: int = 0) -> None:
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, proj_size=proj_size)

    def forward(self, x: Tensor, state: Any) -> Any:
        return self.lstm(x, state)


@pytest.mark.parametrize("candidate", [nn.LSTM(2, 1), Around])
def test_a_layer_of_one_unit_is_taken_at_its_word_for_h_and_c(candidate: object) -> None:
    report = checked(candidate, input_size=2, hidden_size=1, cell="lstm")
    assert (report.verdict, compared(report)) == (Verdict.EQUIVALENT, {"output", "h_n", "c_n"})


@pytest.mark.parametrize("candidate", [nn.LSTM, Around])
def test_a_projection_s_states_are_told_apart_by_their_widths(candidate: type) -> None:
    report = checked(candidate, cell="lstm", proj_size=2)
    assert (report.verdict, compared(report)) == (Verdict.EQUIVALENT, {"output", "h_n", "c_n"})
    assert "lockstep" in {each.mode for each in report.comparisons}


class Swapped(nn.LSTM):
    """A copy of torch's, but that it takes (c, h)."""

    def forward(self, x: Tensor, state: Any = None) -> Any:  # type: ignore[override]
        return super().forward(x, None if state is None else (state[1], state[0]))


@pytest.mark.slow
@pytest.mark.explained
def test_a_copy_of_torch_s_is_taken_at_its_word_for_the_order_of_h_and_c() -> None:
    report = checked(Swapped)
    assert report.verdict is Verdict.MISMATCH
    assert [each.slug for each in report.findings] == ["initial-state-swapped"]


class SwappedBothWays(Swapped):
    def forward(self, x: Tensor, state: Any = None) -> Any:
        output, (h, c) = super().forward(x, state)
        return output, (c, h)


def test_a_copy_of_torch_s_that_takes_and_returns_c_first_has_another_convention() -> None:
    report = checked(SwappedBothWays)
    assert report.verdict is Verdict.EQUIVALENT
    assert compared(report) == {"output", "h_n", "c_n"}
    assert report.conventions == ("it takes (c, h)", "it returns (c, h)")


def test_states_of_one_unit_are_not_mistaken_for_a_layer_axis() -> None:
    report = checked(nn.GRU(2, 1), input_size=2, hidden_size=1, cell="gru")
    assert (report.verdict, compared(report)) == (Verdict.EQUIVALENT, {"output", "h_n"})
