"""Is a right layer ever called a mismatch? Whole checks of right layers, far wider than users have them.

python -m benchmarks.false_alarms --configs 20000 --seed 0 --threads 1

python -m benchmarks.false_alarms --configs 300 --paths none --candidates flax:GRUCell,flax:OptimizedLSTMCell

With --candidates only these are checked, each where it does not refuse the configuration. With --recorded a run of each
is recorded in a file, with which torch.nn is compared.
Prints every false alarm, and how many there are by kind; what was left open, and why. Other processors' arithmetic is
tried by running it under ATEN_CPU_CAPABILITY=default or avx2, MKL_CBWR=COMPATIBLE or AVX2, and with 2 threads.
"""

import argparse
import itertools
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.envelope.edges import Drawn, drawn
from benchmarks.envelope.written import DIFFERENTIABLE, Written
from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.checking.record import record
from rnncheck.errors import CannotRun
from rnncheck.implementations import load
from rnncheck.model.trace_file import encode
from rnncheck.report import Report, Verdict

CANDIDATES = ("scratch", *map(Written, DIFFERENTIABLE), "numpy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--candidates", type=lambda names: names.split(","), default=CANDIDATES)
    parser.add_argument("--paths", help="default, all, none or names, as of rnncheck compare")
    parser.add_argument("--recorded", action="store_true", help="compare torch.nn with a recorded run of the candidate")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(options.threads)
    judge = check_recorded if options.recorded else check
    table(options.configs, options.seed, options.seconds, options.candidates, options.paths, judge)


def table(
    configs: int,
    seed: int,
    seconds: float,
    candidates: Sequence[str | Written],
    paths: str | None,
    judge: Callable[[Plan], Report],
) -> None:
    """Prints the false alarms, and of how many configurations of which kind they are."""
    runs, alarms, open_, least = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    start = time.perf_counter()
    for number in itertools.count(seed):
        if time.perf_counter() - start > seconds or sum(runs.values()) == configs:
            break
        case = drawn(number)
        case = replace(case, plan=replace(case.plan, paths=paths))
        kind = f"{case.kind} {case.plan.spec.dtype}"
        able = [each for each in candidates if not refused(case, each)]
        if not able:
            continue
        candidate = able[number % len(able)]
        report = checked(case, candidate, judge)
        runs[kind] += 1
        if report is None:
            least["could not run"] += 1
        elif report.verdict is Verdict.MISMATCH:
            alarms[kind] += 1
            print(f"false alarm: {number}, {name(candidate)}: {case}\n    {wrong(report)}", flush=True)
        elif report.verdict is Verdict.INCONCLUSIVE:
            open_[kind] += 1
            least["open: " + (report.reason or "")[-90:]] += 1
        else:
            judged = any(each.mode.startswith("backward") for each in report.comparisons)
            least["equivalent" + (", gradients too" if judged else "")] += 1
    seeds, seconds = sum(runs.values()), time.perf_counter() - start
    print(f"\n{seeds} configurations in {seconds:.0f} s, {torch.backends.cpu.get_cpu_capability()}")
    print(f"{sum(alarms.values())} false alarms\n")
    print("| kind | configurations | false alarms | left open |\n| --- | --- | --- | --- |")
    for kind in sorted(runs):
        print(f"| {kind} | {runs[kind]} | {alarms[kind]} | {open_[kind]} |")
    for what, count in least.most_common(12):
        print(f"{count:6} {what}")


def refused(case: Drawn, candidate: str | Written) -> bool:
    """Whether a named implementation does not offer this."""
    if not isinstance(candidate, str):
        return False
    return load(candidate).refuses(case.plan.spec, lengths=case.plan.sequences.lengths is not None) is not None


def checked(case: Drawn, candidate: str | Written, judge: Callable[[Plan], Report]) -> Report | None:
    try:
        return judge(replace(case.plan, candidate=candidate, diagnose=False))
    except CannotRun as error:
        print(f"could not run: {case}: {error}", flush=True)
        return None


def check_recorded(plan: Plan) -> Report:
    """The check of torch.nn against a recorded run of the plan's candidate."""
    with TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.safetensors"
        trace.write_bytes(encode(*record(plan)))
        return check(replace(plan, candidate="torch", reference=str(trace)))


def name(candidate: str | Written) -> str:
    return candidate if isinstance(candidate, str) else candidate.name


def wrong(report: Report) -> str:
    """What made it a mismatch."""
    return "; ".join(
        f"{each.mode} {each.quantity} {each.budget_used:.3g}, {each.exceeded} of {each.compared} {each.problem or ''}"
        for each in report.comparisons
        if not each.agrees
    )


if __name__ == "__main__":
    main()
