"""Layers in every style through the whole check: is the verdict right, is a fault named, does a refusal help?

Run it as `python benchmarks/reading.py [--sample N | --pairs | --all] [--seed S] [--faults N] [--cases DIR ...]`.
The generated layers (`tests/generated/`) are right, each beside torch.nn in float64, and checked in this process, so
their seconds are processor time without the imports. `--faults` plants known faults in as many of them. `--cases` takes
folders with a `manifest.json` of files, options and wanted exit codes; each of them is a process of its own, as are
`--commands N` of the generated ones, whose exit code must be that of the verdict. Every layer that is not as wanted is
listed.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import torch
from generated.faults import planted
from generated.kind import Kind, pairs, product, sample
from generated.outcomes import command, outcome
from generated.truth import gap, loaded, written

ROWS = (
    "right", "named", "not named", "false mismatch", "passed though wrong", "inconclusive", "refused, with a way out",
    "refused, without", "over the limit", "failed",
)  # fmt: skip
EXIT_CODES = {"equivalent": 0, "mismatch": 1, "inconclusive": 5}
REFUSED = 4


@dataclass(frozen=True)
class Result:
    """What became of one layer: a row of the table, its seconds, and what to show of it."""

    row: str
    seconds: float
    shown: str


class OverTheLimit(BaseException):
    """The time for one layer is up; not an Exception, so that nobody catches it as theirs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=100, metavar="N", help="as many generated layers by chance")
    parser.add_argument("--pairs", action="store_true", help="so many that every two choices meet")
    parser.add_argument("--all", action="store_true", help="every one there is: days")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", type=int, default=0, metavar="N", help="planted in N generated layers")
    parser.add_argument("--cases", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--commands", type=int, default=0, metavar="N", help="N generated ones by the command line too")
    parser.add_argument(
        "--limit",
        type=float,
        default=60,
        metavar="S",
        help="seconds for one layer",
    )
    said = parser.parse_args()
    torch.set_num_threads(1)
    kinds: Iterable[Kind] = (
        product() if said.all else pairs(said.seed) if said.pairs else sample(said.sample, said.seed)
    )
    with tempfile.TemporaryDirectory() as folder:
        kinds = list(kinds)
        table("generated", (right_layer(kind, Path(folder), said.limit) for kind in kinds))
        if said.faults:
            table("generated, with a fault", wrong_layers(kinds, Path(folder), said.faults, said.limit))
        if said.commands:
            table("generated, by the command line", (by_command(kind, Path(folder)) for kind in kinds[: said.commands]))
    for cases in said.cases:
        table(str(cases), cases_of(cases, said.limit))


def table(title: str, results: Iterable[Result]) -> None:
    """Lists what is not as wanted as it comes, then the counts and seconds."""
    counted, seconds = Counter[str](), []
    print(f"## {title}\n", flush=True)
    for result in results:
        counted[result.row] += 1
        seconds.append(result.seconds)
        if result.row not in ("right", "named"):
            print(f"- {result.row}, {result.seconds:.1f} s: {result.shown}", flush=True)
    print(f"\n| | of {len(seconds)} |\n| --- | --- |")
    for row in ROWS:
        if counted[row] or row in ("right", "false mismatch", "passed though wrong", "refused, without"):
            print(f"| {row} | {counted[row]} ({counted[row] / max(1, len(seconds)):.1%}) |")
    if seconds:
        seconds.sort()
        middle, late = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.95)]
        print(f"| seconds: median, 95 %, most | {middle:.2f}, {late:.2f}, {seconds[-1]:.2f} |\n", flush=True)


def right_layer(kind: Kind, folder: Path, limit: float) -> Result:
    row, seconds, shown = checked(kind, folder, limit)
    row = {"equivalent": "right", "mismatch": "false mismatch"}.get(row, row)
    return Result(row, seconds, shown)


def wrong_layers(kinds: list[Kind], folder: Path, count: int, limit: float) -> Iterator[Result]:
    """Faults in turn, each where it changes what is returned."""
    for number in range(count):
        kind = kinds[number % len(kinds)]
        choices = planted(kind)
        if not choices:
            continue
        slug, replaced = choices[number % len(choices)]
        if gap(kind, loaded(written(kind, folder, replaced))) < 1e-3:
            continue
        row, seconds, shown = checked(kind, folder, limit, replaced)
        if row == "mismatch":
            row = "named" if shown.split("|")[0].strip() == slug else "not named"
        row = {"equivalent": "passed though wrong"}.get(row, row)
        yield Result(row, seconds, f"{slug}: {shown}")


def checked(kind: Kind, folder: Path, limit: float, replaced: dict[str, str] | None = None) -> tuple[str, float, str]:
    """The verdict or why there is none, seconds, and the first finding or line of the message with the kind."""
    began = time.process_time()
    try:
        with Limit(limit):
            got = outcome(kind, folder, replaced)
    except OverTheLimit:
        return "over the limit", time.process_time() - began, f"| {kind.says}"
    except Exception as problem:  # ours: to be listed, not to end the run
        return "failed", time.process_time() - began, f"{type(problem).__name__}: {problem} | {kind.says}"
    if got.refusal is not None:
        row = "refused, with a way out" if got.way_out else "refused, without"
        return row, got.seconds, f"{got.refusal.strip().splitlines()[0]} | {kind.says}"
    return got.verdict or "", got.seconds, f"{got.slugs[0] if got.slugs else ''} | {kind.says}"


def by_command(kind: Kind, folder: Path) -> Result:
    """Whether the exit code is that of the verdict which the library gives."""
    got = outcome(kind, folder)
    began = time.perf_counter()
    code = run(command(kind, got.path)).returncode
    same = code == (REFUSED if got.verdict is None else EXIT_CODES[got.verdict])
    return Result(
        "right" if same else "failed", time.perf_counter() - began, f"exit {code}, {got.verdict} | {kind.says}"
    )


def cases_of(folder: Path, limit: float) -> Iterator[Result]:
    for case in json.loads((folder / "manifest.json").read_text(encoding="utf-8")):
        began = time.perf_counter()
        candidate = f"{folder / case.get('file', 'reading.py')}:{case['name']}"
        shown = f"{candidate} {' '.join(case['options'])}"
        try:
            done = run(["compare", candidate, *case["options"], "--format", "json"], limit)
        except subprocess.TimeoutExpired:
            yield Result("over the limit", time.perf_counter() - began, shown)
            continue
        slugs = [finding["slug"] for finding in json.loads(done.stdout).get("findings", [])] if done.stdout else []
        yield Result(
            case_row(case, done.returncode, slugs, done.stderr), time.perf_counter() - began, f"{shown} {slugs}"
        )


def case_row(case: dict[str, object], code: int, slugs: list[str], stderr: str) -> str:
    wanted = case["exit_code"]
    if code == wanted:
        names = case.get("slugs") or slugs
        return "right" if not names or (slugs and slugs[0] in names) else "not named"
    if code == REFUSED:
        return "refused, with a way out" if "rnncheck adapt" in stderr or "--" in stderr else "refused, without"
    return {0: "passed though wrong", 1: "false mismatch", 5: "inconclusive"}.get(code, "failed")


def run(arguments: list[str], limit: float | None = None) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "rnncheck", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=limit, check=False)


class Limit:
    """Raises OverTheLimit in what it holds after so much processor time, where the system has such a timer."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGPROF, _over)
            signal.setitimer(signal.ITIMER_PROF, self.seconds)

    def __exit__(self, *_: object) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, 0)


def _over(_signal: int, _frame: FrameType | None) -> None:
    raise OverTheLimit


if __name__ == "__main__":
    main()
