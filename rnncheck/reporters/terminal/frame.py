"""The first and last lines of every screen: the verdict, and the command that repeats it."""

from collections.abc import Iterable

from rich.text import Text

from rnncheck.report import Report, Verdict
from rnncheck.reporters.terminal.layout import LABELS, hanging, unbroken
from rnncheck.reporters.terminal.screen import Screen
from rnncheck.reporters.verdict import sentences
from rnncheck.text import short

LONG = 10  # where a command begins that does not fit on one line
STYLES = {Verdict.EQUIVALENT: "bold green", Verdict.MISMATCH: "bold red", Verdict.INCONCLUSIVE: "bold yellow"}


def verdict(report: Report, screen: Screen) -> list[Text]:
    """The verdict and its sentences."""
    label = mark(report.verdict, screen).append("  ")
    lines: list[Text] = []
    for sentence in sentences(report):
        said = Text(unbroken(screen.clean(sentence, 10_000)))
        lines += hanging(Text() if lines else label, said, screen.width, label.cell_len)
    return lines


def mark(verdict: Verdict, screen: Screen) -> Text:
    """The verdict as one coloured word after its symbol."""
    return Text(f"{getattr(screen.glyphs, verdict)} {verdict}", STYLES[verdict])


def repeat(report: Report, screen: Screen) -> list[Text]:
    """The command that repeats this report, if there is one."""
    if not report.command:
        return []
    command = Text(unbroken(screen.clean(report.command, 2000)))
    column = LABELS if LABELS + command.cell_len <= screen.width else LONG
    return hanging(Text("  repeat", "dim"), command, screen.width, column)


def last(report: Report, screen: Screen) -> Text:
    """The verdict again, as the last line above the prompt."""
    candidate, reference = (screen.clean(short(side.name)) for side in (report.candidate, report.reference))
    said = f"  {candidate} and {reference} (exit code {int(report.exit_code)})"
    if len(said) + len(report.verdict) + 2 > screen.width:
        said = f"  (exit code {int(report.exit_code)})"
    return mark(report.verdict, screen).append(said, "not bold")


def framed(sections: Iterable[list[Text]], report: Report, screen: Screen) -> list[Text]:
    """The sections with blank lines between them, and the last lines of every screen."""
    lines: list[Text] = []
    for section in filter(None, sections):
        lines += [Text(), *section] if lines else section
    return [*lines, *repeat(report, screen), last(report, screen)]
