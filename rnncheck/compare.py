"""Arithmetic only: the differences between two sides, folded over chunks along time in bounded memory."""

import math
from dataclasses import asdict

import torch
from torch import Tensor

from rnncheck.elements import budget_used, comparable, misfit, settle_nonfinite, spacing
from rnncheck.excerpt import Excerpt, Segment
from rnncheck.places import Locate
from rnncheck.report import Comparison, Divergence, Timestep
from rnncheck.tolerance import Tolerance

PIECE = 64 * 1024  # elements looked at together: few enough to stay in a core's cache

Element = tuple[int, int, int]  # row (a timestep, or an index of layers and directions), batch, column


class Fold:
    """One quantity of both sides, chunk after chunk: (n, B, W) each, n rows along time (or layers, for final states).

    `locate(row, batch, column)` names an element's place. Shapes and dtypes are compared before numbers, and NaN and
    infinities before differences: the same NaN or infinity on both sides agrees, any other is a difference without
    bound. `rows` says how many timesteps are kept to be shown (None: all).
    """

    def __init__(self, quantity: str, tolerance: Tolerance, locate: Locate, rows: int | None = 0) -> None:
        self._quantity, self._tolerance, self._locate = quantity, tolerance, locate
        self._excerpt = Excerpt(rows)
        self._problem: str | None = None
        self._row = 0
        self._buffer = torch.empty(0)
        self._compared = self._exceeded = self._nonfinite = 0
        self._max_abs, self._budget = -1.0, 0.0
        self._worst: Element = (0, 0, 0)
        self._worst_values = (math.nan, math.nan)
        self._ulp = math.nan
        self._first: Element | None = None

    def add(self, candidate: Tensor | None, reference: Tensor) -> None:
        """The next rows of both sides, on the host. After a problem of shape or dtype nothing more is compared."""
        self._problem = self._problem or misfit(candidate, reference)
        if self._problem or candidate is None or not reference.numel():
            return
        parted_before = self._first is not None
        step = max(1, PIECE // reference[0].numel())
        for start in range(0, len(reference), step):
            self._add_piece(start, candidate[start : start + step], reference[start : start + step])
        parted_here = self._first is not None and not parted_before
        self._excerpt.add(
            Segment(self._row, candidate, reference), self._first[0] if self._first and parted_here else None
        )
        self._row += len(reference)

    def _add_piece(self, start: int, candidate: Tensor, reference: Tensor) -> None:
        a, b = (comparable(side).reshape(len(side), -1) for side in (candidate, reference))
        difference = self._difference(a, b)
        row_max = difference.amax(1)
        largest = float(row_max.max())
        self._compared += a.numel()
        if not math.isfinite(largest):
            agreeing = settle_nonfinite(difference, a, b)
            self._nonfinite += agreeing
            self._compared -= agreeing
            row_max = difference.amax(1)
            largest = float(row_max.max())
        width = reference.shape[2]
        if largest > self._max_abs:
            row = int(row_max.argmax())
            column = int(difference[row].argmax())
            self._max_abs, self._worst = largest, (self._row + start + row, column // width, column % width)
            self._worst_values = float(a[row, column]), float(b[row, column])
            self._ulp = spacing(self._worst_values[1], reference.dtype)
        # Differences this small beside atol can neither exceed nor raise the budget used: most pieces end here.
        if largest <= self._tolerance.atol * min(1.0, self._budget):
            return
        allowed = self._tolerance.allowed(b)
        budget = budget_used(difference, allowed)
        self._budget = max(self._budget, float(budget.max()))
        exceeds = ~((difference <= allowed) | (difference == 0))
        self._exceeded += int(exceeds.sum())
        if self._first is None and self._exceeded:
            row = int(exceeds.any(1).byte().argmax())
            column = int(budget[row].argmax())
            self._first = (self._row + start + row, column // width, column % width)

    def _difference(self, a: Tensor, b: Tensor) -> Tensor:
        if self._buffer.numel() < a.numel() or self._buffer.dtype != a.dtype:
            self._buffer = torch.empty(a.numel(), dtype=a.dtype)
        return torch.sub(a, b, out=self._buffer[: a.numel()].view(a.shape)).abs_()

    def result(self) -> Comparison:
        """All that was found so far."""
        if self._problem or not self._compared + self._nonfinite:
            return Comparison(self._quantity, "free", nonfinite=self._nonfinite, problem=self._problem)
        worst = self._locate(*self._worst)
        first = self._locate(*self._first) if self._first else None
        shown_batch = (first or worst).batch
        candidate_value, reference_value = self._worst_values
        return Comparison(
            self._quantity,
            "free",
            max_abs=self._max_abs,
            max_ulp=self._max_abs / self._ulp,
            envelope_at_max=self._tolerance.atol + self._tolerance.rtol * abs(reference_value),
            budget_used=self._budget,
            at=worst,
            candidate_value=candidate_value,
            reference_value=reference_value,
            compared=self._compared,
            exceeded=self._exceeded,
            nonfinite=self._nonfinite,
            first_divergence=Divergence(self._quantity, **asdict(first)) if first else None,
            shown_batch=shown_batch,
            per_timestep=tuple(
                step
                for segment in self._excerpt.segments()
                for step in timesteps(segment, shown_batch, self._tolerance)
            ),
        )


def timesteps(segment: Segment, shown_batch: int, tolerance: Tolerance) -> list[Timestep]:
    """The facts of each timestep of a segment; the states are those of batch row `shown_batch`."""
    a, b = (comparable(side).flatten(1) for side in (segment.candidate, segment.reference))
    difference = (a - b).abs()
    settle_nonfinite(difference, a, b)
    allowed = tolerance.allowed(b)
    budget, tightest = budget_used(difference, allowed).max(1)
    exceeds = ~((difference <= allowed) | (difference == 0))
    columns = (
        difference.amax(1),
        allowed.gather(1, tightest[:, None]).squeeze(1),
        budget,
        exceeds.sum(1),
        segment.candidate[:, shown_batch],
        segment.reference[:, shown_batch],
    )
    return [
        Timestep(t, max_abs, envelope, budget_used, exceeded, tuple(candidate), tuple(reference))
        for t, (max_abs, envelope, budget_used, exceeded, candidate, reference) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True), segment.start
        )
    ]
