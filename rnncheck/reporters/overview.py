"""The table of quantities: a row for each, with the share of the limit that each kind of run used."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rnncheck.report import Comparison

NORMAL, STEPPED, GRADIENT = "normal run", "step by step", "gradients"
WAYS = {"free": NORMAL, "lockstep": STEPPED, "backward": GRADIENT, "backward float64": GRADIENT}
ROW_OF_STATE = {"h": "output", "c": "c_n"}  # the row of the last layer also shows the states of the other layers
PATH = "path:"


@dataclass(frozen=True)
class QuantityRow:
    """One quantity, with the largest share of the limit in each way of comparing it."""

    name: str
    ways: Mapping[str, Comparison]

    @property
    def agrees(self) -> bool:
        return all(each.agrees for each in self.ways.values())

    @property
    def worst(self) -> Comparison:
        """The comparison with the largest share of the limit."""
        return most_used(self.ways.values())


def overview(comparisons: Sequence[Comparison]) -> list[QuantityRow]:
    """A row for each quantity of the states; gradients that agree share one, and so do other ways to use the layer.

    A gradient that is wrong in the precision of the run is not shown in float64, too.
    """
    rows: dict[str, dict[str, Comparison]] = {}
    wrong = {each.quantity for each in comparisons if each.mode == "backward" and not each.agrees}
    for each in condensed(comparisons):
        if each.mode == "backward float64" and not each.agrees and each.quantity in wrong:
            continue
        ways = rows.setdefault(row_name(each), {})
        way = way_of(each.mode)
        ways[way] = together([ways[way], each]) if way in ways else each
    return [QuantityRow(name, ways) for name, ways in rows.items()]


def row_name(comparison: Comparison) -> str:
    """The name of the row. It says if a gradient is wrong only in float64."""
    if comparison.mode == "backward float64" and not comparison.agrees:
        return f"{comparison.quantity}, float64"
    row = comparison.quantity
    return ROW_OF_STATE.get(row, row) if comparison.mode == "lockstep" else row


def way_of(mode: str) -> str:
    """The heading of the column for comparisons of that mode."""
    return WAYS.get(mode, NORMAL)


def mode_in_words(mode: str) -> str:
    """The mode in words: "normal run" for "free"."""
    if mode.startswith(PATH):
        return mode.removeprefix(PATH).replace("-", " ")
    return "gradients, float64" if mode == "backward float64" else way_of(mode)


def condensed(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Free running and lockstep as they are; of gradients and of paths those that part, and one row for all that agree.

    Where states part already, gradients can only follow: those that part share a row too. What could not be compared
    has no row.
    """
    comparisons = [each for each in comparisons if each.problem is None]
    rows = [each for each in comparisons if not is_gradient(each) and not is_path(each)]
    states_agree = all(each.agrees for each in rows)
    for mode in dict.fromkeys(each.mode for each in comparisons if is_gradient(each)):
        gradients = [each for each in comparisons if each.mode == mode]
        parting = [each for each in gradients if not each.agrees]
        rows += parting if states_agree or not parting else [one_row(parting, "gradients")]
        if agreeing := [each for each in gradients if each.agrees]:
            rows.append(one_row(agreeing, "gradients"))
    return rows + paths(comparisons)


def paths(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Rows of the paths: one for each path that differs, and one for all that agree."""
    by_mode: dict[str, list[Comparison]] = {}
    for each in comparisons:
        if is_path(each):
            by_mode.setdefault(each.mode, []).append(each)
    apart = {mode: found for mode, found in by_mode.items() if not all(each.agrees for each in found)}
    rows = [replace(together(found), quantity=mode_in_words(mode)) for mode, found in apart.items()]
    alike = [each for mode, found in by_mode.items() if mode not in apart for each in found]
    if alike:
        number = len(by_mode) - len(apart)
        rows.append(replace(together(alike), quantity=f"{number} path{'s' if number > 1 else ''}"))
    return rows


def problems(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Those that could not be compared, each quantity once; of gradients only where states do not part already, and
    those with the same problem together. What a path shows is told by its finding.
    """
    comparisons = [each for each in comparisons if not is_path(each)]
    states_part = any(not each.agrees and not is_gradient(each) for each in comparisons)
    found = [each for each in comparisons if each.problem and not (states_part and is_gradient(each))]
    by_problem: dict[str, dict[str, Comparison]] = {}
    for each in found:
        by_problem.setdefault(each.problem or "", {})[each.quantity] = each
    rows: list[Comparison] = []
    for alike in (list(each.values()) for each in by_problem.values()):
        together_ = all(map(is_gradient, alike)) and len(alike) > 1
        rows += [replace(alike[0], quantity=f"{len(alike)} gradients")] if together_ else alike
    return rows


def is_gradient(comparison: Comparison) -> bool:
    return comparison.mode.startswith("backward")


def is_path(comparison: Comparison) -> bool:
    return comparison.mode.startswith(PATH)


def one_row(alike: Sequence[Comparison], what: str) -> Comparison:
    """One row for them all: "6 gradients"; one alone keeps its name."""
    both = together(alike)
    return replace(both, quantity=f"{len(alike)} {what}") if len(alike) > 1 else both


def together(alike: Sequence[Comparison]) -> Comparison:
    """The one that used most of what is allowed, standing for all."""
    return replace(
        most_used(alike),
        at=None,
        entry=None,
        exceeded=sum(each.exceeded for each in alike),
        compared=sum(each.compared for each in alike),
        nonfinite=sum(each.nonfinite for each in alike),
        unjudged=sum(each.unjudged for each in alike),
    )


def most_used(comparisons: Iterable[Comparison]) -> Comparison:
    return max(comparisons, key=lambda each: -1.0 if math.isnan(each.budget_used) else each.budget_used)
