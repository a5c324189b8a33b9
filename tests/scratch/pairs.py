"""The same layer twice, from scratch and torch.nn's, with the same weights in float64, and calls to make on both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from rnncheck import scratch

CELLS = ("RNN", "LSTM", "GRU")


@dataclass(frozen=True)
class Pair:
    ours: torch.nn.Module
    theirs: torch.nn.Module

    def parameters(self) -> tuple[list[Tensor], list[Tensor]]:
        return list(self.ours.parameters()), list(self.theirs.parameters())


def pair(cell: str, *sizes: int, **options: Any) -> Pair:
    options = {"dtype": torch.float64} | options
    theirs, ours = getattr(torch.nn, cell)(*sizes, **options), getattr(scratch, cell)(*sizes, **options)
    ours.load_state_dict(theirs.state_dict())
    return Pair(ours, theirs)


@dataclass(frozen=True)
class Call:
    """A layer and how it is called: every option at once."""

    cell: str
    sizes: tuple[int, int]
    options: dict[str, Any]
    timesteps: int
    rows: int | None  # None: one sequence without a batch axis
    lengths: list[int] | None  # given: a PackedSequence
    state: bool
    seed: int

    def pair(self) -> Pair:
        torch.manual_seed(self.seed)
        return pair(self.cell, *self.sizes, **self.options)

    def inputs(self) -> list[Tensor]:
        """The input, and h0 (and c0) if given."""
        return [*self._inputs()]

    def _inputs(self) -> Sequence[Tensor]:
        draw = torch.Generator().manual_seed(self.seed)
        i, h = self.sizes
        batch = () if self.rows is None else (self.rows,)
        swapped = self.options["batch_first"] and batch
        shapes = [(*batch, self.timesteps, i) if swapped else (self.timesteps, *batch, i)]
        if self.state:
            k = self.options["num_layers"] * (1 + self.options["bidirectional"])
            shapes.append((k, *batch, self.options.get("proj_size") or h))
            if self.cell == "LSTM":
                shapes.append((k, *batch, h))
        return [torch.randn(shape, generator=draw, dtype=torch.float64) for shape in shapes]

    def run(self, layer: torch.nn.Module, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The output, h_n (and c_n); of a packed output the data."""
        x, *states = inputs
        given: Tensor | PackedSequence = x
        if self.lengths is not None:
            lengths = torch.tensor(self.lengths)
            given = pack_padded_sequence(x, lengths, self.options["batch_first"], enforce_sorted=False)
        hx = None if not states else states[0] if self.cell != "LSTM" else tuple(states)
        output, final = layer(given, hx)
        if isinstance(output, PackedSequence):
            output = output.data
        return [output, *([final] if isinstance(final, Tensor) else final)]


@st.composite
def calls(draw: st.DrawFn, cells: Sequence[str] = CELLS) -> Call:
    cell = draw(st.sampled_from(cells))
    input_size, hidden_size = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    options: dict[str, Any] = {
        "num_layers": draw(st.integers(1, 3)),
        "bias": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "bidirectional": draw(st.booleans()),
    }
    if cell == "RNN":
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    if cell == "LSTM":
        options["proj_size"] = draw(st.integers(0, hidden_size - 1))
    timesteps, rows = draw(st.integers(1, 6)), draw(st.none() | st.integers(0, 4))
    lengths = None
    if rows:
        lengths = draw(st.none() | st.lists(st.integers(1, timesteps), min_size=rows, max_size=rows))
    seed = draw(st.integers(0, 2**16))
    return Call(cell, (input_size, hidden_size), options, timesteps, rows, lengths, draw(st.booleans()), seed)


def assert_same(ours: Sequence[Tensor], theirs: Sequence[Tensor], tolerance: float = 1e-12) -> None:
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)
