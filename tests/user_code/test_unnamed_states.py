"""A parameter that may be left out, and whose name says nothing, may be the initial state."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Verdict


class Zustand(nn.Module):
    """Right: its initial state has a name in another language."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inside = nn.LSTM(input_size, hidden_size)

    def forward(self, x: Tensor, zustand: Any = None) -> Any:
        return self.inside(x, zustand)


class FromHalf(Zustand):
    """Wrong: it starts from half of the state that it is given."""

    def forward(self, x: Tensor, zustand: Any = None) -> Any:
        return super().forward(x, None if zustand is None else (zustand[0] / 2, zustand[1]))


class Scaled(Zustand):
    """Right: what may be left out is a factor for the output."""

    def forward(self, x: Tensor, factor: Any = None) -> Any:
        output, state = super().forward(x)
        return (output if factor is None else output * factor), state


class Residual(Zustand):
    """Right: what may be left out is added to the last state."""

    def forward(self, x: Tensor, more: Any = None) -> Any:
        output, (h, c) = super().forward(x)
        return output, (h if more is None else h + more, c)


@pytest.mark.parametrize("candidate", [Zustand, Scaled, Residual])
def test_it_is_a_state_only_where_the_layer_is_right_with_it(candidate: type) -> None:
    report = check(candidate, cell="lstm", witness=False)
    assert report.verdict is Verdict.EQUIVALENT
    assert any("given no initial state" in note for note in report.notes) == (candidate is not Zustand)


class Conditioned(nn.Module):
    """Right, where nothing is added to what the new gate is computed of: that is nearly as a state would act."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.w, self.u = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def forward(self, x: Tensor, extra: Any = None) -> Any:
        more = 0 if extra is None else extra.view(x.shape[1], -1)
        h, states = x.new_zeros(x.shape[1], self.u.out_features), []
        for x_t in x:
            h = torch.tanh(self.w(x_t) + self.u(h) + more)
            states.append(h)
        return torch.stack(states)


@pytest.mark.parametrize(("candidate", "cell", "name"), [(FromHalf, "lstm", "zustand"), (Conditioned, "rnn", "extra")])
def test_what_may_be_a_state_and_is_wrong_with_it_is_left_open(candidate: type, cell: str, name: str) -> None:
    report = check(candidate, cell=cell, witness=False)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert f"given {name} as its initial state" in str(report.reason)


class Widened(Conditioned):
    """Right: it adds what broadcasts to another shape."""

    def forward(self, x: Tensor, extra: Any = None) -> Any:
        h, states = x.new_zeros(x.shape[1], self.u.out_features), []
        for x_t in x:
            a = self.w(x_t) + self.u(h)
            h = torch.tanh(a if extra is None else a + extra[..., None, :])
            states.append(h)
        return torch.stack(states)


def test_what_changes_the_shape_of_the_result_is_no_state() -> None:
    assert check(Widened, cell="rnn", witness=False).verdict is Verdict.EQUIVALENT


class OfAll(Zustand):
    """Wrong: it starts from another state than that among its arguments."""

    def forward(self, *args: Any) -> Any:  # type: ignore[override]
        h, c = (
            args[1] if len(args) > 1 else 2 * (torch.zeros(1, args[0].shape[1], self.inside.hidden_size).to(args[0]),)
        )
        return self.inside(args[0], (h + 0.1, c))


def test_among_all_arguments_it_is_a_state_whatever_it_does() -> None:
    assert check(OfAll, cell="lstm", witness=False).verdict is Verdict.MISMATCH


class Unused(Zustand):
    def forward(self, x: Tensor, attn_mask: Any = None, labels: Any = None, extra: Any = None) -> Any:
        return super().forward(x)


@pytest.mark.slow
def test_what_changes_nothing_is_no_state() -> None:
    assert check(Unused, cell="lstm", witness=False).verdict is Verdict.EQUIVALENT


class OfTwo(Zustand):
    """Right: each state has a parameter of its own, and neither the name of one."""

    def forward(self, x: Tensor, past: Any = None, memory: Any = None) -> Any:
        return self.inside(x, None if past is None else (past, memory))


class OfTwoOthers(Zustand):
    def forward(self, x: Tensor, *, memory: Any = None, prior: Any = None) -> Any:
        return self.inside(x, None if prior is None else (prior, memory))


@pytest.mark.parametrize("candidate", [OfTwo, OfTwoOthers])
def test_two_of_them_are_h_and_c(candidate: type) -> None:
    report = check(candidate, cell="lstm", witness=False)
    assert report.verdict is Verdict.EQUIVALENT
    assert not any("given no initial" in note for note in report.notes)
