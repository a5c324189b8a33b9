"""The report on a terminal: the default screen, the full one, and those of the other commands."""

from collections.abc import Mapping, Sequence
from typing import IO

from rich.text import Text

from rnncheck.report import Comparison, Report, Verdict
from rnncheck.reporters.terminal.bench import bench
from rnncheck.reporters.terminal.checks import Check, checks
from rnncheck.reporters.terminal.doctor import doctor
from rnncheck.reporters.terminal.findings import findings, first_finding, paths, witness
from rnncheck.reporters.terminal.frame import framed, verdict
from rnncheck.reporters.terminal.layout import LABELS, entry, hanging, unbroken
from rnncheck.reporters.terminal.quantities import quantities, shares
from rnncheck.reporters.terminal.screen import Screen, screen_for
from rnncheck.reporters.terminal.summary import in_short, notes, read_in_words, summary
from rnncheck.reporters.terminal.timesteps import timesteps
from rnncheck.timings import Bench

__all__ = ["render", "render_bench", "render_checks", "render_doctor"]
PASS, OTHER = 23, 39  # lines; one more is left to the prompt
FEWEST_LINES, MOST_LINES = 6, 16  # lines of a table of timesteps, its three headings among them
SENTENCES = 8  # lines of the verdict
NOTES = 3  # lines of notes, and fewer where there is no room for them


def render(
    report: Report,
    stream: IO[str] | None = None,
    width: int | None = None,
    *,
    verbose: bool = False,
    every_row: bool = False,
) -> str:
    """The report as text for `stream`: its width, its encoding, and colours if it shows them.

    Without a stream the text is for a file: plain, of the usual width. `verbose` shows everything. Otherwise the text
    is short; `every_row` then adds all timesteps that are in the report.
    """
    screen = screen_for(stream, width)
    return screen.rendered(full(report, screen) if verbose else brief(report, screen, every_row=every_row))


def full(report: Report, screen: Screen) -> list[Text]:
    """Every section, the most important first."""
    sections = [verdict(report, screen), findings(report, screen), quantities(report, screen)]
    sections += [paths(report, screen)]
    sections += [timesteps(report, each, screen) for each in report.comparisons if each.per_timestep]
    sections += [witness(report, screen), notes(report, screen), summary(report, screen)]
    return framed(sections, report, screen)


def brief(report: Report, screen: Screen, *, every_row: bool = False) -> list[Text]:
    """The report in at most `PASS` or `OTHER` lines, unless `every_row` of its timesteps is asked for."""
    most = PASS if report.verdict is Verdict.EQUIVALENT else OTHER
    top = [clipped(verdict(report, screen), SENTENCES, screen), first_finding(report, screen), shares(report, screen)]
    shown = table_shown(report)
    for lines in range(NOTES, 0, -1):
        bottom = [*clipped(notes(report, screen), lines, screen), *told_of(report, screen)]
        room = most - len(framed([*top, bottom], report, screen)) - 1
        if room >= FEWEST_LINES:
            break
    rows = None if every_row else max(min(room, MOST_LINES), FEWEST_LINES)
    table = [] if shown is None else timesteps(report, shown, screen, rows)
    return framed([*top, table, bottom], report, screen)


def table_shown(report: Report) -> Comparison | None:
    """The quantity whose timesteps are shown: the first wrong one, or else the first."""
    timed = [each for each in report.comparisons if each.per_timestep]
    return next((each for each in timed if not each.agrees), timed[0] if timed else None)


def told_of(report: Report, screen: Screen) -> list[Text]:
    """On what both were run, and how the candidate was read if that is not torch's own way; a line each."""
    lines = one_line("compared", in_short(report, screen), screen)
    if read := read_in_words(report, screen):
        lines += one_line("read as", read, screen)
    return lines


def one_line(label: str, text: str, screen: Screen) -> list[Text]:
    lines = entry(label, text, screen.width)
    if len(lines) == 1:
        return lines
    dots = screen.glyphs.skipped
    short = hanging(Text(), Text(unbroken(text)), screen.width - len(dots) - 1, LABELS)[0].plain.strip()
    return entry(label, f"{short} {dots}", screen.width)


def clipped(lines: list[Text], most: int, screen: Screen) -> list[Text]:
    """The first `most` lines, and a note if there are more."""
    if len(lines) <= most:
        return lines
    left_out = len(lines) - most + 1
    more = Text(" " * LABELS + f"{screen.glyphs.skipped} {left_out} more lines with -v", "dim")
    if most == 1:
        return entry("notes", f"{left_out} lines with -v", screen.width)
    return [*lines[: most - 1], more]


def render_doctor(facts: Mapping[str, object], stream: IO[str] | None = None, width: int | None = None) -> str:
    """What `rnncheck doctor` found, by section."""
    screen = screen_for(stream, width)
    return screen.rendered(doctor(facts, screen))


def render_checks(
    found: Sequence[Check], exit_code: int, stream: IO[str] | None = None, width: int | None = None
) -> str:
    """What `rnncheck check` found: a row for each candidate, and the exit code of all."""
    screen = screen_for(stream, width)
    return screen.rendered(checks(found, exit_code, screen))


def render_bench(
    found: Bench, stream: IO[str] | None = None, width: int | None = None, *, verbose: bool = False
) -> str:
    """What `rnncheck bench` found."""
    screen = screen_for(stream, width)
    return screen.rendered(bench(found, screen, verbose=verbose))
