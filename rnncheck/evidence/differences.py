"""Differences between two sides, element by element, accumulated over chunks in bounded memory."""

import math
from dataclasses import asdict
from typing import NamedTuple

import torch
from torch import Tensor

from rnncheck.evidence.places import Excerpt, Locate, Segment
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.model.trace import dtype_name
from rnncheck.report import Comparison, Divergence, Timestep


def misfit(candidate: Tensor | None, reference: Tensor | None) -> str | None:
    """Why two tensors cannot be compared element by element, or None if they can. They are not broadcast."""
    if reference is None:
        return "the reference has none"
    if candidate is None:
        return f"the candidate has none; the reference's has shape {tuple(reference.shape)}"
    if candidate.shape != reference.shape:
        return f"the candidate's shape is {tuple(candidate.shape)}, the reference's {tuple(reference.shape)}"
    if candidate.dtype != reference.dtype:
        return f"the candidate's dtype is {dtype_name(candidate.dtype)}, the reference's {dtype_name(reference.dtype)}"
    return None


def comparable(side: Tensor) -> Tensor:
    """Itself, or for half precision its exact widening, so that a difference is not rounded to 8 or 11 bits."""
    return side.float() if side.dtype in (torch.bfloat16, torch.float16) else side


def settle_nonfinite(difference: Tensor, a: Tensor, b: Tensor) -> int:
    """Puts 0 into `difference` where both sides are the same NaN or infinity, infinity where only one is not finite.

    Returns how many elements agree in that way.
    """
    agree = (a.isnan() & b.isnan()) | (a.isinf() & (a == b))
    difference[~(a.isfinite() & b.isfinite())] = math.inf
    difference[agree] = 0.0
    return int(agree.sum())


def budget_used(difference: Tensor, allowed: Tensor) -> Tensor:
    """|difference| / allowed, written over `allowed`; above 1 exactly where the difference is the larger.

    Special cases: without a difference it is 0, even if nothing is allowed; with an infinite difference it is above 1,
    even if the allowance is infinite or NaN.
    """
    budget = torch.div(difference, allowed, out=allowed)
    if budget.amax().isnan():
        undecided = budget.isnan()
        budget.masked_fill_(undecided, math.inf).masked_fill_(undecided & (difference == 0), 0.0)
    return budget


def spacing(value: float, dtype: torch.dtype) -> float:
    """One unit in the last place of `value` in this dtype: the distance to the next larger magnitude."""
    info = torch.finfo(dtype)
    if not math.isfinite(value):
        return math.nan
    exponent = math.frexp(max(abs(value), info.tiny))[1]
    return math.ldexp(info.eps, exponent - 1)


PIECE = 256 * 1024  # elements looked at together (or one row, if that is longer): few enough to stay in a cache


Limit = Tolerance | Tensor  # a tensor says it element by element, (n, B, W)


class Element(NamedTuple):
    """The place of an element: its row is a timestep, or for final states an index of layers and directions."""

    row: int
    batch: int
    column: int


class Fold:
    """Accumulates one quantity of both sides over chunks (n, B, W), n rows along time (or layers, for final states).

    `locate(row, batch, column)` names the place of an element. Shapes and dtypes are compared before numbers, NaN and
    infinities before differences: the same NaN or infinity on both sides agrees, any other is an infinite difference.
    `rows` is how many timesteps are kept (None: all); `dtype` is that of the ulp of the largest difference, if the
    reference has another dtype than the run.
    """

    def __init__(
        self,
        quantity: str,
        locate: Locate,
        rows: int | None = 0,
        mode: str = "free",
        dtype: torch.dtype | None = None,
    ) -> None:
        self._quantity, self._locate, self._mode, self._dtype = quantity, locate, mode, dtype
        self._excerpt = Excerpt(rows)
        self._problem: str | None = None
        self._row = 0
        self._tolerance = Tolerance()  # where no tensor says what is allowed
        self._buffers = torch.empty(2, 0)
        self._compared = self._exceeded = self._nonfinite = self._unjudged = 0
        self._max_abs, self._budget = -1.0, 0.0
        self._worst = Element(0, 0, 0)
        self._worst_values = (math.nan, math.nan, math.nan)  # the candidate's, the reference's, what was allowed
        self._ulp = math.nan
        self._first: Element | None = None

    def add(self, candidate: Tensor | None, reference: Tensor | None, allowance: Limit) -> None:
        """The next rows of both sides, on the host, and what is allowed between them, where it is infinite nothing is
        judged. After a problem of shape or dtype nothing more is compared.
        """
        if isinstance(allowance, Tolerance):
            self._tolerance = allowance
        self._problem = self._problem or misfit(candidate, reference)
        if self._problem or candidate is None or reference is None or not reference.numel():
            return
        parted_before = self._first is not None
        rows = max(1, PIECE // reference[0].numel())
        for start in range(0, len(reference), rows):
            piece = slice(start, start + rows)
            here = allowance[piece] if isinstance(allowance, Tensor) else allowance
            self._add_piece(self._row + start, candidate[piece], reference[piece], here)
        parts_at = self._first.row if self._first and not parted_before else None
        allowed = allowance if isinstance(allowance, Tensor) else None
        self._excerpt.add(Segment(self._row, candidate, reference, allowed), parts_at)
        self._row += len(reference)

    def _add_piece(self, start: int, candidate: Tensor, reference: Tensor, allowance: Limit) -> None:
        a, b = (comparable(side).flatten(1) for side in (candidate, reference))  # (n, B*W)
        difference, allowed = self._space_for(a)
        torch.sub(a, b, out=difference).abs_()
        judged = a.numel()
        if isinstance(allowance, Tensor):
            allowed.copy_(allowance.flatten(1))
            beyond = allowed.isinf()
            difference.masked_fill_(beyond, -1.0)  # less than any: never the largest
            judged -= int(beyond.sum())
            self._unjudged += a.numel() - judged
            a, b = a.masked_fill(beyond, 0.0), b.masked_fill(beyond, 0.0)
        largest = float(difference.amax())
        alike = 0
        if not math.isfinite(largest):
            alike = settle_nonfinite(difference, a, b)
            largest = float(difference.amax())
        self._nonfinite += alike
        self._compared += judged - alike
        if largest > self._max_abs:
            row, column = first_largest(difference)
            self._max_abs, self._worst = largest, self._element(start + row, column, reference)
            here = allowed if isinstance(allowance, Tensor) else allowance.allowed(b)
            self._worst_values = float(a[row, column]), float(b[row, column]), float(here[row, column])
            self._ulp = spacing(self._worst_values[1], self._dtype or reference.dtype)
        if isinstance(allowance, Tolerance):
            # Nothing is allowed less than a zero is: what stays within the budget there neither exceeds nor raises it.
            if ratio(largest, allowance.least(b.dtype)) <= min(1.0, self._budget):
                return
            allowance.allowed(b, out=allowed)
        budget = budget_used(difference, allowed)
        most = float(budget.amax())
        self._budget = max(self._budget, most)
        if most <= 1:
            return
        if self._first is None:
            row = int((budget.amax(1) > 1).byte().argmax())
            self._first = self._element(start + row, int(budget[row].argmax()), reference)
        # As zeros and ones of the same dtype, which torch adds up ten times as fast as it counts booleans.
        self._exceeded += int(torch.gt(budget, 1, out=difference).sum(dtype=torch.float64))

    @property
    def parted(self) -> bool:
        """Whether some number exceeds the limit; another shape or dtype does not count."""
        return self._first is not None

    def _space_for(self, piece: Tensor) -> tuple[Tensor, Tensor]:
        """Two tensors of the piece's shape and dtype to write into; the same memory for every piece."""
        if self._buffers.dtype != piece.dtype or self._buffers.shape[1] < piece.numel():
            self._buffers = torch.empty(2, piece.numel(), dtype=piece.dtype)
        difference, allowed = (buffer[: piece.numel()].view(piece.shape) for buffer in self._buffers)
        return difference, allowed

    def _element(self, row: int, column: int, piece: Tensor) -> Element:
        return Element(row, *divmod(column, piece.shape[2]))

    def result(self) -> Comparison:
        """The comparison so far."""
        if self._problem or not self._compared + self._nonfinite:
            return Comparison(self._quantity, self._mode, unjudged=self._unjudged, problem=self._problem)
        worst = self._locate(*self._worst)
        first = self._locate(*self._first) if self._first else None
        shown_batch = (first or worst).batch
        candidate_value, reference_value, allowed = self._worst_values
        return Comparison(
            self._quantity,
            self._mode,
            max_abs=self._max_abs,
            max_ulp=self._max_abs / self._ulp,
            envelope_at_max=allowed,
            budget_used=self._budget,
            at=worst,
            candidate_value=candidate_value,
            reference_value=reference_value,
            compared=self._compared,
            exceeded=self._exceeded,
            nonfinite=self._nonfinite,
            unjudged=self._unjudged,
            first_divergence=Divergence(self._quantity, **asdict(first)) if first else None,
            shown_batch=shown_batch,
            per_timestep=tuple(
                step
                for segment in self._excerpt.segments()
                for step in timesteps(segment, shown_batch, self._tolerance)
            ),
        )


def first_largest(values: Tensor) -> tuple[int, int]:
    """Row and column of the largest value, the first of equals. By way of the rows, as argmax over all is slow."""
    row = int(values.amax(1).argmax())
    return row, int(values[row].argmax())


def ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.inf


def timesteps(segment: Segment, shown_batch: int, tolerance: Tolerance) -> list[Timestep]:
    """The facts of each timestep of a segment; the states are those of batch row `shown_batch`."""
    a, b = (comparable(side).flatten(1) for side in (segment.candidate, segment.reference))
    difference = (a - b).abs_()
    settle_nonfinite(difference, a, b)
    if segment.allowed is None:
        allowed, judged = tolerance.allowed(b), difference
    else:
        allowed = segment.allowed.flatten(1).to(a.dtype)
        judged = difference.masked_fill(allowed.isinf(), 0.0)
    budget = budget_used(judged, allowed.clone())
    most, tightest = budget.max(1)
    columns = (
        difference.amax(1),
        allowed.gather(1, tightest[:, None]).squeeze(1),
        most,
        (budget > 1).sum(1),
        segment.candidate[:, shown_batch],
        segment.reference[:, shown_batch],
        allowed.view_as(segment.reference)[:, shown_batch],
    )
    return [
        Timestep(t, max_abs, envelope, budget_used, exceeded, tuple(candidate), tuple(reference), tuple(allowed_))
        for t, (max_abs, envelope, budget_used, exceeded, candidate, reference, allowed_) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True), segment.start
        )
    ]
