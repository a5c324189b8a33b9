"""How long the screen is, how large each report is and how long it takes to render, and which exit codes write which.

Run it as `python benchmarks/reports.py` from the repository's root. It prints the tables of docs/reports.md.
"""

import contextlib
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args
from unittest import mock

import torch

from rnncheck import Report, check
from rnncheck.cli.outcome import run
from rnncheck.report import Verdict
from rnncheck.reporters import terminal
from rnncheck.reporters.formats import FileFormat, reporter

PASS, MISMATCH = 24, 40  # the most lines at 80 columns
PAGE = 500_000  # the most bytes of a page
REPEATS = 5
FORMATS = get_args(FileFormat)
CANDIDATES = "examples/candidates/"
RIGHT: dict[str, dict[str, object]] = {
    "scratch": {},
    "scratch --cell lstm --num-layers 2 --bidirectional": {"cell": "lstm", "num_layers": 2, "bidirectional": True},
    "scratch --cell gru --lengths 7,5,2": {"cell": "gru", "lengths": [7, 5, 2]},
    CANDIDATES + "reordered_lstm.py:ReorderedLSTMCell": {"cell": "lstm"},
    CANDIDATES + "numpy_rnn.py:rnn_forward": {},
}
WRONG: dict[str, dict[str, object]] = {
    "examples/notebook/notebook_rnn.py:NotebookRNN": {},
    CANDIDATES + "drop_in_lstm.py:DropInLSTM": {"cell": "lstm"},
    CANDIDATES + "textbook_gru.py:TextbookGRUCell": {"cell": "gru"},
    CANDIDATES + "bidirectional_rnn.py:BidirectionalRNN": {"bidirectional": True},
    CANDIDATES + "stateful_rnn.py:StatefulRNN": {},
    CANDIDATES + "truncated_rnn.py:TruncatedRNN": {},
    "fault:no-recurrence": {},
    "fault:missing-recurrent-bias": {"cell": "gru"},
    "fault:padding-advances-state": {"cell": "lstm", "lengths": [7, 5, 2]},
    "fault:forget-bias-added": {"cell": "lstm", "hidden_size": 64, "seq_len": 100},
}
EXIT_CODES = {
    0: ["compare"],
    1: ["compare", "fault:no-recurrence"],
    2: ["compare", "--hidden-size", "0"],
    3: ["compare", "torch"],  # with an error put into rnncheck
    4: ["compare", "numpy", "--dtype", "float16"],
    5: ["compare", "--strict", "--atol", "0.01"],
}


def reports(verdict: Verdict, runs: dict[str, dict[str, object]]) -> Iterator[tuple[str, Report]]:
    for name, options in runs.items():
        report = check(name.partition(" ")[0], **options)  # type: ignore[arg-type]
        assert report.verdict == verdict, f"{name}: {report.verdict}"
        yield name, report


def lines(report: Report, width: int) -> int:
    return len(terminal.render(report, width=width).splitlines())


def milliseconds(name: str, report: Report) -> float:
    """The median of a few; the first, which imports what the format needs, is left out."""
    taken = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        reporter(name).render(report)
        taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken[1:])


def screens_and_pages(found: list[tuple[str, Report]]) -> bool:
    """One row a run; whether all are short and small enough."""
    print("| run | verdict | lines, 80 columns | 120 columns | HTML, kB | HTML, ms |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    fits = True
    for name, report in found:
        height, page = lines(report, 80), len(reporter("html").render(report).encode())
        fits &= height <= (PASS if report.verdict == Verdict.EQUIVALENT else MISMATCH) and page < PAGE
        sizes = f"{height} | {lines(report, 120)} | {page / 1000:.0f} | {milliseconds('html', report):.0f}"
        print(f"| `{name}` | {report.verdict} | {sizes} |", flush=True)
    return fits


def formats(found: list[tuple[str, Report]]) -> None:
    """Bytes and milliseconds of each format, over all runs."""
    print("\n| format | kB, smallest to largest | ms, median |")
    print("| --- | ---: | ---: |")
    for name in FORMATS:
        sizes = sorted(len(reporter(name).render(report).encode()) / 1000 for _, report in found)
        taken = statistics.median(milliseconds(name, report) for _, report in found)
        print(f"| {name} | {sizes[0]:.1f} to {sizes[-1]:.1f} | {taken:.1f} |")


def exit_codes() -> bool:
    """Which formats each exit code writes; whether each command ends as it should and writes all."""
    print(f"\n| exit code | {' | '.join(FORMATS)} |")
    print(f"| --- |{' --- |' * len(FORMATS)}")
    whole = True
    for code, command in EXIT_CODES.items():
        with tempfile.TemporaryDirectory() as folder:
            files = {name: Path(folder) / name for name in FORMATS}
            bug = mock.patch("rnncheck.cli.one_check.conduct", side_effect=ZeroDivisionError)
            with contextlib.ExitStack() as stack:
                stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
                stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
                if code == 3:
                    stack.enter_context(bug)
                ended = run([*command, *(f"--report={name}={path}" for name, path in files.items())])
            written = {name: path.is_file() and path.stat().st_size > 0 for name, path in files.items()}
        whole &= ended == code and all(written.values())
        print(f"| {ended} | {' | '.join('written' if written[name] else 'nothing' for name in FORMATS)} |", flush=True)
    return whole


def main() -> int:
    torch.set_num_threads(1)
    found = [*reports(Verdict.EQUIVALENT, RIGHT), *reports(Verdict.MISMATCH, WRONG)]
    fits = screens_and_pages(found)
    formats(found)
    return 0 if exit_codes() and fits else 1


if __name__ == "__main__":
    sys.exit(main())
