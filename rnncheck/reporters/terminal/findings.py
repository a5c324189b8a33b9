"""What stands below the verdict: the findings, the paths, and the result of the self-test."""

import math
from collections.abc import Iterable, Sequence

from rich.text import Text

from rnncheck.report import Comparison, Finding, NotGone, PathFacts, Report, Unseen
from rnncheck.reporters.numbers import NOTHING, count, percent
from rnncheck.reporters.overview import PATH
from rnncheck.reporters.terminal.layout import GAP, TableColumn, entry, hanging, table, unbroken
from rnncheck.reporters.terminal.screen import Screen

WIDEST = 26  # of a name, with its margins, beside which its text stands
LABELS = 8  # where the text behind "mend" begins
MESSAGE = 4  # lines of a message on the short screen
MOST_VARIANTS = 3  # variants of one fault that are named
MOST_REASONS = 12  # reasons that are shown; the JSON report has all


def findings(report: Report, screen: Screen) -> list[Text]:
    """All findings in full."""
    lines: list[Text] = []
    for finding in report.findings:
        lines += _named(finding, screen) + _mend(finding, screen)
    return lines


def first_finding(report: Report, screen: Screen) -> list[Text]:
    """The first finding in full, if it is not long, and the names of the others."""
    if not report.findings:
        return []
    first, *others = report.findings
    message, mend = _named(first, screen), _mend(first, screen)
    if len(message) > MESSAGE:
        message = [*message[:MESSAGE], Text(f"    {screen.glyphs.skipped} (-v shows all of it)", "dim")]
    lines = message + mend
    names = dict.fromkeys(screen.clean(each.slug) for each in others if each.slug != first.slug)
    if others:
        also = ", ".join(names) or f"{len(others)} more of it"
        lines += hanging(Text("  also  ", "dim"), Text(f"{also} (-v explains them)"), screen.width, LABELS)
    return lines


def _named(finding: Finding, screen: Screen) -> list[Text]:
    name = Text(f"  {screen.clean(finding.slug)}  ", "bold")
    message = Text(unbroken(screen.clean(finding.message, 2000)))
    if name.cell_len <= WIDEST:
        return hanging(name, message, screen.width, name.cell_len)
    name.rstrip()
    return [name, *hanging(Text(), message, screen.width, 2 * GAP)]


def _mend(finding: Finding, screen: Screen) -> list[Text]:
    lines: list[Text] = []
    if finding.mend:
        for label, said in (("mend", finding.mend), ("more", f"rnncheck faults {finding.slug}")):
            text = Text(unbroken(screen.clean(said, 500)))
            lines += hanging(Text(f"  {label}", "dim"), text, screen.width, LABELS)
    return lines


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


def witness(report: Report, screen: Screen) -> list[Text]:
    """The faults that the check missed, that cannot show, or that it did not try, grouped by the reason."""
    if (found := report.witness) is None:
        return []
    kinds = {"missed": found.missed, "cannot show": found.hidden, "not tried": found.untried}
    return [line for label, faults in kinds.items() for line in _listed(label, faults, screen)]


def _listed(label: str, faults: Sequence[Unseen], screen: Screen) -> list[Text]:
    by_reason: dict[str, list[Unseen]] = {}
    for each in faults:
        by_reason.setdefault(each.why, []).append(each)
    lines: list[Text] = []
    for why, unseen in list(by_reason.items())[:MOST_REASONS]:
        said = f"{', '.join(_names(unseen))}: {why}"
        lines += entry("" if lines else label, screen.clean(said, 2000), screen.width)
    if len(by_reason) > MOST_REASONS:
        rest = sum(map(len, list(by_reason.values())[MOST_REASONS:]))
        lines += entry("", f"and {rest} more, all of them in the JSON report", screen.width)
    return lines


def _names(faults: Iterable[Unseen]) -> list[str]:
    """Each slug once, with its variants or their number."""
    variants: dict[str, list[str]] = {}
    for each in faults:
        variants.setdefault(each.slug, []).append(each.variant)
    return [slug + _which(each) for slug, each in variants.items()]


def _which(variants: Sequence[str]) -> str:
    if variants == [""]:
        return ""
    if len(variants) > MOST_VARIANTS:
        return f" ({len(variants)} variants)"
    return f" ({' | '.join(variant or 'plain' for variant in variants)})"
