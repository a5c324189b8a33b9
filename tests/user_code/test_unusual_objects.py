"""Layers that are called, made or kept in a way of their own: run, or refused in words, and never a bug of ours."""

import warnings
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from user_code.sources import RNN, Write

from rnncheck import CannotRun, check

Command = Callable[..., Any]
SMALL: dict[str, Any] = {"seq_len": 5, "batch_size": 2, "witness": False}


class Collects(nn.LSTM):
    def forward(self, *args: Any) -> Any:
        return super().forward(*args)


class ByPosition(nn.GRU):
    def forward(self, input: Tensor, mask: None = None, hx: Tensor | None = None, /) -> Any:
        return super().forward(input, hx)


class KeepsItsOutput(nn.RNN):
    def forward(self, input: Tensor, hx: Any = None) -> Any:
        self.last, h_n = super().forward(input, hx)
        return self.last, h_n


class Lazy(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.x2h, self.h2h = nn.LazyLinear(hidden_size), nn.Linear(hidden_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.x2h(x) + self.h2h(h))


class NeverShaped(Lazy):
    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.h2h(h))


class LazyAndWrong(Lazy):
    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.x2h(x) + self.h2h(h / 2))


def test_a_lazy_layer_is_given_its_shapes() -> None:
    assert check(Lazy, cell="rnn", **SMALL).verdict == "equivalent"
    assert check(LazyAndWrong, cell="rnn", **SMALL).verdict == "mismatch"


def used(layer: nn.Module) -> nn.Module:
    layer(torch.ones(4, 2, 3))
    return layer


@pytest.mark.parametrize(
    "candidate",
    [Collects, ByPosition, partial(nn.GRU, batch_first=True), used(KeepsItsOutput(3, 4))],
    ids=["*args", "positional alone", "partial", "used before"],
)
def test_it_is_run(candidate: object) -> None:
    report = check(candidate, **SMALL)
    assert report.verdict == "equivalent"
    assert report.candidate.read_as is not None
    assert "given no initial state" not in report.candidate.read_as


def test_what_partial_has_set_stays_set() -> None:
    assert "batch first" in str(check(partial(nn.RNN, batch_first=True), **SMALL).candidate.read_as)
    assert check(partial(nn.RNN, nonlinearity="relu"), **SMALL).verdict == "mismatch"


def test_layers_behind_args_alone_are_given_a_state() -> None:
    report = check(nn.DataParallel(nn.GRU(3, 5)), cell="gru", input_size=3, hidden_size=5, **SMALL)
    assert report.verdict == "equivalent"
    assert "given no initial state" not in str(report.candidate.read_as)


def not_copyable() -> nn.Module:
    layer = nn.RNN(3, 4)
    layer.lock = Lock()  # type: ignore[assignment]
    return layer


@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        (lambda: NeverShaped, "NeverShaped is lazy: some of its weights have no shape, also after calls"),
        (lambda: torch.jit.trace(nn.GRU(3, 5), torch.ones(4, 2, 3)), "is compiled by torch.jit; give the class"),
        (not_copyable, "RNN cannot be copied: TypeError"),
    ],
    ids=["lazy", "traced", "locked"],
)
def test_it_is_refused_in_words(candidate: Callable[[], object], said: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing has some of its own
        thing = candidate()
    with pytest.raises(CannotRun, match=said):
        check(thing, cell="rnn", **SMALL)


def test_what_is_asked_under_inference_mode_is_answered() -> None:
    with torch.inference_mode():
        assert check(nn.GRU(3, 5), **SMALL).verdict == "equivalent"
        assert torch.is_inference_mode_enabled()


@pytest.mark.slow
def test_an_exception_of_its_own_kind_is_told_at_its_line(rnncheck: Command, write: Write) -> None:
    write("class Boom(BaseException):\n    pass\n" + RNN.replace("        outputs = []", "        raise Boom('over')"))
    outcome = rnncheck("compare", "mine.py:MyRNN", "--read-seconds", "0.5")
    assert outcome.code == 4
    assert "in forward: Boom: over" in outcome.stderr
    assert "Traceback" not in outcome.stderr
