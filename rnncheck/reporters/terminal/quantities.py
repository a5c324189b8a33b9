"""The table of quantities on the screen: difference, limit and the worst place."""

from collections.abc import Callable, Sequence

from rich.text import Text

from rnncheck.report import Comparison, Place, Report
from rnncheck.reporters.numbers import NOTHING, count, difference, percent, times, told_apart, ulps
from rnncheck.reporters.overview import GRADIENT, NORMAL, STEPPED, condensed, overview, problems, way_of
from rnncheck.reporters.terminal.layout import TableColumn, hanging, table, unbroken
from rnncheck.reporters.terminal.screen import Screen
from rnncheck.reporters.terminal.states import side_names

NAME = 18  # room for a side's name
MOST_ROWS = 10  # the most in the table of shares
PROBLEM = 12  # where the text of a problem begins

Fact = Callable[[Comparison], str]


def shares(report: Report, screen: Screen) -> list[Text]:
    """One row for each quantity: the share of the limit in each kind of run, and the largest difference."""
    found = overview(report.comparisons)
    if not found:
        return []
    rows = (
        found if len(found) <= MOST_ROWS else [each for index, each in enumerate(found) if index < 2 or not each.agrees]
    )
    rows = rows[: MOST_ROWS - 1] if len(found) > MOST_ROWS else rows
    marks = [" " if row.agrees else screen.glyphs.exceeded for row in rows]
    names = [f"{mark} {row.name}" for mark, row in zip(marks, rows, strict=True)]
    columns = [
        TableColumn("  share of the limit", names, right=False, styles=["" if row.agrees else "red" for row in rows])
    ]
    for way in (NORMAL, STEPPED, GRADIENT):
        cells = [row.ways.get(way) for row in rows]
        if any(cells):
            styles = ["red" if each and not each.agrees else "" for each in cells]
            columns.append(TableColumn(way, [_share(each) for each in cells], styles=styles))
    for header, name in (("difference", "max_abs"), ("limit", "envelope_at_max")):
        amounts = [difference(getattr(row.worst, name)) if was_judged(row.worst) else NOTHING for row in rows]
        columns.append(TableColumn(header, amounts, styles=["" if row.agrees else "red" for row in rows]))
    lines = table(columns, screen.width, indent=0)
    if left_out := len(found) - len(rows):
        lines.append(Text(f"{screen.glyphs.skipped} {left_out} more with -v", "dim"))
    return lines


def _share(comparison: Comparison | None) -> str:
    if comparison is None:
        return ""
    if not was_judged(comparison):
        return "not judged" if comparison.unjudged else NOTHING
    return times(comparison.budget_used)


def was_judged(comparison: Comparison) -> bool:
    """Whether it has a value whose difference could be compared with a limit."""
    return comparison.compared > 0 or comparison.at is not None


def quantities(report: Report, screen: Screen) -> list[Text]:
    """Everything about each quantity in each way of running it; below it, those that could not be compared and why."""
    lines: list[Text] = []
    if rows := condensed(report.comparisons):
        lines += table(_Columns(report, rows, screen).amounts(), screen.width, indent=0)
    if any(each.max_abs != 0 for each in rows) and (placed := [each for each in rows if each.at is not None]):
        lines += [Text(), *table(_Columns(report, placed, screen).places(), screen.width, indent=0)]
    for each in problems(report.comparisons):
        lines += [Text()] if lines else []
        label = Text(f"{screen.glyphs.exceeded} {each.quantity}: ", "red")
        said = unbroken(screen.clean(each.problem, 1000))
        lines += hanging(label, Text(said), screen.width, PROBLEM)
    return lines


class _Columns:
    """The columns of the table, without empty ones."""

    def __init__(self, report: Report, rows: Sequence[Comparison], screen: Screen) -> None:
        self._report, self._rows, self._screen = report, rows, screen
        self._alarm = ["red" if each.exceeded else "" for each in rows]

    def _names(self) -> TableColumn:
        marks = [self._screen.glyphs.exceeded if each.exceeded else " " for each in self._rows]
        names = [f"{mark} {_name(each)}" for mark, each in zip(marks, self._rows, strict=True)]
        return TableColumn("  quantity", names, right=False, styles=self._alarm)

    def amounts(self) -> list[TableColumn]:
        columns = [self._names()]
        if any(each.mode != "free" for each in self._rows):
            columns.append(TableColumn("run", [way_of(each.mode) for each in self._rows], right=False))
        columns.append(TableColumn("compared", [count(each.compared) for each in self._rows]))
        if any(each.nonfinite for each in self._rows):
            columns.append(self._column("nan or inf", lambda each: count(each.nonfinite)))
        if any(each.unjudged for each in self._rows):
            columns.append(TableColumn("not judged", [count(each.unjudged) for each in self._rows]))
        return [
            *columns,
            self._column("beyond", lambda each: count(each.exceeded), alarm=True),
            self._column("difference", lambda each: difference(each.max_abs), alarm=True),
            self._column("limit", lambda each: difference(each.envelope_at_max)),
            self._column("of limit", lambda each: percent(each.budget_used), alarm=True),
            self._column("ulp", lambda each: ulps(each.max_ulp)),
        ]

    def places(self) -> list[TableColumn]:
        """The worst place of each quantity, and both sides' values there."""
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

    def _column(self, header: str, fact: Fact, right: bool = True, alarm: bool = False) -> TableColumn:
        cells = [fact(each) if was_judged(each) else NOTHING for each in self._rows]
        return TableColumn(header, cells, right, self._alarm if alarm else ())

    def _place(self, header: str, fact: Callable[[Place], str], right: bool = True) -> TableColumn:
        return self._column(header, lambda each: NOTHING if each.at is None else fact(each.at), right)


def _name(comparison: Comparison) -> str:
    return f"{comparison.quantity}, float64" if comparison.mode == "backward float64" else comparison.quantity
