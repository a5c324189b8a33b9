"""Which comparisons get a row or a sentence of their own: gradients that agree share one."""

import math
from collections.abc import Sequence
from dataclasses import replace

from rnncheck.report import Comparison


def condensed(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Free running and lockstep as they are; of gradients those that part, and one row for all that agree.

    Where states part already, gradients can only follow: those that part share a row too. What could not be compared
    has no row.
    """
    comparisons = [each for each in comparisons if each.problem is None]
    rows = [each for each in comparisons if not each.mode.startswith("backward")]
    states_agree = all(each.agrees for each in rows)
    for mode in dict.fromkeys(each.mode for each in comparisons if each.mode.startswith("backward")):
        gradients = [each for each in comparisons if each.mode == mode]
        parting = [each for each in gradients if not each.agrees]
        rows += parting if states_agree or not parting else [together(parting)]
        if agreeing := [each for each in gradients if each.agrees]:
            rows.append(together(agreeing))
    return rows


def problems(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Those that could not be compared, each quantity once; of gradients only where states do not part already, and
    those with the same problem together.
    """
    states_part = any(not each.agrees and not each.mode.startswith("backward") for each in comparisons)
    found = [each for each in comparisons if each.problem and not (states_part and each.mode.startswith("backward"))]
    by_problem: dict[str, dict[str, Comparison]] = {}
    for each in found:
        by_problem.setdefault(each.problem or "", {})[each.quantity] = each
    rows: list[Comparison] = []
    for alike in (list(each.values()) for each in by_problem.values()):
        gradients = all(each.mode.startswith("backward") for each in alike)
        rows += [replace(alike[0], quantity=f"{len(alike)} gradients")] if gradients and len(alike) > 1 else alike
    return rows


def together(gradients: Sequence[Comparison]) -> Comparison:
    """The one that used most of what is allowed, standing for all."""
    most = max(gradients, key=lambda each: -1.0 if math.isnan(each.budget_used) else each.budget_used)
    number = f"{len(gradients)} gradients" if len(gradients) > 1 else most.quantity
    return replace(
        most,
        quantity=number,
        at=None,
        entry=None,
        exceeded=sum(each.exceeded for each in gradients),
        compared=sum(each.compared for each in gradients),
        nonfinite=sum(each.nonfinite for each in gradients),
        unjudged=sum(each.unjudged for each in gradients),
    )
