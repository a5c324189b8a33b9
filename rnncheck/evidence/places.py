"""The place of a difference, and which timesteps of a long run the report keeps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.model.spec import Spec
from rnncheck.report import Place

Locate = Callable[[int, int, int], Place]  # row, batch, column
DIRECTIONS = ("forward", "reverse")


def in_output(spec: Spec) -> Locate:
    """For output (T, B, D*R): the last layer's state at each step, forward units first."""

    def place(row: int, batch: int, column: int) -> Place:
        direction, unit = divmod(column, spec.state_size)
        return Place(row, batch, unit, spec.num_layers - 1, DIRECTIONS[direction])

    return place


def in_head(spec: Spec) -> Locate:
    """For y (T, B, H), the head's outputs, which read both directions."""
    return lambda row, batch, column: Place(row, batch, column, spec.num_layers - 1, DIRECTIONS[0])


def in_final_state(spec: Spec, ends: Sequence[int]) -> Locate:
    """For h_n, c_n (L*D, B, R): `ends` is each row's number of timesteps; the reverse direction ends at t = 0."""

    def place(row: int, batch: int, column: int) -> Place:
        layer, direction = divmod(row, spec.directions)
        t = 0 if direction else ends[batch] - 1
        return Place(t, batch, column, layer, DIRECTIONS[direction])

    return place


@dataclass(frozen=True)
class Segment:
    """Consecutive timesteps of both sides, (n, B, W) each, from `start` on, and the allowance if it is a tensor."""

    start: int
    candidate: Tensor
    reference: Tensor
    allowed: Tensor | None = None

    @property
    def stop(self) -> int:
        return self.start + len(self.reference)


class Excerpt:
    """Keeps at most `rows` timesteps (None: all) over the chunks of a run."""

    def __init__(self, rows: int | None) -> None:
        self._rows = rows
        self._all: list[Segment] = []
        self._first: Segment | None = None  # the first `rows` timesteps
        self._around: Segment | None = None  # of `wanted`, the timesteps around the first divergence
        self._last: Segment | None = None  # the last `rows` timesteps
        self._wanted = (0, 0)

    def add(self, chunk: Segment, divergence: int | None) -> None:
        """Adds timesteps; `divergence` is the place of the first difference, if that is in this chunk."""
        if self._rows is None:
            self._all.append(chunk)
            return
        if self._rows == 0:
            return
        recent = [chunk] if self._last is None else [self._last, chunk]
        if chunk.start < self._rows:
            self._first = between(recent, 0, self._rows)
        if divergence is not None:
            third = self._rows // 3
            around = self._rows - 2 * third
            start = max(third, divergence - around // 3)  # what is shown from the start is not shown again
            self._wanted = (start, start + around)
        if self._wanted[1] > chunk.start:
            self._around = between(recent, *self._wanted)
        self._last = between(recent, chunk.stop - self._rows, chunk.stop)

    def segments(self) -> list[Segment]:
        """The kept timesteps, in order and without overlap."""
        if self._rows is None or self._last is None:
            return self._all
        stop = self._last.stop
        if stop <= self._rows:
            return [self._last]
        head, tail = self._rows - self._rows // 2, self._rows // 2
        if self._wanted[1]:
            head = tail = self._rows // 3
        spans = (
            (self._first, 0, head),
            (self._around, self._wanted[0], min(self._wanted[1], stop - tail)),
            (self._last, stop - tail, stop),
        )
        pieces = (between([piece], start, end) for piece, start, end in spans if piece is not None)
        return [piece for piece in pieces if piece is not None]


def between(pieces: Sequence[Segment], start: int, stop: int) -> Segment | None:
    """What the pieces, consecutive in time, hold of [start, stop): a copy, so that the rest of a chunk can be freed."""
    parts = [
        (piece, slice(max(start - piece.start, 0), stop - piece.start))
        for piece in pieces
        if max(piece.start, start) < min(piece.stop, stop)
    ]
    if not parts:
        return None
    return Segment(
        max(start, parts[0][0].start),
        torch.cat([piece.candidate[span] for piece, span in parts]),
        torch.cat([piece.reference[span] for piece, span in parts]),
        torch.cat(allowed) if (allowed := [p.allowed[span] for p, span in parts if p.allowed is not None]) else None,
    )
