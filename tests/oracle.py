"""The facts of a comparison by brute force: one Python loop over elements, in exact float64."""

import math
from dataclasses import dataclass

from torch import Tensor

from rnncheck.evidence.differences import Limit
from rnncheck.evidence.tolerance import Tolerance


@dataclass
class Facts:
    max_abs: float = -1.0
    at: tuple[int, int, int] = (0, 0, 0)
    budget_used: float = 0.0
    compared: int = 0
    exceeded: int = 0
    nonfinite: int = 0
    unjudged: int = 0
    first: tuple[int, int, int] | None = None


def facts(candidate: Tensor, reference: Tensor, allowance: Limit) -> Facts:
    """Every element in the order of time, batch and unit; the first of equals is the one that is named."""
    found, first_budget = Facts(), 0.0
    allowed = allowance.double().tolist() if isinstance(allowance, Tensor) else None
    a_rows, b_rows = candidate.double().tolist(), reference.double().tolist()
    for t, rows in enumerate(zip(a_rows, b_rows, strict=True)):
        for batch, units in enumerate(zip(*rows, strict=True)):
            for unit, (a, b) in enumerate(zip(*units, strict=True)):
                here = allowed[t][batch][unit] if allowed else stated(allowance, b)
                if allowed and here == math.inf:
                    found.unjudged += 1
                    continue
                alike = a == b or (math.isnan(a) and math.isnan(b))
                finite = math.isfinite(a) and math.isfinite(b)
                difference = 0.0 if alike else abs(a - b) if finite else math.inf
                found.nonfinite += alike and not finite
                found.compared += finite or not alike
                if difference > found.max_abs:
                    found.max_abs, found.at = difference, (t, batch, unit)
                budget = used(difference, here)
                found.budget_used = max(found.budget_used, budget)
                found.exceeded += budget > 1
                if budget > 1 and (found.first is None or (t == found.first[0] and budget > first_budget)):
                    found.first, first_budget = (t, batch, unit), budget
    return found


def stated(tolerance: Tolerance, reference: float) -> float:
    return tolerance.atol + tolerance.rtol * abs(reference)


def used(difference: float, allowed: float) -> float:
    if difference in (0.0, math.inf):
        return difference
    return difference / allowed if allowed else math.inf
