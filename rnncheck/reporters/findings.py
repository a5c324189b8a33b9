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
    name = Text(f"  {screen.clean(finding.slug)}  ", "bold")
    message = Text(held(screen.clean(finding.message, 2000)))
    column = name.cell_len if name.cell_len <= WIDEST else 4
    lines = hanging(name, message, screen.width, column) if column > 4 else [name, *_indented(message, screen, column)]
    if finding.mend:
        for label, said in (("mend", finding.mend), ("more", f"rnncheck faults {finding.slug}")):
            lines += _indented(Text().append(f"{label}  ", "dim").append(held(screen.clean(said, 500))), screen, column)
    return lines


def _indented(text: Text, screen: Screen, column: int) -> list[Text]:
    return hanging(Text(), text, screen.width, column)
