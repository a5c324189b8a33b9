"""Lockstep: a layer started at every step from the exact states before it, all steps as one batch.

No error is carried from step to step, so each step is judged by itself, at a few units in the last place.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.envelope import Envelope, Restarts, independent_units, lockstep_envelope, lowered, restarts
from rnncheck.evidence.differences import Fold
from rnncheck.evidence.places import DIRECTIONS, Locate
from rnncheck.implementations.protocol import Layer
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, dtype_of
from rnncheck.model.weights import Weights
from rnncheck.report import Comparison, Place


class Lockstep:
    """Every step of the first `rows` rows of x (T, B, I) (None: all), with its exact result and allowed difference."""

    def __init__(
        self,
        spec: Spec,
        weights: Weights,
        x: Tensor,
        envelope: Envelope,
        lengths: Sequence[int] | None,
        rows: int | None = None,
    ) -> None:
        self._spec, self._weights = spec, weights
        some = slice(rows)
        self._x, self._ends = x[:, some], None if lengths is None else lengths[some]
        self._envelope = replace(envelope, before=envelope.before.map(lambda each: each[:, :, some]))
        self._starts = restarts(self._x, self._envelope, self._ends)
        self.steps = len(self._starts.places)
        self._independent = independent_units(spec, weights)
        if self.steps:
            self._exact, self._allowed = self._judged(self._starts)

    def _judged(self, starts: Restarts) -> tuple[State, State]:
        """The exact result and the allowed difference after each of these steps."""
        found = lockstep_envelope(self._spec, self._weights, starts, rounding=self._envelope.rounding)
        return found.exact.final, found.allowed.final

    def comparisons(self, layer: Layer) -> list[Comparison]:
        """h, and for the LSTM c, of every layer and direction after every step, against exact arithmetic."""
        if not self.steps:
            return []
        final = layer.run(*self.given()).final
        found = [self._compared("h", final.h, self._exact.h, self._allowed.h)]
        if self._exact.c is not None and self._allowed.c is not None:
            found.append(self._compared("c", final.c, self._exact.c, self._allowed.c))
        return found

    def given(self) -> tuple[Tensor, State]:
        """What a layer is given: x (1, N, I) and the states before each of N steps, at the spec's dtype."""
        dtype = dtype_of(self._spec)
        x = self._starts.x.to(self._spec.device, dtype, copy=True)
        return x, self._starts.state.to(self._spec.device, dtype)

    @property
    def blind(self) -> bool:
        """Whether in some layer rounding alone may be as large as all its states, so that anything would pass."""
        if not self.steps:
            return False
        judged = self._allowed.h.isfinite()  # where numbers overflow nothing is judged, which is another matter
        exact, allowed = (
            torch.where(judged, each.h, 0.0).square().sum((1, 2)) for each in (self._exact, self._allowed)
        )
        return bool(((allowed >= exact) & judged.flatten(1).any(1)).any())

    def own(self, output: Tensor) -> Comparison | None:
        """Every output (T, B, R) against one exact step from the candidate's own output before it.

        So a run is judged from end to end even where the normal run cannot be: each output must follow from the one
        before. None if outputs do not hold the whole state: for LSTMs, stacked layers and both directions.
        """
        spec = self._spec
        if spec.cell is Cell.LSTM or spec.num_layers > 1 or spec.bidirectional or not self.steps:
            return None
        after = output.cpu().double()
        if after.shape != (len(self._x), self._x.shape[1], spec.state_size):
            return None  # which the free run has said
        before = torch.cat([self._envelope.before.h[:1, 0], after[:-1]])
        starts = restarts(self._x, replace(self._envelope, before=State(before[:, None])), self._ends)
        exact, allowed = self._judged(starts)
        t, b = starts.places.unbind(1)
        # Where exact arithmetic itself overflows, or was given a NaN, nothing follows from anything.
        limit = self._envelope.rounding.largest / 2
        truth = self._envelope.exact.output[:, : self._x.shape[1]]
        sound = (truth.abs() <= limit).all(-1) & (self._envelope.before.h[:, 0].abs() <= limit).all(-1)
        if spec.nonlinearity == "relu":  # which alone grows, one side a little ahead of the other
            sound &= (before.abs() <= limit).all(-1)
        return self._compared(
            "output", after[t, b][None], exact.h, allowed.h.masked_fill(~sound[t, b][:, None], torch.inf)
        )

    def _compared(self, quantity: str, candidate: Tensor | None, exact: Tensor, allowed: Tensor) -> Comparison:
        """All (L*D, N, ·) as (N, 1, L*D*·), so that the first row that exceeds is the earliest step that does."""
        dtype = dtype_of(self._spec)
        fold = Fold(quantity, self._place(exact.shape[2]), mode="lockstep", dtype=dtype)
        widened = None if candidate is None else candidate.cpu().double()
        if widened is None or widened.shape != exact.shape:
            fold.add(widened, exact, allowed)  # to say what is wrong with it
        else:
            independent = self._independent.c if quantity == "c" else self._independent.h
            allowed = allowed if independent is None else lowered(widened, exact, allowed, independent)
            fold.add(by_step(widened), by_step(exact), by_step(allowed))
        return fold.result()

    def _place(self, width: int) -> Locate:
        places: list[list[int]] = self._starts.places.tolist()

        def place(row: int, batch: int, column: int) -> Place:
            t, b = places[row]
            index, unit = divmod(column, width)
            layer, direction = divmod(index, self._spec.directions)
            return Place(t, b, unit, layer, DIRECTIONS[direction])

        return place


def by_step(states: Tensor) -> Tensor:
    """(L*D, N, W) -> (N, 1, L*D*W)."""
    return states.transpose(0, 1).flatten(1)[:, None]
