"""Weights that are computed from others are compared by what comes out, if torch's can."""

import warnings

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from rnncheck import check
from rnncheck.errors import CannotRun
from rnncheck.report import Verdict


class Plain(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.x2h, self.h2h = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.change()

    def change(self) -> None: ...

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.x2h(x) + self.h2h(h))


class WeightNorm(Plain):
    def change(self) -> None:
        parametrizations.weight_norm(self.h2h)


class OldWeightNorm(Plain):
    def change(self) -> None:
        with warnings.catch_warnings(action="ignore"):
            nn.utils.weight_norm(self.h2h)


class WeightNormTwice(WeightNorm):
    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.x2h(x) + 2 * self.h2h(h))


class SpectralNorm(Plain):
    def change(self) -> None:
        parametrizations.spectral_norm(self.h2h)


class Doubled(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


class NoInverse(Plain):
    def change(self) -> None:
        parametrize.register_parametrization(self.h2h, "weight", Doubled())


@pytest.mark.parametrize("candidate", [WeightNorm, OldWeightNorm])
def test_a_norm_that_any_weight_comes_out_of_is_no_obstacle(candidate: type[nn.Module]) -> None:
    report = check(candidate, cell="rnn")
    assert report.verdict is Verdict.EQUIVALENT
    assert ("h2h.weight", "weight_hh_l0") in [(each.candidate, each.from_) for each in report.mapping]


@pytest.mark.slow
def test_what_is_wrong_behind_it_is_found() -> None:
    assert check(WeightNormTwice, cell="rnn", diagnose=False).verdict is Verdict.MISMATCH


@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        (SpectralNorm, "_SpectralNorm, which cannot produce every weight"),
        (NoInverse, "Doubled, which has no right_inverse"),
    ],
)
def test_one_that_torch_s_weights_cannot_come_out_of_is_refused(candidate: type[nn.Module], said: str) -> None:
    with pytest.raises(CannotRun, match=f"h2h.weight is computed by {said}"):
        check(candidate, cell="rnn")


def test_a_living_layer_stays_parametrized() -> None:
    layer = WeightNorm(3, 4)
    before = layer.h2h.weight.clone()
    assert check(layer).verdict is Verdict.EQUIVALENT
    assert parametrize.is_parametrized(layer.h2h, "weight")
    assert torch.equal(layer.h2h.weight, before)


class WeightDrop(nn.Module):
    """A recurrent weight is held under another name, and put in its place, with or without dropout, in every call."""

    scale = 1.0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.GRU(input_size, hidden_size)
        self.whole = self.inner.weight_hh_l0
        del self.inner._parameters["weight_hh_l0"]

    def forward(self, x: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
        dropped = nn.functional.dropout(self.whole, 0.3, training=self.training)
        self.inner.weight_hh_l0 = dropped if self.scale == 1 else nn.Parameter(dropped * self.scale)
        output, h_n = self.inner(x, h0)
        return output, h_n


class WeightDropScaled(WeightDrop):
    scale = 0.7


def test_a_weight_that_is_dropped_in_every_call_is_no_obstacle() -> None:
    assert check(WeightDrop, cell="gru", witness=False).verdict is Verdict.EQUIVALENT


@pytest.mark.slow  # it is differentiated by trying each number, as the one before
def test_a_weight_that_is_scaled_and_dropped_is_not_right() -> None:
    assert check(WeightDropScaled, cell="gru", read_seconds=1, diagnose=False).verdict is not Verdict.EQUIVALENT
