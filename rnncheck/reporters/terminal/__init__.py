"""The report on a terminal: the default screen, the full one, and that of `rnncheck doctor`."""

from collections.abc import Mapping, Sequence
from typing import IO

from rich.text import Text

from rnncheck.report import Report
from rnncheck.reporters.terminal.bench import bench
from rnncheck.reporters.terminal.brief import brief
from rnncheck.reporters.terminal.checks import Check, checks
from rnncheck.reporters.terminal.doctor import doctor
from rnncheck.reporters.terminal.findings import findings, paths, witness
from rnncheck.reporters.terminal.frame import framed, verdict
from rnncheck.reporters.terminal.quantities import quantities
from rnncheck.reporters.terminal.screen import Screen, screen_for
from rnncheck.reporters.terminal.summary import notes, summary
from rnncheck.reporters.terminal.timesteps import timesteps
from rnncheck.timings import Bench

__all__ = ["render", "render_bench", "render_checks", "render_doctor"]


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
