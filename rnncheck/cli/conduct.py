"""One check from its options to its exit code: plan, check, reporter."""

import gc
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rnncheck.cli.attended import end_with_parent, limit, require_parent
from rnncheck.cli.options import CheckOptions, Format
from rnncheck.cli.plans import arguments_of, paths_of, plan_of, rows_shown, witness_of
from rnncheck.cli.progress import ProgressLine
from rnncheck.cli.signals import held_back
from rnncheck.cli.streams import stdout_apart
from rnncheck.errors import UsageError
from rnncheck.files import check_writable, write_atomically
from rnncheck.model.spec import Spec
from rnncheck.text import printable

if TYPE_CHECKING:
    from rnncheck.data.sequences import Sequences
    from rnncheck.report import Report


def import_torch() -> None:
    """Imports torch with the garbage collector off: it would walk a million new objects over and over for nothing."""
    gc.disable()
    with held_back():
        import torch  # noqa: F401
    gc.freeze()
    gc.enable()
    end_with_parent()


def conduct(
    candidate: str, spec: Spec, data: "Callable[[], Sequences]", options: CheckOptions, reads: str | None = None
) -> int:
    """Runs the check, writes the report where it was asked for, and returns the exit code. `reads` is the data file."""
    from rnncheck.implementations import check_mappable, check_name, files_of

    rows = rows_shown(options.rows)
    witness_of(options), paths_of(options)  # wrong ones are told before torch loads
    if options.quiet and options.format != "table" and options.output is None:
        raise UsageError(
            f"--quiet prints the verdict line alone, which leaves --format {options.format} no place; "
            "add --output FILE, or leave one of them out"
        )
    if options.timeout is not None:
        require_parent()
    arguments = arguments_of(options.arg)
    for name in (candidate, options.against):
        check_name(name)
    if options.mapping or options.save_mapping:
        check_mappable(candidate)
    sources = (reads, options.weights, options.against_weights, options.mapping, *files_of(candidate, options.against))
    for path in (options.output, options.save_weights, options.save_mapping):
        if path is not None:
            check_writable(path)
            refuse_to_replace(path, sources)
    import_torch()
    if options.timeout is not None:
        limit(options.timeout)
    with held_back():
        from rnncheck.checking.check import check

    with stdout_apart():
        plan = plan_of((candidate, options.against), spec, data(), options, arguments, rows)
        with ProgressLine(sys.stderr) as progress:
            report = check(plan, progress)
    deliver(report, options)
    return report.exit_code


def refuse_to_replace(path: Path, sources: "Iterable[str | Path | None]") -> None:
    """Raises `UsageError` if what is to be written would take the place of what is read."""
    for source in sources:
        if source is not None and path.is_file() and Path(source).is_file() and path.samefile(source):
            raise UsageError(f"{printable(str(path), 200)} would be read and then replaced; write to another file")


def deliver(report: "Report", options: CheckOptions) -> None:
    """Writes the report, whole or not at all, to the file or to stdout; the verdict line alone if quiet."""
    if options.output is not None:
        write_atomically(options.output, rendered(report, options.format, None))
    if options.quiet:
        from rnncheck.reporters.verdict import verdict_line

        sys.stdout.write(verdict_line(report) + "\n")
    elif options.output is None:
        sys.stdout.write(rendered(report, options.format, sys.stdout))


def rendered(report: "Report", format: Format, stream: TextIO | None) -> str:
    """The report as text, fit for the stream it is to be written to, or for a file."""
    if format == "json":
        from rnncheck.reporters import json_file

        return json_file.render(report)
    from rnncheck.reporters import terminal

    return terminal.render(report, stream)
