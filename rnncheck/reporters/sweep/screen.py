"""The report of a sweep on a terminal: each region with its smallest configuration."""

from typing import IO

from rich.text import Text

from rnncheck.reporters.sweep.words import facts, sentences, title, tried
from rnncheck.reporters.terminal.frame import STYLES
from rnncheck.reporters.terminal.layout import entry, hanging, held
from rnncheck.reporters.terminal.screen import Screen, screen_for
from rnncheck.sweep_report import Region, SweepReport

LABELS = 14


def render(report: SweepReport, stream: IO[str] | None = None, width: int | None = None) -> str:
    screen = screen_for(stream, width)
    label = mark(report, screen).append("  ")
    lines: list[Text] = []
    for sentence in sentences(report):
        said = Text(held(screen.clean(sentence, 2000)))
        lines += hanging(Text() if lines else label, said, screen.width, label.cell_len)
    for number, each in enumerate(report.regions, 1):
        lines += [Text(), *shown(number, each, screen)]
    lines.append(Text())
    for name, text in tried(report):
        lines += entry(name, screen.clean(text, 2000), screen.width)
    lines.append(mark(report, screen).append(f"  (exit code {int(report.exit_code)})", "not bold"))
    return screen.rendered(lines)


def mark(report: SweepReport, screen: Screen) -> Text:
    return Text(f"{getattr(screen.glyphs, report.verdict)} {report.verdict}", STYLES[report.verdict])


def shown(number: int, region: Region, screen: Screen) -> list[Text]:
    """One region: its configurations, its message and the command that repeats it."""
    said = Text(held(screen.clean(title(region), 1000)), "bold")
    lines = hanging(Text(f"{number:>3}  ", "bold red"), said, screen.width, 5)
    for name, text in facts(region):
        start = Text(f"     {screen.clean(name)}  ", "dim")
        lines += hanging(start, Text(held(screen.clean(text, 2000))), screen.width, max(LABELS, start.cell_len))
    return lines
