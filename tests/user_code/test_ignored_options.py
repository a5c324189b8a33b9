"""An option that a constructor takes and that has no effect is a fault, whatever else agrees."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Report, Verdict


class Wrapped(nn.Module):
    """It hands its options on."""

    def __init__(self, input_size: int, hidden_size: int, batch_first: bool = False, bias: bool = True) -> None:
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size, batch_first=batch_first, bias=bias)

    def forward(self, x: Tensor, h0: Tensor | None = None) -> Any:
        return self.rnn(x, h0)


class Deaf(Wrapped):
    def __init__(self, input_size: int, hidden_size: int, batch_first: bool = False, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size)


class AlwaysBatchFirst(Wrapped):
    def __init__(self, input_size: int, hidden_size: int, batch_first: bool = False, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)


class NeverBiased(Wrapped):
    def __init__(self, input_size: int, hidden_size: int, batch_first: bool = False, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size, batch_first, bias=False)


def checked(candidate: type, **options: Any) -> Report:
    return check(candidate, input_size=4, hidden_size=6, batch_size=3, seq_len=7, cell="rnn", **options)


@pytest.mark.explained
@pytest.mark.parametrize(
    ("candidate", "options", "option", "seen"),
    [
        (Deaf, {"batch_first": True}, "batch_first", "made with batch_first=True, it reads x as (T, B, I)"),
        (AlwaysBatchFirst, {}, "batch_first", "made with batch_first=False, it reads x as (B, T, I)"),
        (Deaf, {"bias": False}, "bias", "made with bias=False, it adds rnn.bias_hh_l0, rnn.bias_ih_l0"),
    ],
)
def test_it_is_named_and_all_else_is_compared(candidate: type, options: dict[str, Any], option: str, seen: str) -> None:
    report = checked(candidate, **options)
    assert report.verdict is Verdict.MISMATCH
    assert [(each.slug, each.variant, each.message) for each in report.findings] == [("option-ignored", option, seen)]
    assert [each.quantity for each in report.comparisons if not each.agrees] == [f"option {option}"]
    assert {"output", "h_n", "h"} <= {each.quantity for each in report.comparisons}


@pytest.mark.parametrize("options", [{}, {"batch_first": True}, {"bias": False}])
def test_options_that_are_heeded_are_none(options: dict[str, Any]) -> None:
    assert checked(Wrapped, **options).verdict is Verdict.EQUIVALENT


def test_a_layer_that_has_no_biases_does_without_them() -> None:
    assert checked(NeverBiased, bias=False).verdict is Verdict.EQUIVALENT


class BatchFirstByDefault(Wrapped):
    def __init__(self, input_size: int, hidden_size: int, batch_first: bool = True) -> None:
        super().__init__(input_size, hidden_size, batch_first)


class BatchFirstForGood(Wrapped):
    def __init__(self, input_size: int, hidden_size: int, batch_first: bool = True) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)


class TimeFirstForGood(Wrapped):
    def __init__(self, input_size: int, hidden_size: int, batch_first: bool = True) -> None:
        super().__init__(input_size, hidden_size)


@pytest.mark.parametrize("candidate", [BatchFirstByDefault, BatchFirstForGood])
def test_what_is_batch_first_by_default_is_left_so_and_the_verdict_says_so(candidate: type) -> None:
    report = checked(candidate)
    assert report.verdict is Verdict.EQUIVALENT
    assert report.conventions == ("it is batch first by default",)
    assert checked(candidate, batch_first=True).conventions == ()


@pytest.mark.explained
def test_a_default_that_is_not_heeded_is_named() -> None:
    report = checked(TimeFirstForGood)
    assert report.verdict is Verdict.MISMATCH
    assert [each.message for each in report.findings] == ["made with batch_first=True, it reads x as (T, B, I)"]


@pytest.mark.explained
@pytest.mark.parametrize(
    ("candidate", "slugs"), [(BatchFirstByDefault, []), (BatchFirstForGood, ["option-ignored"]), (Wrapped, [])]
)
def test_what_its_user_tells_it_is_what_it_is_told(candidate: type, slugs: list[str]) -> None:
    report = checked(candidate, arguments={"batch_first": candidate is Wrapped})
    assert [each.slug for each in report.findings] == slugs
    assert report.verdict is (Verdict.MISMATCH if slugs else Verdict.EQUIVALENT)


class OneLayer(nn.Module):
    """It has one layer in one direction, whatever it is told."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bidirectional: bool = False, num_classes: int = 3
    ) -> None:
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size)

    def forward(self, x: Tensor, h0: Tensor | None = None) -> Any:
        return self.rnn(x, h0)


class OneLayerBelowAHead(OneLayer):
    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bidirectional: bool = False, num_classes: int = 3
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.head = nn.Linear(hidden_size, num_classes)

    def forward(self, x: Tensor, h0: Tensor | None = None) -> Any:
        return self.head(self.rnn(x, h0)[0][-1])


class SharedLayers(OneLayer):
    """The layers have the same weights: the option has an effect, though it adds no tensors."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1) -> None:
        super().__init__(input_size, hidden_size)
        self.num_layers = num_layers

    def forward(self, x: Tensor, h0: Tensor | None = None) -> Any:
        states = []
        for each in range(self.num_layers):
            x, h = self.rnn(x, None if h0 is None else h0[each : each + 1])
            states.append(h)
        return x, torch.cat(states)


@pytest.mark.explained
@pytest.mark.sample(2)
@pytest.mark.parametrize("candidate", [OneLayer, OneLayerBelowAHead])
@pytest.mark.parametrize(("option", "value", "own"), [("num_layers", 2, 1), ("bidirectional", True, False)])
def test_layers_and_directions_that_are_not_made_are_named(
    candidate: type, option: str, value: object, own: object
) -> None:
    report = checked(candidate, **{option: value}, witness=False)
    assert report.verdict is Verdict.MISMATCH
    assert [(each.slug, each.variant) for each in report.findings] == [("option-ignored", option)]
    assert report.findings[0].message == (
        f"made with {option}={value}, it has the tensors and the results that it has with {option}={own}; all else was "
        f"compared with {option}={own}"
    )
    assert [each.quantity for each in report.comparisons if not each.agrees] == [f"option {option}"]


@pytest.mark.slow
@pytest.mark.explained
def test_layers_that_share_their_weights_are_made() -> None:
    report = check(SharedLayers, input_size=4, hidden_size=4, cell="rnn", num_layers=2, witness=False)
    assert [each.slug for each in report.findings] == ["layers-share-weights"]
