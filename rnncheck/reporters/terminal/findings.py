"""The findings on the screen: the name, the explanation and how to mend it."""

from rich.text import Text

from rnncheck.report import Finding, Report
from rnncheck.reporters.terminal.layout import GAP, hanging, held
from rnncheck.reporters.terminal.screen import Screen

WIDEST = 26  # of a name, with its margins, beside which its text stands
LABELS = 8  # where the text behind "mend" begins
MESSAGE = 4  # lines of a message on the short screen


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
    message = Text(held(screen.clean(finding.message, 2000)))
    if name.cell_len <= WIDEST:
        return hanging(name, message, screen.width, name.cell_len)
    name.rstrip()
    return [name, *hanging(Text(), message, screen.width, 2 * GAP)]


def _mend(finding: Finding, screen: Screen) -> list[Text]:
    lines: list[Text] = []
    if finding.mend:
        for label, said in (("mend", finding.mend), ("more", f"rnncheck faults {finding.slug}")):
            text = Text(held(screen.clean(said, 500)))
            lines += hanging(Text(f"  {label}", "dim"), text, screen.width, LABELS)
    return lines
