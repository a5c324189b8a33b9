"""Random sequences and initial states, drawn on the host in float64 from a seed."""

from collections.abc import Iterator

import torch

from rnncheck.data.sequences import FloatArray, Sequences
from rnncheck.model.randomness import Draws, Stream, recut
from rnncheck.model.spec import Cell, Init, InitialState, Spec
from rnncheck.model.trace import State


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
    width = batch_size * input_size

    def chunks(steps: int) -> Iterator[FloatArray]:
        draws = Draws(seed, Stream.SEQUENCES)
        spans = [(start, min(steps, seq_len - start)) for start in range(0, seq_len, steps)]
        # Cut from one stream, so that x is the same however long the chunks are.
        blocks = draws.normal_blocks if init == "normal" else draws.uniform_blocks
        pieces = recut(blocks(seq_len * width), (length * width for _, length in spans))
        for (start, length), piece in zip(spans, pieces, strict=True):
            x = piece.view(length, batch_size, input_size).numpy()
            for row, end in enumerate(lengths or ()):
                x[max(end - start, 0) :, row] = 0.0
            yield x

    source = {"source": "random", "seed": seed, "init": init}
    return Sequences(chunks, batch_size, input_size, seq_len, lengths, source)


def initial_state(spec: Spec, batch_size: int, *, seed: int = 0, kind: InitialState = "random") -> State:
    """h0 (L*D, B, R), and for the LSTM c0 (L*D, B, H): zeros, or values from U(-1, 1), where tanh puts a state."""
    rows = spec.num_layers * spec.directions
    shape_h, shape_c = (rows, batch_size, spec.state_size), (rows, batch_size, spec.hidden_size)
    draws = Draws(seed, Stream.INITIAL_STATE)

    def state(shape: tuple[int, ...]) -> torch.Tensor:
        return draws.uniform(shape, -1, 1) if kind == "random" else torch.zeros(shape, dtype=torch.float64)

    return State(state(shape_h), state(shape_c) if spec.cell is Cell.LSTM else None)
