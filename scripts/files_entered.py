"""How many of rnncheck's files a run enters, and how many call one another: a table for docs/design.md.

Every call is seen by `sys.setprofile`, so a file counts if a function of its own has run, not if it was imported.
"""

import contextlib
import io
import sys
from pathlib import Path
from types import FrameType

from rnncheck.cli.outcome import run

ROOT = Path(__file__).parents[1]
PACKAGE = str(ROOT / "rnncheck")
EXAMPLES = ROOT / "examples"
RUNS = {
    "compare": ["compare"],
    "compare, the user's class": ["compare", f"{EXAMPLES}/candidates/per_gate_lstm.py:PerGateLSTM"],
    "run, a CSV file": ["run", f"{EXAMPLES}/sunspots.csv", "--columns", "SUNACTIVITY"],
    "compare, a mismatch": ["compare", "fault:no-recurrence"],
}


def entered(arguments: list[str]) -> tuple[set[str], set[tuple[str, str]]]:
    """The files in which a function has run, and the pairs of files of which one has called the other."""
    files, calls = set[str](), set[tuple[str, str]]()

    def seen(frame: FrameType, event: str, argument: object) -> None:
        if event != "call" or not (here := frame.f_code.co_filename).startswith(PACKAGE):
            return
        if frame.f_code.co_name == "<module>":
            return
        files.add(here)
        before = frame.f_back.f_code.co_filename if frame.f_back else ""
        if before != here and before.startswith(PACKAGE):
            calls.add((before, here))

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        sys.setprofile(seen)
        try:
            run(arguments)
        finally:
            sys.setprofile(None)
    return files, calls


def table() -> str:
    rows = ["| run | files entered | from file to file |", "| --- | --- | --- |"]
    for name, arguments in RUNS.items():
        files, calls = entered(arguments)
        rows.append(f"| {name} | {len(files)} | {len(calls)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
