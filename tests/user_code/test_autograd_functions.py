"""A torch.autograd.Function is compared by what it applies to; one without a backward, by its states if asked."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from rnncheck import check
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


def test_without_a_backward_it_cannot_be_trained() -> None:
    report = check(Steps, cell="rnn", witness=False)
    assert [each.slug for each in report.findings] == ["gradient-missing"]


def test_its_states_alone_are_compared_if_asked() -> None:
    assert check(Steps, cell="rnn", backward=False).verdict is Verdict.EQUIVALENT
    wrong = check(WithoutTanh, cell="rnn", backward=False, witness=False)
    assert wrong.verdict is Verdict.MISMATCH
    assert wrong.findings[0].slug == "wrong-nonlinearity"
