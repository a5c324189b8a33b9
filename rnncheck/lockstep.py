"""Lockstep: a layer restarted at every step from the exact states before it, all steps as one batch.

No error is carried from step to step, so each is judged by what it does itself: at a few units in the last place.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.compare import Fold
from rnncheck.envelope import Envelope, Restarts, lockstep_envelope, restarts
from rnncheck.implementations.protocol import Layer
from rnncheck.places import DIRECTIONS, Locate
from rnncheck.report import Comparison, Place
from rnncheck.spec import Spec
from rnncheck.trace import State
from rnncheck.weights import Weights


class Lockstep:
    """Every step of the first `rows` rows of x (T, B, I) (None: of all), and what is exact and allowed there."""

    def __init__(
        self,
        spec: Spec,
        weights: Weights,
        x: Tensor,
        envelope: Envelope,
        lengths: Sequence[int] | None,
        rows: int | None = None,
    ) -> None:
        self._spec = spec
        some = slice(rows)
        h, c = envelope.before.h[:, :, some], envelope.before.c
        before = State(h, None if c is None else c[:, :, some])
        ends = None if lengths is None else lengths[some]
        self._starts: Restarts = restarts(x[:, some], replace(envelope, before=before), ends)
        self.steps = len(self._starts.places)
        if self.steps:
            judged = lockstep_envelope(spec, weights, self._starts, rounding=envelope.rounding)
            self._exact, self._allowed = judged.exact.final, judged.allowed.final

    def comparisons(self, layer: Layer) -> list[Comparison]:
        """h, and for the LSTM c, of every layer and direction after every step, against exact arithmetic."""
        if not self.steps:
            return []
        dtype = getattr(torch, self._spec.dtype)
        x = self._starts.x.to(self._spec.device, dtype, copy=True)
        final = layer.run(x, self._starts.state.to(self._spec.device, dtype)).final
        found = [self._compared("h", final.h, self._exact.h, self._allowed.h)]
        if self._exact.c is not None and self._allowed.c is not None:
            found.append(self._compared("c", final.c, self._exact.c, self._allowed.c))
        return found

    def _compared(self, quantity: str, candidate: Tensor | None, exact: Tensor, allowed: Tensor) -> Comparison:
        """All (L*D, N, ·) as (N, 1, L*D*·), so that the first row that exceeds is the earliest step that does."""
        dtype = getattr(torch, self._spec.dtype)
        fold = Fold(quantity, self._place(exact.shape[2]), mode="lockstep", dtype=dtype)
        widened = None if candidate is None else candidate.cpu().double()
        if widened is None or widened.shape != exact.shape:
            fold.add(widened, exact, allowed)  # to say what is wrong with it
        else:
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
