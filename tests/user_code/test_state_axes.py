"""A state with an axis for layers is told from one without, also where both run: one of them mixes rows or spreads."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Verdict


class LayeredCell(nn.Module):
    """A cell whose states have an axis in front, of which it takes the first."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.of_x, self.of_h = nn.Linear(input_size, 4 * hidden_size), nn.Linear(hidden_size, 4 * hidden_size)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, f, o, g = (self.of_x(x) + self.of_h(h)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> Any:
        h, c = self.step(x, state[0][0], state[1][0])
        return h, (h[None], c[None])


class MixingCell(LayeredCell):
    """Without that axis the first is the first row."""

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> Any:
        h, c = self.step(x, state[0][0], state[1][0])
        return h, (h, c)


def test_the_first_layers_state_is_no_first_row() -> None:
    assert check(LayeredCell, cell="lstm", witness=False).verdict is Verdict.EQUIVALENT


@pytest.mark.slow
@pytest.mark.explained
def test_the_first_rows_state_is_a_fault() -> None:
    report = check(MixingCell, cell="lstm", witness=False)
    assert (report.verdict, report.findings[0].slug) == (Verdict.MISMATCH, "batch-mixed")


class OnlyHead(nn.Module):
    """A loop over a cell whose states only a head gets; its state has no axis for layers."""

    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        super().__init__()
        self.of_x, self.of_h = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.out, self.hidden_size = nn.Linear(hidden_size, output_size), hidden_size

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        h = x.new_zeros(len(x), self.hidden_size) if h is None else h
        outputs = []
        for t in range(x.shape[1]):
            h = torch.tanh(self.of_x(x[:, t]) + self.of_h(h))
            outputs.append(self.out(h))
        return torch.stack(outputs, 1)


class FromOnes(OnlyHead):
    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        return super().forward(x, x.new_ones(len(x), self.hidden_size) if h is None else h)


def check_of(candidate: type) -> Any:
    return check(candidate, cell="rnn", witness=False, paths="no-state")


def test_a_state_that_spreads_over_an_axis_of_one_has_no_such_axis() -> None:
    assert check_of(OnlyHead).verdict is Verdict.EQUIVALENT


@pytest.mark.explained
def test_a_default_state_is_still_judged_there() -> None:
    report = check_of(FromOnes)
    assert (report.verdict, report.findings[0].slug) == (Verdict.MISMATCH, "default-state-not-zero")


class Half(nn.Module):
    """Hands the states of the later timesteps alone to its head."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.of_x, self.of_h = nn.Linear(input_size, 4 * hidden_size), nn.Linear(hidden_size, 4 * hidden_size)
        self.head = nn.Linear(hidden_size, input_size)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(len(x), self.head.in_features)
        states = []
        for t in range(x.shape[1]):
            i, f, o, g = (self.of_x(x[:, t]) + self.of_h(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            states.append(h)
        return self.head(torch.stack(states, 1)[:, x.shape[1] // 2 :])  # type: ignore[no-any-return]


@pytest.mark.slow
def test_timesteps_are_no_layers(rnncheck: Any) -> None:
    outcome = rnncheck("compare", f"{__file__}:Half", "--cell", "lstm")
    assert outcome.code == 4
    assert "--num-layers" not in outcome.stderr
    assert "rnncheck adapt" in outcome.stderr


class SharedMemory(nn.Module):
    """Keeps the tensor of which its bias is made, which is the same numbers in memory."""

    right = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.start = torch.zeros(1, hidden_size)
        self.weight = nn.Parameter(torch.randn(input_size + hidden_size, hidden_size))
        self.bias = nn.Parameter(self.start)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        states = []
        for x_t in x:
            total = torch.cat([x_t, h], 1) @ self.weight
            h = torch.tanh(total + self.bias if self.right else total)
            states.append(h)
        return torch.stack(states)


class WithoutBias(SharedMemory):
    right = False


@pytest.mark.slow
@pytest.mark.explained
def test_one_memory_is_one_weight() -> None:
    for dtype in ("float32", "float64"):
        assert check(SharedMemory, cell="rnn", dtype=dtype, witness=False).verdict is Verdict.EQUIVALENT
    report = check(WithoutBias, cell="rnn", witness=False)
    assert (report.verdict, report.findings[0].slug) == (Verdict.MISMATCH, "missing-bias")


class Reshaped(nn.Module):
    """Reshapes x to rows of timesteps where it should be transposed."""

    right = False

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.RNN(input_size, hidden_size, batch_first=True)

    def forward(self, x: Tensor, h: Tensor) -> Any:
        y, h = self.inner(x.transpose(0, 1) if self.right else x.reshape(x.shape[1], x.shape[0], -1), h)
        return y.transpose(0, 1), h


class Transposed(Reshaped):
    right = True


@pytest.mark.slow
@pytest.mark.explained
def test_a_reshape_is_told_from_a_transpose() -> None:
    report = check(Reshaped, cell="rnn", witness=False)
    assert (report.verdict, report.findings[0].slug) == (Verdict.MISMATCH, "batch-time-swapped")
    assert check(Transposed, cell="rnn", witness=False).verdict is Verdict.EQUIVALENT


class WithASnapshot(nn.Module):
    """A buffer that the walk meets first lies in the memory of a parameter."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        inner = nn.RNN(input_size, hidden_size)
        self.register_buffer("snapshot", inner.weight_hh_l0.detach())
        self.inner = inner

    def forward(self, x: Tensor, h: Tensor) -> Any:
        return self.inner(x, h)


def test_a_parameter_stands_for_its_memory() -> None:
    assert check(WithASnapshot, cell="rnn", witness=False).verdict is Verdict.EQUIVALENT
