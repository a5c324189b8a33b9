"""Sequences: x in chunks along time, so that data of any length runs in bounded memory; from an array, or random."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from rnncheck.errors import DataError, UsageError
from rnncheck.model.randomness import Draws, Stream, recut
from rnncheck.model.spec import Cell, Init, InitialState, Spec
from rnncheck.model.trace import State

FloatArray = NDArray[np.float64]


class Chunks(Protocol):
    """Opens the data anew and yields x, (t, B, I) float64, `steps` timesteps at a time (the last may be shorter)."""

    def __call__(self, steps: int) -> Iterator[FloatArray]: ...


@dataclass(frozen=True)
class Sequences:
    """B sequences of I features each, read in chunks along time.

    `seq_len` is None while it is not known without reading to the end. `lengths` gives each row's own length
    where they differ; x is zero behind it. `source` says where the data came from, in facts for the report.
    `notes` is read after the last chunk: what the reader wants to say about what it met on the way.
    """

    chunks: Chunks
    batch_size: int
    input_size: int
    seq_len: int | None = None
    lengths: tuple[int, ...] | None = None
    source: Mapping[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def array_sequences(data: object, lengths: Sequence[int] | None = None, *, allow_nonfinite: bool = False) -> Sequences:
    """x (T, B, I), or (T, I) for one sequence: a tensor, an array or nested lists of real numbers. It is copied.

    Rows with lengths are zero behind their end. Raises `DataError` for anything else, and `UsageError` for lengths
    that do not fit it.
    """
    x = float64(data)
    if x.ndim == 2:
        x = x[:, None]
    if x.ndim != 3 or 0 in x.shape:
        raise DataError(f"data has the shape {np.shape(x)}; it must be (T, B, I), or (T, I) for one sequence")
    if not allow_nonfinite and not np.isfinite(x).all():
        t, b, i = (int(index[0]) for index in np.nonzero(~np.isfinite(x)))
        raise DataError(f"data[{t}, {b}, {i}] is {x[t, b, i]}, not a finite number; allow_nonfinite=True takes it")
    seq_len, batch_size, input_size = x.shape
    ends = None if lengths is None else tuple(int(each) for each in lengths)
    if ends is not None and (len(ends) != batch_size or not all(1 <= each <= seq_len for each in ends)):
        raise UsageError(f"lengths is {ends}; data takes {batch_size} whole numbers from 1 to {seq_len}")
    for row, end in enumerate(ends or ()):
        x[end:, row] = 0.0

    def chunks(steps: int) -> Iterator[FloatArray]:
        for start in range(0, seq_len, steps):
            yield x[start : start + steps].copy()

    return Sequences(chunks, batch_size, input_size, seq_len, ends, {"source": "array"})


def float64(data: object) -> FloatArray:
    """A copy of its own."""
    if isinstance(data, torch.Tensor):
        if data.is_complex() or data.is_sparse:
            raise DataError(f"data is a tensor of {data.dtype}, {data.layout}; it must be a dense one of real numbers")
        return data.detach().to("cpu", torch.float64, copy=True).numpy()
    try:
        array = np.asarray(data)
    except ValueError as problem:
        raise DataError(f"data is no array: {problem}") from None
    if array.dtype.kind not in "biuf":
        raise DataError(f"data is {type(data).__name__} of {array.dtype}; it must be an array of real numbers")
    return array.astype(np.float64)


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
