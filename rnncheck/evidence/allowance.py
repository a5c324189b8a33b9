"""The allowed difference in a normal run, chunk by chunk: a stated tolerance, or the rounding envelope."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from rnncheck.envelope import Envelope, Rounding, exact_and_envelope
from rnncheck.evidence.differences import comparable
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights

PAIR = math.sqrt(2)  # two right sides err independently, each within the envelope of exact arithmetic

Quantities = tuple[Tensor | None, ...]  # output (T, B, D*R), h_n, c_n, y: each the shape of the trace's, or absent


@dataclass(frozen=True)
class Allowed:
    """The allowed difference of each quantity in one chunk."""

    output: Tensor | Tolerance
    h_n: Tensor | Tolerance
    c_n: Tensor | Tolerance
    y: Tensor | Tolerance


@dataclass(frozen=True)
class SideRun:
    """One chunk of one side: its initial state and its results."""

    start: State
    trace: Trace


class Allowance(Protocol):
    """The allowed difference in the next chunk x (t, B, I), float64 on the host, given the runs of both sides."""

    def of(self, x: Tensor, candidate: SideRun, reference: SideRun) -> Allowed: ...


class Stated:
    """The same tolerance for everything."""

    def __init__(self, tolerance: Tolerance) -> None:
        self._allowed = Allowed(tolerance, tolerance, tolerance, tolerance)

    def of(self, x: Tensor, candidate: SideRun, reference: SideRun) -> Allowed:
        return self._allowed


class Enveloped:
    """The envelope of the first chunk; later chunks have the largest allowance so far, unless one exceeds it.

    Such a chunk gets its own envelope: the difference between two exact runs from the states of the two sides, plus the
    rounding of both.
    """

    def __init__(
        self, spec: Spec, weights: Weights, lengths: Sequence[int] | None, rounding: Rounding, samples: int = 16
    ) -> None:
        self._spec, self._weights, self._lengths, self.rounding = spec, weights, lengths, rounding
        self._samples = samples
        self.first: Envelope | None = None
        self._finite = all(bool(value.isfinite().all()) for value in weights.values.values())
        self._beyond = 0  # timesteps after the first chunk that are not judged, though their states are finite
        self._ceiling: Quantities = ()
        self._together = True  # whether all states that the sides handed on from chunk to chunk were as near as allowed

    def of(self, x: Tensor, candidate: SideRun, reference: SideRun) -> Allowed:
        if not x.numel():
            return Allowed(Tolerance(), Tolerance(), Tolerance(), Tolerance())
        self._finite &= bool(x.isfinite().all())
        allowed = self._of_first(x, reference) if self.first is None else self._of_later(x, candidate, reference)
        self._together &= states_agree(allowed.h_n, candidate.trace.final.h, reference.trace.final.h)
        self._together &= states_agree(allowed.c_n, candidate.trace.final.c, reference.trace.final.c)
        return allowed

    def _of_first(self, x: Tensor, reference: SideRun) -> Allowed:
        self.first = self._envelope(x, reference.start)
        allowed = tuple(None if each is None else PAIR * each for each in quantities(self.first.allowed))
        self._ceiling = ceiling(allowed)
        return Allowed(*map(as_allowed, allowed))

    def _of_later(self, x: Tensor, candidate: SideRun, reference: SideRun) -> Allowed:
        everywhere = spread_over(len(x), self._ceiling)
        if not within(everywhere, quantities(candidate.trace), quantities(reference.trace)):
            theirs = self._envelope(x, reference.start)
            ours = self._envelope(x, candidate.start) if self._together else theirs
            everywhere = tuple(
                None if each is None or a is None or b is None else (a - b).abs_() + PAIR * each
                for each, a, b in zip(
                    *(quantities(trace) for trace in (theirs.allowed, ours.exact, theirs.exact)), strict=True
                )
            )
            everywhere = judgeable(everywhere, theirs.exact)
            self._ceiling = higher(self._ceiling, ceiling(everywhere))
        if has_unjudged(everywhere, reference.start.h):
            self._beyond += len(x)
        return Allowed(*map(as_allowed, everywhere))

    @property
    def doubt(self) -> str | None:
        """Why values after the horizon are not decided, although every step of the first chunk is right."""
        if not self._finite:
            return "the data or weights hold NaN or infinities; use finite ones"
        if self._beyond:
            return (
                f"rounding error is too large in {self._beyond:,} timesteps after the first chunk, and single steps "
                "are compared in the first chunk only; use fewer timesteps, or --window N"
            )
        return None

    def _envelope(self, x: Tensor, start: State) -> Envelope:
        state = start.map(lambda each: each.cpu().double())
        found = exact_and_envelope(
            self._spec, self._weights, x, state, self._lengths, rounding=self.rounding, samples=self._samples
        )
        if not self._finite:
            for allowed, exact in zip(quantities(found.allowed), quantities(found.exact), strict=True):
                if allowed is not None and exact is not None:
                    allowed[~exact.isfinite()] = 0.0  # what is given is no overflow: both sides must yield the same
        return found


def quantities(trace: Trace) -> Quantities:
    """Its output and final states, and the head's y if it has one."""
    return trace.output, trace.final.h, trace.final.c, trace.y


def as_allowed(allowed: Tensor | None) -> Tensor | Tolerance:
    """The allowance, or zeros for a quantity that this spec does not have."""
    return Tolerance() if allowed is None else allowed.nan_to_num(nan=math.inf, posinf=math.inf)


def ceiling(allowed: Quantities) -> Quantities:
    """The largest of each over time, (1, B, ·) for what has time in front; final states as they are."""
    output, h_n, c_n, y = allowed
    return tuple(
        each if each is None or each is h_n or each is c_n else each.amax(0, keepdim=True)
        for each in (output, h_n, c_n, y)
    )


def judgeable(allowed: Quantities, exact: Trace) -> Quantities:
    """The same, without bound in the rows where what is allowed in the output is as large as the states ever are."""
    output, *others = allowed
    if output is None:
        return allowed
    size = exact.output.square().mean(2).amax(0)
    lost = ~(output.square().mean(2) <= size)  # (T, B)
    ended = lost[-1][:, None]
    h_n, c_n, y = others
    return (
        output.masked_fill(lost[:, :, None], math.inf),
        None if h_n is None else h_n.masked_fill(ended, math.inf),
        None if c_n is None else c_n.masked_fill(ended, math.inf),
        None if y is None else y.masked_fill(lost[:, :, None], math.inf),
    )


def spread_over(steps: int, ceilings: Quantities) -> Quantities:
    """The same for every one of so many timesteps."""
    output, h_n, c_n, y = ceilings
    timed = (None if each is None else each.expand(steps, -1, -1) for each in (output, y))
    return next(timed), h_n, c_n, next(timed)


def within(allowed: Quantities, candidate: Quantities, reference: Quantities) -> bool:
    """Whether nothing exceeds. False for a NaN or another shape."""
    for most, a, b in zip(allowed, candidate, reference, strict=True):
        if most is None or b is None:
            continue
        if a is None or a.shape != b.shape or not bool(((comparable(a) - comparable(b)).abs_().cpu() <= most).all()):
            return False
    return True


def has_unjudged(allowed: Quantities, start: Tensor) -> bool:
    """Whether something is not judged in a row of the batch whose states `start` (L*D, B, ·) are finite."""
    finite = start.isfinite().all(2).all(0).cpu()
    return any(each is not None and bool(each.isinf().any(2).any(0)[finite].any()) for each in allowed)


def states_agree(allowed: Tensor | Tolerance, candidate: Tensor | None, reference: Tensor | None) -> bool:
    """Whether final states are as near each other as is allowed, or alike, NaN to NaN; another shape is not."""
    if reference is None or isinstance(allowed, Tolerance):
        return True
    if candidate is None or candidate.shape != reference.shape:
        return False
    a, b = comparable(candidate).cpu(), comparable(reference).cpu()
    return bool((((a - b).abs() <= allowed) | allowed.isinf() | (a == b) | (a.isnan() & b.isnan())).all())


def higher(one: Quantities, other: Quantities) -> Quantities:
    return tuple(None if a is None or b is None else torch.maximum(a, b) for a, b in zip(one, other, strict=True))
