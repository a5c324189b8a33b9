"""The table of quantities: how many values, how far apart, what was allowed, and where it is worst."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from rich.text import Text

from rnncheck.report import Comparison, Place, Report
from rnncheck.reporters.layout import Column, hanging, held, table
from rnncheck.reporters.numbers import NOTHING, count, difference, percent, told_apart, ulps
from rnncheck.reporters.screen import Screen, side_names


def condensed(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Free running and lockstep as they are; of gradients those that part, and one row for all that agree.

    Where states part already, gradients can only follow: those that part share a row too. What could not be compared
    has no row.
    """
    comparisons = [each for each in comparisons if each.problem is None and not each.mode.startswith("path:")]
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
    comparisons = [each for each in comparisons if not each.mode.startswith("path:")]
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


NAME = 18  # room for a side's name
PROBLEM = 12  # where the text of a problem begins

SHORT = {"backward float64": "in float64"}  # modes that would be too long

Fact = Callable[[Comparison], str]


def quantities(report: Report, screen: Screen) -> list[Text]:
    """One row for each quantity; below it, those that could not be compared and why."""
    lines: list[Text] = []
    if rows := condensed(report.comparisons):
        lines += table(_Columns(report, rows, screen).amounts(), screen.width, indent=0)
    if any(each.max_abs != 0 for each in rows) and (placed := [each for each in rows if each.at is not None]):
        lines += [Text(), *table(_Columns(report, placed, screen).places(), screen.width, indent=0)]
    for each in problems(report.comparisons):
        lines += [Text()] if lines else []
        label = Text(f"{screen.glyphs.exceeded} {each.quantity} ", "red")
        said = held(f"cannot be compared: {screen.clean(each.problem, 1000)}")
        lines += hanging(label, Text(said), screen.width, PROBLEM)
    return lines


class _Columns:
    """Columns that have nothing to tell are left out."""

    def __init__(self, report: Report, rows: Sequence[Comparison], screen: Screen) -> None:
        self._report, self._rows, self._screen = report, rows, screen
        self._alarm = ["red" if each.exceeded else "" for each in rows]

    def _names(self) -> Column:
        marks = [self._screen.glyphs.exceeded if each.exceeded else " " for each in self._rows]
        names = [f"{mark} {each.quantity}" for mark, each in zip(marks, self._rows, strict=True)]
        return Column("  quantity", names, right=False, styles=self._alarm)

    def amounts(self) -> list[Column]:
        columns = [self._names()]
        if any(each.mode != "free" for each in self._rows):
            columns.append(Column("mode", [SHORT.get(each.mode, each.mode) for each in self._rows], right=False))
        columns.append(Column("compared", [count(each.compared) for each in self._rows]))
        if any(each.nonfinite for each in self._rows):
            columns.append(self._column("nan or inf", lambda each: count(each.nonfinite)))
        if any(each.unjudged for each in self._rows):
            columns.append(Column("unjudged", [count(each.unjudged) for each in self._rows]))
        return [
            *columns,
            self._column("exceeded", lambda each: count(each.exceeded), alarm=True),
            self._column("max |diff|", lambda each: difference(each.max_abs), alarm=True),
            self._column("allowed", lambda each: difference(each.envelope_at_max)),
            self._column("used", lambda each: percent(each.budget_used), alarm=True),
            self._column("ulp", lambda each: ulps(each.max_ulp)),
        ]

    def places(self) -> list[Column]:
        """Where each is worst, and both sides' values there."""
        spec = self._report.spec
        columns = [
            self._names(),
            self._place("at t", lambda at: count(at.t)),
            self._place("batch", lambda at: count(at.batch)),
            self._place("unit", lambda at: count(at.unit)),
        ]
        if spec.num_layers > 1:
            columns.append(self._place("layer", lambda at: count(at.layer)))
        if spec.bidirectional:
            columns.append(self._place("direction", lambda at: at.direction, right=False))
        candidate, reference = side_names(self._report, self._screen, NAME)
        return [
            *columns,
            self._column(candidate, lambda each: told_apart(each.candidate_value, each.reference_value)[0]),
            self._column(reference, lambda each: told_apart(each.candidate_value, each.reference_value)[1]),
        ]

    def _column(self, header: str, fact: Fact, right: bool = True, alarm: bool = False) -> Column:
        told = (each.compared or each.at is not None for each in self._rows)  # the others were not judged at all
        cells = [fact(each) if tells else NOTHING for each, tells in zip(self._rows, told, strict=True)]
        return Column(header, cells, right, self._alarm if alarm else ())

    def _place(self, header: str, fact: Callable[[Place], str], right: bool = True) -> Column:
        return self._column(header, lambda each: NOTHING if each.at is None else fact(each.at), right)
