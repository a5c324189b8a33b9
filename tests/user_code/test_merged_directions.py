"""Layers of both directions that add them, or take their mean, where torch returns both."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from user_code.sources import Write

from rnncheck import check
from rnncheck.report import Verdict


class OutputAlone(nn.Module):
    """Wrong: of torch's layer inside, the sum of both directions is all that is returned."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inside = nn.LSTM(input_size, hidden_size, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        forward, reverse = self.inside(x)[0].chunk(2, -1)
        return forward + reverse


class WithSummedState(OutputAlone):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        output, (h, _) = self.inside(x)
        return sum(output.chunk(2, -1)), h.sum(0)  # type: ignore[return-value]


class OwnDirections(nn.Module):
    """Wrong: it returns the mean of two layers, one of which reads from the last step to the first."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.forth, self.back = nn.GRU(input_size, hidden_size), nn.GRU(input_size, hidden_size)

    def read_back(self, x: Tensor) -> Tensor:
        return self.back(x.flip(0))[0].flip(0)

    def forward(self, x: Tensor) -> Tensor:
        return (self.forth(x)[0] + self.read_back(x)) / 2


class NotFlipped(OwnDirections):
    def read_back(self, x: Tensor) -> Tensor:
        return self.back(x.flip(0))[0]


@pytest.mark.explained
@pytest.mark.patient
@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("candidate", "cell", "names"),
    [
        (OutputAlone, "lstm", {"directions-summed"}),
        (WithSummedState, "lstm", {"directions-summed"}),
        (OwnDirections, "gru", {"directions-summed"}),
        (NotFlipped, "gru", {"directions-summed", "reverse-not-flipped"}),
    ],
)
def test_the_merge_is_named(candidate: type, cell: str, names: set[str]) -> None:
    report = check(candidate, cell=cell, bidirectional=True, witness=False)
    assert report.verdict is Verdict.MISMATCH
    assert {finding.slug for finding in report.findings} == names


class Both(OwnDirections):
    """Right: it returns the outputs of both directions, and their mean beside."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        joined = torch.cat([self.forth(x)[0], self.read_back(x)], -1)
        return joined, super().forward(x)


def test_a_mean_beside_the_outputs_takes_nothing_from_them() -> None:
    report = check(Both, cell="gru", bidirectional=True, witness=False)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "result[1] was not compared" in str(report.reason)


ENCODER = """
import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self, hidden_size, embedding, n_layers=1):
        super().__init__()
        self.units, self.embedding = hidden_size, embedding
        self.gru = nn.GRU(hidden_size, hidden_size, n_layers, bidirectional=True)

    def forward(self, ids, lengths, hidden=None):
        packed = nn.utils.rnn.pack_padded_sequence(self.embedding(ids), lengths, enforce_sorted=False)
        output, hidden = self.gru(packed, hidden)
        output, _ = nn.utils.rnn.pad_packed_sequence(output)
        return output[:, :, : self.units] + output[:, :, self.units :], hidden
"""


@pytest.mark.slow
@pytest.mark.explained
def test_an_embedding_is_made_for_a_constructor_that_takes_one(write: Write, rnncheck: Callable[..., Any]) -> None:
    write(ENCODER)
    refused = rnncheck("compare", "mine.py:Encoder", "--input-size", "3")
    assert "the torch.nn.GRU in it reads as many features as it has units; add --input-size 4" in refused.stderr
    outcome = rnncheck("compare", "mine.py:Encoder", "--no-witness")
    assert outcome.code == 1
    assert "directions-summed" in outcome.stdout
