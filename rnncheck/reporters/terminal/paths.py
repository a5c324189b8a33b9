"""The paths on the screen: one row for each, and the paths that are not supported."""

import math
from collections.abc import Sequence

from rich.text import Text

from rnncheck.report import Comparison, NotGone, PathFacts, Report
from rnncheck.reporters.numbers import NOTHING, count, percent
from rnncheck.reporters.overview import PATH
from rnncheck.reporters.terminal.layout import TableColumn, entry, table
from rnncheck.reporters.terminal.screen import Screen


def paths(report: Report, screen: Screen) -> list[Text]:
    """Of every path how many values were compared and exceeded, and how much of what is allowed was used."""
    gone = [each for each in report.paths if each.gone]
    lines: list[Text] = []
    if gone:
        lines += table(_columns(gone, report.comparisons, screen), screen.width, indent=0)
    label = "not offered"
    for facts in report.paths:
        for each in facts.not_offered:
            if each.by == "candidate" or report.reference.name != "torch":  # users do not expect what torch.nn lacks
                lines += entry(label, screen.clean(_said(facts, each), 1000), screen.width)
                label = ""
    return lines


def of_path(comparisons: Sequence[Comparison], slug: str) -> list[Comparison]:
    return [each for each in comparisons if each.mode == PATH + slug]


def _columns(gone: Sequence[PathFacts], comparisons: Sequence[Comparison], screen: Screen) -> list[TableColumn]:
    rows = [of_path(comparisons, each.path) for each in gone]
    wrong = [any(not each.agrees for each in row) for row in rows]
    alarm = ["red" if each else "" for each in wrong]
    marks = [screen.glyphs.exceeded if each else " " for each in wrong]
    used = [[each.budget_used for each in row if not math.isnan(each.budget_used)] for row in rows]
    return [
        TableColumn("  path", [f"{mark} {each.path}" for mark, each in zip(marks, gone, strict=True)], False, alarm),
        TableColumn("compared", [count(sum(each.compared for each in row)) for row in rows]),
        TableColumn("beyond", [count(sum(each.exceeded for each in row)) for row in rows], styles=alarm),
        TableColumn("of limit", [percent(max(each)) if each else NOTHING for each in used], styles=alarm),
    ]


def _said(facts: PathFacts, each: NotGone) -> str:
    what = "" if not facts.gone else f" ({'; '.join(each.what)})"
    return f"{facts.path}{what}: {'the reference: ' if each.by == 'reference' else ''}{each.why}"
