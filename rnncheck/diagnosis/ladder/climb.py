"""The precision ladder: decides whether a mismatch is another function or a lower precision.

Direct evidence shows a layer that computes at a lower precision (`ladder.low_precision`). Otherwise the
run is repeated in float64: a gap that stays is another function, one that shrinks to float64 rounding is precision.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from rnncheck.diagnosis.ladder.distance import Gap, MeasuredRun, gap, worse
from rnncheck.diagnosis.ladder.low_precision import evidence
from rnncheck.diagnosis.ladder.precisions import Precision, coarser_than
from rnncheck.envelope import Rounding, independent_units, lowered_envelope, rounding_of
from rnncheck.errors import RefusedError
from rnncheck.model.spec import Dtype
from rnncheck.report import Finding

Conclusion = Literal["semantics", "arithmetic", "unknown"]


@dataclass(frozen=True)
class Ladder:
    """The cause of a mismatch, and the largest error, in the normal run or lockstep, at the run's dtype and in float64.

    `gap_float64` is None where the float64 run was not needed, or could not be made.
    """

    conclusion: Conclusion
    gap: float
    gap_float64: float | None
    message: str
    finding: Finding | None

    @property
    def low(self) -> bool:
        """Whether it computes at a lower precision than the run's dtype."""
        return self.finding is not None and self.finding.slug == "low-precision-compute"


def climb(measured: MeasuredRun, rounding: Rounding) -> Ladder:
    """Semantics or arithmetic, for a candidate that was found to differ; `rounding` is the arithmetic it was allowed.

    Raises what the candidate raises at the run's own dtype; in float64 it may refuse or fail.
    """
    rung = Rung(measured, rounding)
    own = rung.gap(rounding)
    if own.contained:
        message = (
            f"its largest error, {own.size:.1e}, is {own.share:.0%} of what rounding in {measured.spec.dtype} allows"
        )
        return Ladder("arithmetic", own.size, None, message, rounding_only(message))
    coarse = [each for each in coarser_than(rounding) if rung.gap(each.rounding(rounding), each.floor).contained]
    try:
        found = evidence(rung.lockstep, rung.stepped, rung.envelope, coarse)
    except RefusedError:  # a side that keeps its own weights can be given no others
        found = None
    if found is not None:
        name = found.precision.name if found.stored else found.precision.as_factors
        message = f"computes in {name}: its errors are those of {digits(found.precision)}, and {found.how}"
        finding = Finding("low-precision-compute", message, residual=own.size)
        return Ladder("arithmetic", own.size, None, message, finding)
    return in_float64(rung.measured, own)


def in_float64(measured: MeasuredRun, own: Gap) -> Ladder:
    """Repeats the run in float64: what is left of the gap."""
    spec = replace(measured.spec, dtype=Dtype.FLOAT64)
    if spec == measured.spec:
        message = f"its largest error, {own.size:.1e}, is not rounding in float64: it computes another function"
        return Ladder("semantics", own.size, own.size, message, None)
    if reason := measured.implementation.refuses(spec, lengths=measured.lengths is not None):
        return Ladder("unknown", own.size, None, f"it cannot be run in float64 for comparison: {reason}", None)
    rounding = rounding_of(spec)
    try:
        left = Rung(replace(measured, spec=spec), rounding).gap(rounding)
    except Exception as problem:  # a candidate may fail in any way where it was never tried
        return Ladder("unknown", own.size, None, f"it failed when run in float64 for comparison: {problem}", None)
    if left.contained:
        message = (
            f"its largest error is {own.size:.1e} in {measured.spec.dtype} and {left.size:.1e}, within rounding, in "
            f"float64: it computes the same function at a lower precision than {measured.spec.dtype}"
        )
        return Ladder("arithmetic", own.size, left.size, message, rounding_only(message))
    message = (
        f"its largest error is {own.size:.1e} in {measured.spec.dtype} and still {left.size:.1e} in float64: "
        "more precision does not remove it, so it computes another function"
    )
    return Ladder("semantics", own.size, left.size, message, None)


class Rung:
    """A candidate at one dtype, in a normal run and in lockstep, to compare with envelopes of any rounding."""

    def __init__(self, measured: MeasuredRun, rounding: Rounding) -> None:
        self.measured = measured
        self._free, self._free_envelope = measured.run(), measured.envelope(rounding)
        self.lockstep = measured.lockstep(self._free_envelope)
        self.stepped, self.envelope = self.lockstep.run(), self.lockstep.envelope(rounding)
        self._rounding = rounding

    def gap(self, rounding: Rounding, floor: float = 0.0) -> Gap:
        """How far off it is; by the run's own rounding as the check itself judges it, all units at once too."""
        if rounding == self._rounding:
            free, final = self._free_envelope, self.stepped.final
            stepped = lowered_envelope(
                self.envelope, final, independent_units(self.measured.spec, self.measured.weights)
            )
        else:
            free, stepped = self.measured.envelope(rounding), self.lockstep.envelope(rounding)
        return worse(gap(self._free, free, floor), gap(self.stepped, stepped, floor))


def rounding_only(message: str) -> Finding:
    return Finding("rounding-only", message)


def digits(precision: Precision) -> str:
    """The number of bits of its mantissa, with the hidden one."""
    return f"{round(-math.log2(precision.unit))} bits"
