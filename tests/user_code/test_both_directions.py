"""Layers of both directions that show no more than their last states, to the caller or to a head of their own."""

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.errors import CannotRun
from rnncheck.report import Verdict


class Finals(nn.Module):
    """Returns the final states of both directions side by side."""

    cell: type[nn.Module] = nn.GRUCell

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.forwards, self.backwards = self.cell(input_size, hidden_size), self.cell(input_size, hidden_size)

    def steps(self, x: Tensor, cell: nn.Module) -> list[Tensor]:
        state = h = x.new_zeros(x.shape[1], self.hidden_size)
        if isinstance(cell, nn.LSTMCell):
            state = h, h
        found = []
        for x_t in x:
            state = cell(x_t, state)
            found.append(state[0] if isinstance(state, tuple) else state)
        return found

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.steps(x, self.forwards)[-1], self.steps(x.flip(0), self.backwards)[-1]], 1)


class LstmFinals(Finals):
    cell = nn.LSTMCell


class NotReversed(Finals):
    """Runs both directions forwards."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.steps(x, self.forwards)[-1], self.steps(x, self.backwards)[-1]], 1)


class ToHead(LstmFinals):
    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.head = nn.Linear(2 * hidden_size, output_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(super().forward(x))


class LastToHead(ToHead):
    """Its head is given the output of the last timestep: of the reverse direction the first step alone."""

    def forward(self, x: Tensor) -> Tensor:
        reverse = self.steps(x.flip(0), self.backwards)[::-1]
        return self.head(torch.cat([self.steps(x, self.forwards)[-1], reverse[-1]], 1))


class InsideWithHead(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        super().__init__()
        self.inner = nn.LSTM(input_size, hidden_size, bidirectional=True, batch_first=True)
        self.head = nn.Linear(2 * hidden_size, output_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inner(x)[0][:, -1])


@pytest.mark.slow
@pytest.mark.paths
@pytest.mark.parametrize(("layer", "cell"), [(Finals, "gru"), (LstmFinals, "lstm"), (ToHead, "lstm")])
def test_final_states_side_by_side_are_both_compared(layer: type[nn.Module], cell: str) -> None:
    assert check(layer, cell=cell, bidirectional=True).verdict is Verdict.EQUIVALENT


@pytest.mark.slow
@pytest.mark.explained
def test_a_direction_that_is_not_reversed_is_named() -> None:
    report = check(NotReversed, cell="gru", bidirectional=True)
    assert report.verdict is Verdict.MISMATCH
    assert report.findings[0].slug == "reverse-reads-forward"


def test_both_directions_inside_are_compared_without_the_option() -> None:
    report = check(InsideWithHead)
    assert report.verdict is Verdict.EQUIVALENT
    assert "bidirectional is True, as InsideWithHead says" in report.notes


@pytest.mark.slow
@pytest.mark.parametrize("layer", [ToHead, LastToHead])
def test_one_direction_of_two_is_no_pass(layer: type[nn.Module]) -> None:
    report = check(layer)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "--bidirectional" in str(report.reason)


@pytest.mark.slow
def test_states_that_a_head_is_given_are_no_wrong_final_states() -> None:
    with pytest.raises(CannotRun, match="what it passes to head is not the final state of each direction"):
        check(LastToHead, bidirectional=True)


class Outputs(Finals):
    """Returns the outputs alone, of both directions."""

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.stack(self.steps(x, self.forwards)), torch.stack(self.steps(x.flip(0), self.backwards))


class Swapped(Outputs):
    def forward(self, x: Tensor) -> Tensor:
        first, second = self.both(x)
        return torch.cat([second.flip(0), first], -1)


class NotFlipped(Outputs):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat(self.both(x), -1)


@pytest.mark.slow
@pytest.mark.explained
@pytest.mark.parametrize(("layer", "slug"), [(Swapped, "directions-swapped"), (NotFlipped, "reverse-not-flipped")])
def test_wrong_outputs_are_one_fault_where_they_are_all_that_is_returned(layer: type[nn.Module], slug: str) -> None:
    report = check(layer, cell="gru", bidirectional=True, witness=False, paths="none")
    assert [each.slug for each in report.findings] == [slug]
    assert "h_n" not in {each.quantity for each in report.comparisons}


class WithStates(nn.Module):
    """An RNN of both directions that asks whether it got states as one asks of a list."""

    crashes = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.forwards, self.backwards = nn.RNN(input_size, hidden_size), nn.RNN(input_size, hidden_size)

    def forward(self, x: Tensor, states: object = None) -> object:
        one, other = states if states else (None, None)  # type: ignore[misc]
        y, one = self.forwards(x, None if one is None else one[None])
        z, other = self.backwards(x.flip(0), None if other is None else other[None])
        return list(torch.cat([y, z.flip(0)], -1)), (one[0], other[0])


@pytest.mark.slow
def test_what_a_part_raises_of_both_directions_is_no_fault() -> None:
    report = check(WithStates, cell="rnn", witness=False)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "--bidirectional" in str(report.reason)
    assert check(WithStates, cell="rnn", bidirectional=True, witness=False).verdict is Verdict.EQUIVALENT


class Asking(nn.RNN):
    """Of one direction, where the same question is the fault."""

    def forward(self, x: Tensor, h: Tensor | None = None) -> object:  # type: ignore[override]
        return super().forward(x, h if h else None)


@pytest.mark.explained
def test_what_a_whole_layer_raises_is_a_fault() -> None:
    report = check(Asking, witness=False)
    assert (report.verdict, report.findings[0].slug) == (Verdict.MISMATCH, "initial-state-crashes")
