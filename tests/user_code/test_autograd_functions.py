"""A torch.autograd.Function is compared by what it applies to; one without a backward, by its states if asked."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import Function

from rnncheck import CannotRun, check
from rnncheck.report import Verdict


class Steps(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, h0: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor) -> Tensor:
        h, states = h0, []
        for x_t in x:
            h = torch.tanh(x_t @ weight_ih.T + h @ weight_hh.T + bias)
            states.append(h)
        return torch.stack(states)


class WithoutTanh(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, h0: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor) -> Tensor:
        h, states = h0, []
        for x_t in x:
            h = x_t @ weight_ih.T + h @ weight_hh.T + bias
            states.append(h)
        return torch.stack(states)


@pytest.mark.explained
def test_without_a_backward_it_cannot_be_trained() -> None:
    report = check(Steps, cell="rnn", witness=False)
    assert [each.slug for each in report.findings] == ["gradient-missing"]


@pytest.mark.explained
@pytest.mark.slow
def test_its_states_alone_are_compared_if_asked() -> None:
    assert check(Steps, cell="rnn", backward=False).verdict is Verdict.EQUIVALENT
    wrong = check(WithoutTanh, cell="rnn", backward=False, witness=False)
    assert wrong.verdict is Verdict.MISMATCH
    assert wrong.findings[0].slug == "wrong-nonlinearity"


class Scan(Function):
    """An LSTM with its backward written out, in which `wrong` says what is wrong."""

    wrong = ""

    @classmethod
    def forward(cls, ctx: Any, x: Tensor, h0: Tensor, c0: Tensor, w_ih: Tensor, w_hh: Tensor, b: Tensor) -> Any:
        hs, cs, gates = [h0], [c0], []
        for x_t in x:
            i, f, g, o = (x_t @ w_ih.T + hs[-1] @ w_hh.T + b).chunk(4, 1)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            cs.append(f * cs[-1] + i * g)
            hs.append(o * cs[-1].tanh())
            gates.append((i, f, g, o))
        ctx.kept = (x, hs, cs, gates, w_ih, w_hh)
        return torch.stack(hs[1:]), hs[-1].clone(), cs[-1].clone()

    @classmethod
    def backward(cls, ctx: Any, d_output: Tensor, dh: Tensor, dc: Tensor) -> Any:
        x, hs, cs, gates, w_ih, w_hh = ctx.kept
        dx, dw_ih, dw_hh, db = torch.zeros_like(x), torch.zeros_like(w_ih), torch.zeros_like(w_hh), 0
        if cls.wrong == "final states":
            dh, dc = torch.zeros_like(dh), torch.zeros_like(dc)
        for t in reversed(range(len(x))):
            (i, f, g, o), tanh_c = gates[t], cs[t + 1].tanh()
            dh = dh + d_output[t]
            dc = dc + dh * o * (1 - tanh_c**2)
            parts = [dc * g * i * (1 - i), dc * cs[t] * f * (1 - f), dc * i * (1 - g**2), dh * tanh_c * o * (1 - o)]
            da = torch.cat(parts, 1)
            if cls.wrong == "gates":
                da = torch.cat([parts[k] for k in (0, 1, 3, 2)], 1)
            dw_ih, db, dx[t] = dw_ih + da.T @ x[t], db + da.sum(0), torch.cat(parts, 1) @ w_ih
            dw_hh = dw_hh + da.T @ hs[t + 1 if cls.wrong == "state after" else t]
            dh, dc = torch.cat(parts, 1) @ w_hh, dc * f
        return dx, dh, dc, dw_ih, dw_hh, db


class Scanned(nn.Module):
    wrong = ""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.w_ih = nn.Parameter(torch.randn(4 * hidden_size, input_size) / 2)
        self.w_hh = nn.Parameter(torch.randn(4 * hidden_size, hidden_size) / 2)
        self.b = nn.Parameter(torch.randn(4 * hidden_size) / 2)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        scan: Any = type("Wrong", (Scan,), {"wrong": self.wrong})
        output, *final = scan.apply(x, *state, self.w_ih, self.w_hh, self.b)
        return output, tuple(final)


@pytest.mark.sample(2)
@pytest.mark.explained
@pytest.mark.parametrize(
    ("wrong", "slug", "variant"),
    [
        ("", None, None),
        ("final states", "state-gradient-wrong", "the final state is left out"),
        ("gates", "weight-gradient-wrong", "weights and biases: g and o exchanged"),
        ("state after", "weight-gradient-wrong", "W_hh: from the state after the step"),
    ],
)
def test_a_handwritten_backward_is_compared_and_its_fault_named(wrong: str, slug: str | None, variant: str) -> None:
    report = check(type("MyLSTM", (Scanned,), {"wrong": wrong}), witness=False)
    assert report.verdict is (Verdict.MISMATCH if slug else Verdict.EQUIVALENT)
    assert [(each.slug, each.variant) for each in report.findings] == ([(slug, variant)] if slug else [])
    assert all(each.agrees for each in report.comparisons if each.mode in ("free", "lockstep"))


class NotWritten(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        return a.tanh()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        raise ValueError("not written yet")


class WithoutBackward(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.both = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return NotWritten.apply(self.both(torch.cat([x, h], -1)))


def test_whatever_a_backward_raises_is_told_at_its_line() -> None:
    with pytest.raises(CannotRun, match=r"in backward: ValueError: not written yet"):
        check(WithoutBackward, cell="rnn")
