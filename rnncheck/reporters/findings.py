"""What was found out, each by its name: what it is, on what evidence, and how to mend it."""

from rich.text import Text

from rnncheck.report import Finding, Report
from rnncheck.reporters.layout import hanging, held
from rnncheck.reporters.screen import Screen

WIDEST = 26  # of a name, with its margins, beside which its text stands


def findings(report: Report, screen: Screen) -> list[Text]:
    lines: list[Text] = []
    for finding in report.findings:
        lines += _finding(finding, screen)
    return lines


def _finding(finding: Finding, screen: Screen) -> list[Text]:
    label = Text(f"  {screen.clean(finding.slug)}  ", "bold")
    said = Text(held(screen.clean(finding.message, 2000)))
    column = label.cell_len if label.cell_len <= WIDEST else 4
    lines = hanging(label, said, screen.width, column) if column > 4 else [label, *_indented(said, screen, column)]
    if finding.mend:
        mend = Text("mend  ", "dim").append(held(screen.clean(finding.mend, 500)), "")
        more = f"rnncheck faults {finding.slug}"
        lines += _indented(mend, screen, column)
        lines += _indented(Text("more  ", "dim").append(screen.clean(more), ""), screen, column)
    return lines


def _indented(text: Text, screen: Screen, column: int) -> list[Text]:
    return hanging(Text(), text, screen.width, column)
