"""Which timesteps to keep of a long run: the first, the last, and those around the first divergence."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Segment:
    """Consecutive timesteps of both sides, (n, B, W) each, from `start` on."""

    start: int
    candidate: Tensor
    reference: Tensor

    @property
    def stop(self) -> int:
        return self.start + len(self.reference)

    def between(self, start: int, stop: int) -> "Segment":
        """What it holds of [start, stop), copied, so that the rest of a chunk can be freed."""
        start = max(start, self.start)
        span = slice(start - self.start, max(stop - self.start, 0))
        return Segment(start, self.candidate[span].clone(), self.reference[span].clone())

    def then(self, later: "Segment") -> "Segment":
        sides = ((self.candidate, later.candidate), (self.reference, later.reference))
        return Segment(self.start, *(torch.cat(side) for side in sides))


class Excerpt:
    """About `rows` timesteps (None: all of them), kept while chunks go by."""

    def __init__(self, rows: int | None) -> None:
        self._rows = rows
        self._all: list[Segment] = []
        self._head: Segment | None = None
        self._tail: Segment | None = None
        self._around: Segment | None = None
        self._wanted = (0, 0)  # around the first divergence

    def add(self, chunk: Segment, divergence: int | None) -> None:
        """The next timesteps; `divergence` is where the two sides part first, if that is in this chunk."""
        if self._rows is None:
            self._all.append(chunk)
            return
        if self._rows == 0:
            return
        recent = chunk if self._tail is None else self._tail.then(chunk)
        if chunk.start < self._rows:
            self._head = recent.between(0, self._rows)
        if divergence is not None:
            self._wanted = (divergence - self._rows // 6, divergence + self._rows // 3)
        if self._wanted[1] > chunk.start:
            self._around = recent.between(*self._wanted)
        self._tail = recent.between(recent.stop - self._rows, recent.stop)

    def segments(self) -> list[Segment]:
        """What is kept, in the order of time and without overlap."""
        if self._head is None or self._tail is None or self._rows is None:
            return self._all
        if self._tail.stop <= self._rows:
            return [self._head]
        share = max(1, self._rows // (3 if self._around else 2))
        kept: list[Segment] = []
        stop = 0
        for piece in (
            self._head.between(0, share),
            self._around,
            self._tail.between(self._tail.stop - share, self._tail.stop),
        ):
            if piece is not None and piece.stop > stop:
                kept.append(piece.between(stop, piece.stop))
                stop = piece.stop
        return kept
