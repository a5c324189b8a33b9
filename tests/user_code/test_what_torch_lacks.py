"""Tensors that torch has nothing like: they keep what the class gives them, or the verdict says what they hold."""

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Report, Verdict


class Elman(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.size = hidden_size
        self.W_xh = nn.Parameter(torch.randn(hidden_size, input_size))
        self.W_hh = nn.Parameter(torch.randn(hidden_size, hidden_size))
        self.b_h = nn.Parameter(torch.zeros(hidden_size))
        self.add()

    def add(self) -> None: ...

    def new(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(x @ self.W_xh.T + h @ self.W_hh.T + self.b_h)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return self.new(x, h)

    def from_state(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        output = []
        for x_t in x:
            h = self.step(x_t, h)
            output.append(h)
        return torch.stack(output), h

    def forward(self, x: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
        return self.from_state(x, h0)


class Leaky(Elman):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return (1 - self.tau) * h + self.tau * self.new(x, h)


class LeakyParameter(Leaky):
    def add(self) -> None:
        self.tau = nn.Parameter(torch.full((self.size,), 0.2))


class LeakyScalar(Leaky):
    def add(self) -> None:
        self.register_buffer("tau", torch.tensor(0.2))


class UnitOff(Elman):
    def add(self) -> None:
        self.register_buffer("mask", torch.arange(self.size).clamp(max=1).float())

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return self.mask * self.new(x, h)


class AllOn(Elman):
    def add(self) -> None:
        self.register_buffer("mask", torch.ones(self.size, self.size))

    def new(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(x @ self.W_xh.T + h @ (self.mask * self.W_hh).T + self.b_h)


class ConstantAdded(Elman):
    def add(self) -> None:
        self.register_buffer("bias_const", torch.ones(self.size))

    def new(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(x @ self.W_xh.T + h @ self.W_hh.T + self.b_h + self.bias_const)


class ResidualScalar(Elman):
    def add(self) -> None:
        self.beta = nn.Parameter(torch.tensor([0.5]))

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return self.new(x, h) + self.beta * h


class StartBuffer(Elman):
    def add(self) -> None:
        self.register_buffer("h0", torch.zeros(1, self.size))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return self.from_state(x, self.h0.expand(x.shape[1], -1))


class StartAttribute(StartBuffer):
    def add(self) -> None:
        self.h0 = torch.zeros(self.size)


class StartElsewhere(StartBuffer):
    def add(self) -> None:
        self.h0 = torch.full((self.size,), 0.7)


class LearnedStart(StartBuffer):
    def add(self) -> None:
        self.h0 = nn.Parameter(torch.randn(1, self.size))


class NeverRead(Elman):
    def add(self) -> None:
        self.theta = nn.Parameter(torch.randn(self.size))


class Counter(nn.RNN):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.register_buffer("steps_seen", torch.tensor(0.0))


class DrawnScale(Elman):
    def add(self) -> None:
        self.gain = nn.Parameter(torch.randn(self.size))

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return self.gain * self.new(x, h)


class ForgetBuffer(nn.Module):
    shape: tuple[int, ...] = ()

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.x, self.h = nn.Linear(input_size, 4 * hidden_size), nn.Linear(hidden_size, 4 * hidden_size)
        self.register_buffer("forget_bias", torch.ones(self.shape or hidden_size))

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = state
        i, f, g, o = (self.x(x) + self.h(h)).chunk(4, 1)
        c = torch.sigmoid(f + self.forget_bias) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class ForgetOne(ForgetBuffer):
    shape = (1,)


def compared(candidate: type[nn.Module], **options: object) -> Report:
    return check(candidate, hidden_size=6, witness=False, **options)  # type: ignore[arg-type]


@pytest.mark.explained
@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "candidate",
    [LeakyParameter, LeakyScalar, UnitOff, ConstantAdded, ResidualScalar, StartElsewhere],
    ids=lambda each: each.__name__,
)
@pytest.mark.slow
def test_a_constant_that_makes_another_model_of_it_is_not_taken_away(candidate: type[nn.Module]) -> None:
    report = compared(candidate, cell="rnn", diagnose=False)
    assert report.verdict is Verdict.MISMATCH
    assert {each.slug for each in report.findings} <= {"own-weights"}


@pytest.mark.explained
@pytest.mark.parametrize("candidate", [AllOn, StartBuffer, StartAttribute, Counter], ids=lambda each: each.__name__)
def test_nor_is_one_that_changes_nothing(candidate: type[nn.Module]) -> None:
    report = compared(candidate, cell="rnn")
    assert (report.verdict, report.findings, report.restrictions) == (Verdict.EQUIVALENT, [], [])


@pytest.mark.explained
@pytest.mark.sample(1)
@pytest.mark.parametrize("candidate", [ForgetBuffer, ForgetOne])
def test_a_bias_of_ones_in_a_buffer_is_called_what_it_is(candidate: type[nn.Module]) -> None:
    report = compared(candidate, cell="lstm")
    assert (report.verdict, [each.slug for each in report.findings]) == (Verdict.MISMATCH, ["forget-bias-added"])


@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        (LearnedStart, "h0, which torch.nn does not have, is zero"),
        (DrawnScale, "gain, which torch.nn does not have, is one"),
    ],
)
def test_with_what_else_it_was_compared_the_verdict_says(candidate: type[nn.Module], said: str) -> None:
    report = compared(candidate, cell="rnn")
    assert (report.verdict, report.restrictions) == (Verdict.EQUIVALENT, [said])


def test_a_parameter_that_nothing_reads_is_told() -> None:
    assert "No compared result depends on theta." in compared(NeverRead, cell="rnn").notes
