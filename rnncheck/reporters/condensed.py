"""Which comparisons get a row of their own: gradients that agree share one."""

from collections.abc import Sequence
from dataclasses import replace

from rnncheck.report import Comparison


def condensed(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Free running and lockstep as they are; of gradients those that part, and one row for all that agree."""
    rows = [each for each in comparisons if not each.mode.startswith("backward")]
    for mode in dict.fromkeys(each.mode for each in comparisons if each.mode.startswith("backward")):
        gradients = [each for each in comparisons if each.mode == mode]
        rows += [each for each in gradients if not each.agrees]
        if agreeing := [each for each in gradients if each.agrees]:
            rows.append(together(agreeing))
    return rows


def together(agreeing: Sequence[Comparison]) -> Comparison:
    """The one that used most of what is allowed, standing for all."""
    most = max(agreeing, key=lambda each: each.budget_used)
    number = f"{len(agreeing)} gradients" if len(agreeing) > 1 else most.quantity
    return replace(
        most,
        quantity=number,
        at=None,
        compared=sum(each.compared for each in agreeing),
        nonfinite=sum(each.nonfinite for each in agreeing),
        unjudged=sum(each.unjudged for each in agreeing),
    )
