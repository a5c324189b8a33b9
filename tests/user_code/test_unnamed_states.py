"""A parameter that may be left out, and whose name says nothing, may be the initial state."""

from typing import Any

import pytest
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


@pytest.mark.slow
def test_what_is_wrong_with_a_state_is_a_mismatch() -> None:
    assert check(FromHalf, cell="lstm", witness=False).verdict is Verdict.MISMATCH


class Unused(Zustand):
    def forward(self, x: Tensor, attn_mask: Any = None, labels: Any = None, extra: Any = None) -> Any:
        return super().forward(x)


@pytest.mark.slow
def test_what_changes_nothing_is_no_state() -> None:
    assert check(Unused, cell="lstm", witness=False).verdict is Verdict.EQUIVALENT
