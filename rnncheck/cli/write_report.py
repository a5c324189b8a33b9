"""Writes a report to stdout and to files in any format, also for errors."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rnncheck.cli.options import CheckOptions
from rnncheck.cli.repeat import repeat
from rnncheck.errors import INTERRUPTED, CannotRun, OutputError, RnncheckError, UsageError, exit_code_of
from rnncheck.files import append, check_writable, write_atomically
from rnncheck.text import printable

if TYPE_CHECKING:
    from rnncheck.report import Failure, Report
    from rnncheck.sweep_report import SweepReport

SUMMARY = "GITHUB_STEP_SUMMARY"  # names the file that GitHub shows as the summary of a job


@dataclass(frozen=True)
class Delivery:
    """One place for the report: a file, or stdout without a path."""

    format: str
    path: Path | None = None


def deliveries(options: CheckOptions, formats: Sequence[str] | None = None) -> list[Delivery]:
    """All places for the report. Raises `UsageError` for an unknown format, or two reports for one file.

    `formats` are those that there are, by default those of a check.
    """
    found = [Delivery(options.format, options.output)]
    if options.quiet and options.output is None:
        if options.format != "table":
            raise UsageError(
                f"--quiet prints only the verdict line, so --format {options.format} needs a file: "
                "add --output FILE, or leave one of them out"
            )
        found = []
    for each in options.report or []:
        found.append(asked(each, options, formats))
    paths = [each.path for each in found if each.path is not None and each.path.name != os.devnull]
    for path in paths:
        if paths.count(path) > 1:
            raise UsageError(f"two reports would be written to {printable(str(path), 200)}; give each its own file")
    return found


def asked(text: str, options: CheckOptions, formats: Sequence[str] | None) -> Delivery:
    """The place of `--report FORMAT=FILE`."""
    from rnncheck.reporters.formats import FileFormat

    name, equals, path = text.partition("=")
    known = formats or get_args(FileFormat)
    if name not in known:
        raise UsageError(f"--report is {printable(text, 100)}; it must be FORMAT=FILE, with {', '.join(known)}")
    if path:
        return Delivery(name, Path(path))
    if name != "github" or equals:
        raise UsageError(f"--report {name} needs a file, as in --report {name}=report.{name}")
    if options.format != "table" and options.output is None:
        raise UsageError(f"--report github and --format {options.format} would both go to stdout; add --output FILE")
    return Delivery(name)


def sources_of(candidate: str, options: CheckOptions, reads: str | None = None) -> list[str | Path | None]:
    """Every file that the check reads."""
    from rnncheck.implementations import files_of

    given = (reads, options.weights, options.against_weights, options.mapping)
    return [*given, *files_of(candidate, options.against)]


def refuse_to_replace(targets: Iterable[Path | None], sources: Iterable[str | Path | None]) -> None:
    """Raises `OutputError` for a file that cannot be written, and `UsageError` for one that the check reads."""
    read = list(sources)
    for path in targets:
        if path is not None:
            check_writable(path)
            if is_one_of(path, read):
                raise UsageError(f"{printable(str(path), 200)} would be read and then replaced; write to another file")


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raises `OutputError` for a file that exists, unless it may be replaced."""
    if path.is_file() and not force:
        raise OutputError(f"{printable(str(path), 200)} is there already; --force replaces it")


def is_one_of(path: Path, sources: Iterable[str | Path | None]) -> bool:
    """Whether it is the same file as one of them, also under another name."""
    named = [Path(str(each).partition("::")[0]) for each in sources if each is not None]  # without a layer in the file
    files = [each for each in named if each.is_file()]
    return path.is_file() and any(path.samefile(each) for each in files)


def deliver(report: "Report", candidate: str, options: CheckOptions, reads: str | None = None) -> int:
    """Writes the report to every place, each file whole or not at all, and returns the exit code."""
    report = replace(report, command=repeat(candidate, options, reads))
    for each in sorted(deliveries(options), key=lambda each: each.path is None):  # files first: stdout may be closed
        write(report, each, options)
    if options.quiet:
        from rnncheck.reporters.verdict import verdict_line

        sys.stdout.write(verdict_line(report) + "\n")
    return report.exit_code


def write(report: "Report | SweepReport | Failure", delivery: Delivery, options: CheckOptions) -> None:
    """Writes to one place; a report for GitHub also adds Markdown to the summary of the job."""
    text = rendered(report, delivery, options)
    if delivery.path is None:
        sys.stdout.write(text)
    else:
        write_atomically(delivery.path, text)
    if delivery.format == "github" and (summary := os.environ.get(SUMMARY)):
        append(summary, rendered(report, Delivery("markdown"), options))


def rendered(report: "Report | SweepReport | Failure", delivery: Delivery, options: CheckOptions) -> str:
    """The report as text, for the stream that it goes to or for a file."""
    from rnncheck.report import Failure
    from rnncheck.sweep_report import SweepReport

    if isinstance(report, SweepReport):
        from rnncheck.reporters import sweep

        return sweep.render(report, delivery.format, sys.stdout if delivery.path is None else None)

    if delivery.format != "table":
        from rnncheck.reporters.formats import reporter

        return reporter(delivery.format).render(report)
    if isinstance(report, Failure):
        return "" if delivery.path is None else f"error: {report.reason}\n"  # which stderr has
    from rnncheck.reporters import terminal

    stream = sys.stdout if delivery.path is None else None
    return terminal.render(report, stream, verbose=options.verbose, every_row=options.rows is not None)


@contextmanager
def failures_reported(candidate: str, options: CheckOptions, reads: str | None = None) -> Iterator[None]:
    """Writes an error that ends the check early to every place instead of a report, and raises it again.

    A file that the check reads is never written to.
    """
    started = time.monotonic()
    try:
        yield
    except BaseException as problem:
        from rnncheck.report import Failure

        stopped = isinstance(problem, KeyboardInterrupt)
        reason = INTERRUPTED if stopped else str(problem) or type(problem).__name__
        command = repeat(candidate, options, reads)
        seconds = time.monotonic() - started
        failure = Failure(exit_code_of(problem), reason, candidate, options.against, command, seconds=seconds)
        with suppress(UsageError):
            sources: list[str | Path | None] = [candidate, options.against]
            with suppress(RnncheckError):  # a name that is none reads nothing
                sources += sources_of(candidate, options, reads)
            for each in deliveries(options):
                if each.path is not None and is_one_of(each.path, sources):
                    continue
                with suppress(CannotRun):  # the problem itself is told
                    write(failure, each, options)
        raise
