"""The report for GitHub Actions: an annotation at the candidate's file and line."""

import re

from rnncheck.report import Failure, Report, Verdict
from rnncheck.reporters.verdict import lines_of
from rnncheck.text import printable

LEVELS = {Verdict.EQUIVALENT: "notice", Verdict.MISMATCH: "error", Verdict.INCONCLUSIVE: "warning"}
FILE = re.compile(r"(?P<file>.*\.(?:py|ipynb))(?::(?P<line>\d+))?")


def render(report: Report | Failure) -> str:
    """One workflow command. GitHub reads it from the log of a step, both from stdout and from stderr."""
    level = "error" if isinstance(report, Failure) else LEVELS[report.verdict]
    title = f"rnncheck: {report.verdict}"
    if isinstance(report, Report) and report.findings:
        title += f" ({report.findings[0].slug})"
    values = {**place(report), "title": title}
    properties = ",".join(f"{name}={escaped(value, ':,')}" for name, value in values.items())
    return f"::{level} {properties}::{escaped(chr(10).join(lines(report)))}\n"


def place(report: Report | Failure) -> dict[str, str]:
    """The file and line of the candidate's source, if it is the user's own code."""
    if isinstance(report, Failure):
        where = report.candidate.rpartition(":")[0] or report.candidate
    else:
        where = report.candidate.location
    match = FILE.fullmatch(where)
    return {} if match is None else {key: value for key, value in match.groupdict().items() if value}


def lines(report: Report | Failure) -> list[str]:
    """The lines of the annotation. After a failure: the reason, and the command that repeats it."""
    if isinstance(report, Report):
        return lines_of(report)
    return [printable(report.reason, 1000), *([f"Repeat it: {report.command}"] if report.command else [])]


def escaped(text: str, more: str = "") -> str:
    """Text with escaped characters that would end the command: %, line ends, and in a property colons and commas."""
    for sign in "%\r\n" + more:
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text
