"""h and c that are returned with different axes: exchanged axes are a fault, and one that is left out is told."""

from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Report, Verdict


class Returning(nn.Module):
    """torch's LSTM, with h and c changed."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1) -> None:
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers)

    def forward(self, x: Tensor, state: Any = None) -> Any:
        output, (h, c) = self.lstm(x, state)
        return output, (self.of_h(h), self.of_c(c))

    def of_h(self, h: Tensor) -> Tensor:
        return h

    of_c = of_h


class ExchangedC(Returning):
    def of_c(self, c: Tensor) -> Tensor:
        return c.transpose(0, 1)


class ExchangedH(Returning):
    def of_h(self, h: Tensor) -> Tensor:
        return h.transpose(0, 1)


class BothExchanged(ExchangedC, ExchangedH):
    """As an encoder returns its states to an attention."""


class WithoutLayers(Returning):
    def of_c(self, c: Tensor) -> Tensor:
        return c[0]


def report_of(candidate: Callable[..., Any], layers: int = 1) -> Report:
    return check(candidate, num_layers=layers, witness=False, diagnose=False)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("candidate", [ExchangedC, ExchangedH])
def test_axes_that_are_exchanged_in_one_of_them_are_a_fault(candidate: Callable[..., Any], layers: int) -> None:
    report = report_of(candidate, layers)
    assert report.verdict is Verdict.MISMATCH
    assert [each.slug for each in report.findings] == ["result-shape"]
    assert "h is returned as (" in report.findings[0].message


@pytest.mark.parametrize("candidate", [Returning, BothExchanged])
def test_axes_that_both_have_are_no_fault(candidate: Callable[..., Any]) -> None:
    report = report_of(candidate)
    assert report.verdict is Verdict.EQUIVALENT
    assert not [each for each in report.conventions if "and c as" in each]


def test_an_axis_that_one_of_them_lacks_is_told() -> None:
    report = report_of(WithoutLayers)
    assert report.verdict is Verdict.EQUIVALENT
    assert "it returns h as (1, B, H) and c as (B, H)" in report.conventions
