"""Sequences: x in chunks along time, so that data of any length runs in bounded memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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
