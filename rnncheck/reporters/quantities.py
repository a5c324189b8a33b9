"""The table of quantities: how many values, how far apart, what was allowed, and where it is worst."""

from collections.abc import Callable, Sequence

from rich.text import Text

from rnncheck.report import Comparison, Place, Report
from rnncheck.reporters.condensed import condensed, problems
from rnncheck.reporters.layout import Column, hanging, held, table
from rnncheck.reporters.names import side_names
from rnncheck.reporters.numbers import NOTHING, count, difference, percent, told_apart, ulps
from rnncheck.reporters.screen import Screen

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
