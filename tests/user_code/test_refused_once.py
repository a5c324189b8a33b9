"""What cannot be read is tried once: whoever asks again is told the same, at once."""

import time

import pytest
from torch import Tensor, nn

from rnncheck.errors import CannotRun
from rnncheck.mapping import infer
from rnncheck.model.spec import Cell, Spec
from rnncheck.user_code.instances import Instances
from rnncheck.user_code.loading import in_hand
from rnncheck.user_code.understanding import Understanding


class Endless(nn.Module):
    calls = 0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.Linear(input_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor | None = None, first: bool = True) -> Tensor:
        Endless.calls += first
        return self.forward(x, h, False)


class Lacking(nn.Module):
    """Reads a parameter that it does not have."""

    calls = 0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.Linear(input_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        Lacking.calls += 1
        return self.inner(x) + self.bias  # type: ignore[operator]


class Slow(nn.Module):
    calls = 0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.Linear(input_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        Slow.calls += 1
        until = time.thread_time() + 0.2
        while time.thread_time() < until:
            pass
        raise RuntimeError(f"not {len(x)}")


class Unwilling(nn.Module):
    calls = 0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.Linear(input_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        Unwilling.calls += 1
        raise RuntimeError("not today")


def understanding_of(layer: type[nn.Module], seconds: float = 10.0) -> Understanding:
    return Understanding(
        Instances(in_hand(layer), {}),
        lambda make, spec, budget, faults: infer(make, spec, budget, faults=faults),
        seconds,
    )


def test_a_refusal_is_kept() -> None:
    understanding = understanding_of(Unwilling)
    calls = []
    for _ in range(2):
        with pytest.raises(CannotRun, match="not today"):
            understanding.facts(Spec(cell=Cell.RNN))
        calls.append(Unwilling.calls)
    assert calls[0] == calls[1] > 0


def test_what_raises_the_same_at_every_call_is_not_tried_as_another_shape() -> None:
    understanding = understanding_of(Unwilling)
    with pytest.raises(CannotRun, match="not today"):
        understanding.facts(Spec(cell=Cell.RNN))
    calls = Unwilling.calls
    with pytest.raises(CannotRun, match="not today"):
        understanding.refuses(Spec(cell=Cell.RNN))
    assert Unwilling.calls == calls


def test_what_calls_itself_without_end_is_called_in_few_ways() -> None:
    with pytest.raises(CannotRun, match="RecursionError"):
        understanding_of(Endless).refuses(Spec(cell=Cell.RNN))
    assert 0 < Endless.calls < 10


def test_no_further_call_is_made_once_the_time_is_spent() -> None:
    with pytest.raises(CannotRun, match="not "):
        understanding_of(Slow, 0.3).refuses(Spec(cell=Cell.RNN))
    assert 0 < Slow.calls < 8


def test_code_that_reads_what_the_module_does_not_have_is_called_with_one_form_of_x() -> None:
    with pytest.raises(CannotRun, match="no attribute 'bias'"):
        understanding_of(Lacking).refuses(Spec(cell=Cell.RNN))
    assert 0 < Lacking.calls < 20
