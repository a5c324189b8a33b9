"""The table of quantities: how many values, how far apart, what was allowed, and where it is worst."""

from collections.abc import Callable, Sequence

from rich.text import Text

from rnncheck.report import Comparison, Place, Report
from rnncheck.reporters.layout import Column, hanging, table
from rnncheck.reporters.numbers import NOTHING, count, difference, exact, percent, ulps
from rnncheck.reporters.screen import Screen

WHERE = 1  # the group of columns that say where


def quantities(report: Report, screen: Screen) -> list[Text]:
    """One row for each quantity; below it, those that could not be compared and why."""
    lines: list[Text] = []
    if rows := [each for each in report.comparisons if each.problem is None]:
        lines += table(_columns(report, rows, screen), screen.width)
    for each in report.comparisons:
        if each.problem is not None:
            if lines:
                lines.append(Text())
            problem = Text(f"not compared: {screen.clean(each.problem, 1000)}")
            lines += hanging(Text(f"  {each.quantity}", "bold red"), problem, screen.width, 12)
    return lines


def _columns(report: Report, rows: Sequence[Comparison], screen: Screen) -> list[Column]:
    def column(header: str, fact: Callable[[Comparison], str], group: int = 0, right: bool = True) -> Column:
        return Column(header, [fact(each) for each in rows], right, group=group)

    def place(fact: Callable[[Place], object]) -> Callable[[Comparison], str]:
        return lambda each: NOTHING if each.at is None else str(fact(each.at))

    columns = [column("quantity", lambda each: each.quantity, right=False)]
    if any(each.mode != "free" for each in rows):
        columns.append(column("mode", lambda each: each.mode, right=False))
    columns.append(column("compared", lambda each: count(each.compared)))
    if any(each.nonfinite for each in rows):
        columns.append(column("nan or inf", lambda each: count(each.nonfinite)))
    columns += [
        column("exceeded", lambda each: count(each.exceeded)),
        column("max |diff|", lambda each: difference(each.max_abs)),
        column("allowed", lambda each: difference(each.envelope_at_max)),
        column("used", lambda each: percent(each.budget_used)),
        column("ulp", lambda each: ulps(each.max_ulp)),
        column("largest at t", place(lambda at: count(at.t)), WHERE),
        column("batch", place(lambda at: at.batch), WHERE),
        column("unit", place(lambda at: at.unit), WHERE),
    ]
    if report.spec.num_layers > 1:
        columns.append(column("layer", place(lambda at: at.layer), WHERE))
    if report.spec.bidirectional:
        columns.append(column("direction", place(lambda at: at.direction), WHERE, right=False))
    candidate, reference = side_names(report, screen, 18)
    columns.append(column(candidate, lambda each: exact(each.candidate_value), WHERE))
    columns.append(column(reference, lambda each: exact(each.reference_value), WHERE))
    return columns


def side_names(report: Report, screen: Screen, room: int) -> tuple[str, str]:
    """What the two sides are called at the head of a column: their names if they fit and differ, else their roles."""
    names = [screen.clean(side.name) for side in (report.candidate, report.reference)]
    if names[0] == names[1] or max(map(len, names)) > room:
        return "candidate", "reference"
    return names[0], names[1]
