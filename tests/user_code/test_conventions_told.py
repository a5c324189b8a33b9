"""What the report says of a class's own ways of storing weights is true of the tensors it says it of."""

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Verdict


class TwoOrders(nn.Module):
    """The gates stand in torch's order in W and b, and in another one in U."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.randn(4 * hidden_size, input_size))
        self.U = nn.Parameter(torch.randn(4 * hidden_size, hidden_size))
        self.b = nn.Parameter(torch.randn(4 * hidden_size))

    def gates(self, x: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        i, f, g, o = (x @ self.W.T + self.b).chunk(4, 1)
        u_i, u_o, u_g, u_f = (h @ self.U.T).chunk(4, 1)
        return i + u_i, f + u_f, g + u_g, o + u_o

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = state
        i, f, g, o = self.gates(x, h)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class BiasOfAnotherGate(TwoOrders):
    """f takes the bias of i, and its own is not read."""

    def gates(self, x: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        i, f, g, o = (x @ self.W.T + h @ self.U.T).chunk(4, 1)
        b_i, _, b_g, b_o = self.b.chunk(4)
        return i + b_i, f + b_i, g + b_g, o + b_o


class NamesExchanged(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.W_xh = nn.Parameter(torch.randn(hidden_size, hidden_size))
        self.W_hh = nn.Parameter(torch.randn(hidden_size, input_size))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(x @ self.W_hh.T + h @ self.W_xh.T)


def test_an_order_of_gates_is_told_of_the_tensor_that_has_it() -> None:
    report = check(TwoOrders, cell="lstm", witness=False)
    assert (report.verdict, list(report.conventions)) == (Verdict.EQUIVALENT, ["the gate order of U is i, o, g, f"])


@pytest.mark.slow
def test_a_bias_that_two_gates_share_has_no_order_of_its_own() -> None:
    report = check(BiasOfAnotherGate, cell="lstm", diagnose=False)
    assert (report.verdict, list(report.conventions)) == (Verdict.MISMATCH, [])


def test_what_multiplies_the_other_side_than_its_name_says_is_told() -> None:
    report = check(NamesExchanged, cell="rnn", input_size=4, hidden_size=4, witness=False)
    assert report.verdict is Verdict.EQUIVALENT
    assert list(report.conventions) == ["unlike their names say, x is multiplied by W_hh and h by W_xh"]


class OutputBatchFirst(nn.Module):
    """Time first, but for its output, unless it is told otherwise."""

    def __init__(self, input_size: int, hidden_size: int, batch_first: bool = False) -> None:
        super().__init__()
        self.inside = nn.GRU(input_size, hidden_size)

    def forward(self, x: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
        output, h = self.inside(x, h0)
        return output.transpose(0, 1), h


def test_an_option_that_nobody_gave_is_not_half_done() -> None:
    report = check(OutputBatchFirst, cell="gru", witness=False)
    assert report.verdict is Verdict.EQUIVALENT
    assert "its output is (B, T, H)" in map(str, report.conventions)


def test_one_that_was_given_is() -> None:
    report = check(OutputBatchFirst, cell="gru", arguments={"batch_first": False}, witness=False)
    assert report.verdict is Verdict.MISMATCH
    assert [each.slug for each in report.findings] == ["option-ignored"]


class PassingOn(nn.Module):
    """Batch first; what it is given goes to a cell, which has no such option."""

    def __init__(self, *arguments: int, **named: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(*arguments, **named)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> object:
        output = []
        for x_t in x.unbind(1):
            state = self.cell(x_t, state)
            output.append(state[0])
        return torch.stack(output, 1), state


def test_an_option_that_is_passed_on_and_not_taken_is_none_of_the_class() -> None:
    assert check(PassingOn, cell="lstm", witness=False).verdict is Verdict.EQUIVALENT
