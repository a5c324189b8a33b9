"""The report of a sweep, in every format."""

from collections.abc import Callable
from typing import IO

from rnncheck.reporters.json_file import dump
from rnncheck.reporters.sweep import junit, pages, screen
from rnncheck.sweep_report import SweepReport

FORMATS: dict[str, Callable[[SweepReport], str]] = {
    "json": lambda report: dump(report.to_dict()),
    "junit": junit.render,
    "github": pages.github,
    "markdown": pages.markdown,
    "html": pages.html,
}


def render(report: SweepReport, format: str, stream: IO[str] | None = None) -> str:
    """The report in one of the formats, or as a table for `stream`, or for a file where there is none."""
    return screen.render(report, stream) if format == "table" else FORMATS[format](report)
