"""Candidates that return more than states, take them without a name, or return none of them."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Report, Verdict


class ReturnsGates(nn.Module):
    """A cell that returns what a backward by hand reads, then c, a gate and h."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.both = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Any:
        i, f, g, o = self.both(torch.cat([x, h], 1)).chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c + i * g
        return i, f, g, c, o, o * c.tanh()


class ReturnsCellFirst(ReturnsGates):
    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Any:
        *_, c, _, h = super().forward(x, h, c)
        return c, h


class ReturnsWhatItJoined:
    """In numpy: columns are rows of the batch, and the joined inputs come first."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.W = np.zeros((hidden_size, hidden_size + input_size))
        self.b = np.zeros((hidden_size, 1))

    def forward(self, x: Any, h_prev: Any) -> Any:
        joined = np.vstack((h_prev, x))
        return joined, np.tanh(self.W @ joined + self.b)


def checked(candidate: Any, **options: Any) -> Report:
    return check(candidate, paths="none", witness=False, **options)


@pytest.mark.explained
def test_the_order_of_c_and_h_is_free_unless_they_are_a_pair() -> None:
    assert checked(ReturnsGates, cell="lstm").verdict is Verdict.EQUIVALENT
    pair = checked(ReturnsCellFirst, cell="lstm")
    assert (pair.verdict, pair.findings[0].slug) == (Verdict.MISMATCH, "final-state-swapped")


def test_a_cell_may_return_its_joined_inputs() -> None:
    report = checked(ReturnsWhatItJoined, cell="rnn")
    assert report.verdict is Verdict.EQUIVALENT, report.reason


class Collects(nn.Module):
    """Takes whatever it is given, by position."""

    swaps = False

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.LSTM(input_size, hidden_size)

    def forward(self, *args: Any) -> Any:
        x, state = args if len(args) > 1 else (args[0], None)
        return self.inner(x, state[::-1] if self.swaps and state is not None else state)


class CollectsAndSwaps(Collects):
    swaps = True


class CollectsXAlone(Collects):
    def forward(self, *args: Any) -> Any:
        (x,) = args
        return self.inner(x)


class ReadsTheFirst(Collects):
    def forward(self, *args: Any) -> Any:
        return self.inner(args[0])


@pytest.mark.parametrize("candidate", [CollectsXAlone, ReadsTheFirst])
def test_no_state_is_missed_where_there_may_be_none(candidate: type) -> None:
    assert checked(candidate, cell="lstm").verdict is Verdict.EQUIVALENT


def test_a_state_is_tried_where_arguments_have_no_names() -> None:
    assert checked(Collects, cell="lstm").verdict is Verdict.EQUIVALENT
    assert checked(CollectsAndSwaps, cell="lstm").verdict is Verdict.MISMATCH


class Joins(nn.Module):
    """Joins its outputs along the axis of layers, that of the state which it is given."""

    factor = 1.0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.x2h, self.h2h = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def forward(self, x: Tensor, h0: Tensor) -> Any:
        h, outputs = h0, []
        for x_t in x:
            h = torch.tanh(self.x2h(x_t) + self.h2h(h))
            outputs.append(h)
        return torch.cat(outputs) * self.factor, h


class JoinsAndScales(Joins):
    factor = 1.01


@pytest.mark.slow
@pytest.mark.explained
def test_outputs_that_are_joined_along_the_axis_of_layers_are_compared() -> None:
    assert checked(Joins, cell="rnn").verdict is Verdict.EQUIVALENT
    scaled = checked(JoinsAndScales, cell="rnn")
    assert (scaled.verdict, [each.slug for each in scaled.findings]) == (Verdict.MISMATCH, ["output-changed"])


class ListsStates:
    """Returns a head's outputs and a list of states; none reads the one before it."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.W, self.U = torch.zeros(input_size, hidden_size), torch.zeros(hidden_size, hidden_size)
        self.b, self.V = torch.zeros(hidden_size), torch.zeros(hidden_size, 5)

    def __call__(self, inputs: Tensor, state: Tensor) -> Any:
        states = [torch.tanh(x @ self.W + state @ self.U + self.b) for x in inputs]
        return torch.cat([each @ self.V for each in states]), states


@pytest.mark.slow
@pytest.mark.explained
def test_a_list_of_timesteps_is_no_batch() -> None:
    assert [each.slug for each in checked(ListsStates, cell="rnn").findings] == ["no-recurrence"]


class TakesLengths(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.GRUCell(input_size, hidden_size)

    def forward(self, x: Tensor, lengths: Tensor) -> Any:
        h, outputs = x.new_zeros(x.shape[1], self.cell.hidden_size), []
        for t, x_t in enumerate(x):
            h = torch.where((lengths > t)[:, None], self.cell(x_t, h), h)
            outputs.append(h)
        return torch.stack(outputs), h[None]


@pytest.mark.paths
def test_lengths_that_were_all_t_are_told() -> None:
    report = check(TakesLengths, cell="gru", paths="options", witness=False)
    assert report.verdict is Verdict.EQUIVALENT
    assert any("only T was tried, for every row; --lengths" in each for each in report.restrictions)


class TwoLayersAndHead(nn.Module):
    """Its head alone sees the states of the second layer; c has no tanh before it becomes h."""

    normed = False

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.ih = nn.ModuleList(nn.Linear(width, 4 * hidden_size) for width in (input_size, hidden_size))
        self.hh = nn.ModuleList(nn.Linear(hidden_size, 4 * hidden_size) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(4 * hidden_size) for _ in range(2 * self.normed))
        self.hidden_size, self.head = hidden_size, nn.Linear(hidden_size, 1)

    def forward(self, x: Tensor) -> Tensor:
        zeros = x.new_zeros(x.shape[1], self.hidden_size)
        states = [(zeros, zeros)] * 2
        for below in x:
            for k, (h, c) in enumerate(states):
                gates = self.ih[k](below) + self.hh[k](h)
                i, f, g, o = (self.norms[k](gates) if self.normed else gates).chunk(4, 1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                below = o.sigmoid() * c
                states[k] = below, c
        return self.head(below)  # type: ignore[no-any-return]


class Normed(TwoLayersAndHead):
    normed = True


@pytest.mark.slow
@pytest.mark.explained
def test_states_of_the_first_layer_are_not_taken_for_those_of_the_last() -> None:
    report = checked(TwoLayersAndHead, cell="lstm", num_layers=2)
    assert [each.slug for each in report.findings] == ["missing-cell-activation"]


@pytest.mark.slow
def test_weights_that_a_head_alone_sees_are_not_called_dead() -> None:
    assert "dead-parameter" not in {each.slug for each in checked(Normed, cell="lstm", num_layers=2).findings}
