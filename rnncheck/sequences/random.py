"""Random sequences and initial states, drawn on the host in float64 from a seed."""

from collections.abc import Iterator
from typing import Literal

import torch

from rnncheck.randomness import Draws, Stream
from rnncheck.sequences.base import FloatArray, Sequences
from rnncheck.spec import Cell, Spec
from rnncheck.trace import State

Init = Literal["normal", "uniform"]


def random_sequences(
    input_size: int,
    seq_len: int,
    batch_size: int,
    *,
    lengths: tuple[int, ...] | None = None,
    seed: int = 0,
    init: Init = "normal",
) -> Sequences:
    """x (T, B, I): what `torch.randn` or, for uniform, `torch.rand` gives after `torch.manual_seed(seed)`.

    Rows with lengths are zero behind their end.
    """

    def chunks(steps: int) -> Iterator[FloatArray]:
        draws = Draws(seed, Stream.SEQUENCES)
        for start in range(0, seq_len, steps):
            shape = (min(steps, seq_len - start), batch_size, input_size)
            x = (draws.normal(shape) if init == "normal" else draws.uniform(shape)).numpy()
            for row, length in enumerate(lengths or ()):
                x[max(length - start, 0) :, row] = 0.0
            yield x

    source = {"source": "random", "seed": seed, "init": init}
    return Sequences(chunks, batch_size, input_size, seq_len, lengths, source)


def initial_state(spec: Spec, batch_size: int, *, seed: int = 0, kind: Literal["random", "zeros"] = "random") -> State:
    """h0 (L*D, B, R), and for the LSTM c0 (L*D, B, H): zeros, or values from U(-1, 1), where tanh puts a state."""
    rows = spec.num_layers * spec.directions
    shape_h, shape_c = (rows, batch_size, spec.state_size), (rows, batch_size, spec.hidden_size)
    draws = Draws(seed, Stream.INITIAL_STATE)

    def state(shape: tuple[int, ...]) -> torch.Tensor:
        return draws.uniform(shape, -1, 1) if kind == "random" else torch.zeros(shape, dtype=torch.float64)

    return State(state(shape_h), state(shape_c) if spec.cell is Cell.LSTM else None)
