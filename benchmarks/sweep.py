"""What a sweep finds of 20 planted faults that depend on sizes, how fast it compares, and what a second worker adds.

Run it as `python benchmarks/sweep.py [found|speed|workers|alarms]`. Times are of the processor, which on a busy machine
is less than what the clock says; `speed` and `workers` are ratios within one run.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch

from rnncheck.sweep.explore import Here
from rnncheck.sweep.quick import Comparer
from rnncheck.sweep.sides import Sides
from rnncheck.sweep.space import space_of
from rnncheck.sweep.sweep import SweepPlan, sweep

LAYER = """

class {name}(nn.{base}):
    def forward(self, x, hx=None):
        T, B = (x.shape[1], x.shape[0]) if self.batch_first else x.shape[:2]
        H, I, L, R = self.hidden_size, self.input_size, self.num_layers, self.proj_size
        wrong = {where}
        {before}
        output, final = super().forward(x, hx)
        if wrong:
            output = output.clone()
            {what}
        return output, final
"""
UNIT, STEP, ROWS = (
    "output[..., -1] = 0",
    "output.select(int(self.batch_first), -1).zero_()",
    "output.select(1 - self.batch_first, -1).zero_()",
)


class Planted(NamedTuple):
    """A fault: where it is, what it does, and how its boundary has to be called."""

    name: str
    base: str
    where: str
    words: str
    what: str = UNIT
    before: str = ""


FAULTS = (
    Planted("Tail8", "LSTM", "H > 8 and H % 8", "hidden_size from 9 on, where it is not a multiple of 8"),
    Planted("Tail16", "GRU", "H > 16 and H % 16", "hidden_size above 16, where it is not a multiple of 16"),
    Planted(
        "Tail4",
        "RNN",
        "I % 4",
        "input_size that is not a multiple of 4",
        before="if wrong: x = x.clone(); x[..., -1] = 0",
        what="pass",
    ),
    Planted("Odd", "GRU", "H % 2 and H > 1", "hidden_size from 3 on, where it is odd"),
    Planted("Wide", "RNN", "H > 64", "hidden_size above 64"),
    Planted(
        "Input32",
        "GRU",
        "I > 32",
        "input_size above 32",
        before="if wrong: x = x.clone(); x[..., 32:] = 0",
        what="pass",
    ),
    Planted("Long64", "LSTM", "T > 64", "T above 64", STEP),
    Planted("Long512", "RNN", "T > 512", "T above 512", STEP),
    Planted("Long100", "GRU", "T >= 100", "T from 100 on", STEP),
    Planted("Blocks", "RNN", "T % 32 == 0", "T that is a multiple of 32", STEP),
    Planted("Rows16", "LSTM", "B > 16", "batch_size above 16", ROWS),
    Planted("Rows64", "GRU", "B > 64", "batch_size above 64", ROWS),
    Planted("EvenRows", "RNN", "B % 2 == 0", "batch_size that is even", ROWS),
    Planted("Layers", "GRU", "L > 1", "num_layers from 2 on"),
    Planted("Layers3", "LSTM", "L >= 3", "num_layers from 3 on"),
    Planted("Double", "GRU", "x.dtype.itemsize == 8", "dtype float64", "output = output.float().double()"),
    Planted("BothWays", "RNN", "self.bidirectional and B > 8", "bidirectional and batch_size from 9 on", ROWS),
    Planted("NoBias", "LSTM", "not self.bias and H > 16", "without bias and hidden_size above 16"),
    Planted("Product", "RNN", "T * B > 256", "T times batch_size above 256", ROWS),
    Planted("Wider", "GRU", "I > H", "hidden_size below input_size"),
)


def found(seconds: float, workers: int, configurations: int | None, only: list[str] | None) -> None:
    """Each fault in a sweep of its own, or those of these names."""
    print("| fault | found | named | T, B, I, H, L of the smallest | seconds | configurations |")
    print("| --- | --- | --- | --- | ---: | ---: |")
    right = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "planted.py"
        file.write_text("from torch import nn\n" + "".join(LAYER.format(**each._asdict()) for each in FAULTS))
        for each in FAULTS if only is None else [each for each in FAULTS if each.name in only]:
            start = time.process_time()
            plan = SweepPlan(
                Sides(f"{file}:{each.name}"),
                space_of([], []),
                configurations=configurations,
                seconds=None if configurations else seconds,
                workers=workers,
                diagnose=False,
            )
            report = sweep(plan)
            words = [region.in_words for region in report.regions if region.raises is None]
            seen = report.exit_code == 1
            named = words == [each.words]
            right += seen and named
            small = report.regions[0].smallest if report.regions else {}
            sizes = [small.get(name) for name in ("seq_len", "batch_size", "input_size", "hidden_size", "num_layers")]
            took = f"{time.process_time() - start:.0f}"
            told = "yes" if named else f"{'; '.join(words) or '-'}, not {each.words}"
            print(
                f"| {each.name} | {'yes' if seen else 'NO'} | {told} | {sizes} | {took} | {report.drawn:,} |",
                flush=True,
            )
    print(f"\n{right} found and named as planted")


CASE = """
import pytest, torch
from rnncheck.sweep.draw import group
from rnncheck.sweep.space import space_of
from rnncheck import scratch

SPACE = space_of([], {fix!r})
CASES = [each for index in range({groups}) for each in group(SPACE, 0, index)]
torch.set_num_threads(1)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case):
    torch.manual_seed(case.seed)
    arguments = (case.input_size, case.hidden_size, case.num_layers)
    options = dict(bias=case.bias, batch_first=case.batch_first, bidirectional=case.bidirectional)
    name = {{"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}}[case.cell]
    mine, theirs = getattr(scratch, name)(*arguments, **options), getattr(torch.nn, name)(*arguments, **options)
    mine.load_state_dict(theirs.state_dict())
    x = torch.randn(case.seq_len, case.batch_size, case.input_size)
    x = x.transpose(0, 1) if case.batch_first else x
    with torch.no_grad():
        a, b = mine(x), theirs(x)
    torch.testing.assert_close(a[0], b[0])
    torch.testing.assert_close(a[1], b[1])
"""
TURNS = 5
PLAIN = ["dtype=float32", "proj-size=0", "lengths=none", "nonlinearity=tanh", "weight-scale=1"]


def speed(groups: int) -> None:
    """The same configurations, forwards: here, and as a parametrised test of assert_close, in turns."""
    torch.set_num_threads(1)
    space = space_of([], PLAIN)
    explorer = Here(Comparer(*Sides("scratch").loaded()), space, 0)
    for _ in explorer.explored(0, 20):
        pass
    ours, theirs = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(TURNS):
            start = time.process_time()
            drawn = sum(each.drawn for each in explorer.explored(0, groups))
            ours.append(drawn / (time.process_time() - start))
            (fewer, started), (tests, took) = tested(Path(folder), 1), tested(Path(folder), groups)
            theirs.append((tests - fewer) / (took - started))
    ratios = sorted(one / other for one, other in zip(ours, theirs, strict=True))
    print(
        f"a second of processor time, median of {TURNS} turns: sweep {median(ours):,.0f} configurations, parametrised "
        f"assert_close {median(theirs):,.0f}; {median(ratios):.1f} times as many ({ratios[0]:.1f} to {ratios[-1]:.1f})"
    )


def tested(folder: Path, groups: int) -> tuple[int, float]:
    """How many tests pytest passes, and the processor seconds that it takes."""
    file = folder / "test_cases.py"
    file.write_text(CASE.format(groups=groups, fix=PLAIN))
    before = used()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(file)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return int(ended.stdout.split(" passed")[0].split()[-1]), used() - before


def used() -> float:
    """Processor seconds of the processes that were started and ended."""
    import resource

    of = resource.getrusage(resource.RUSAGE_CHILDREN)
    return of.ru_utime + of.ru_stime


def workers(groups: int, *, dask: bool) -> None:
    """How many configurations are explored, once all have started: by one worker, two, and two of dask.

    Beside other work, two workers do not get twice the processor; a second of processor time is worth the same.
    """
    from rnncheck.sweep.cluster import Cluster, Job
    from rnncheck.sweep.workers import Workers

    sides, space = Sides("scratch"), space_of([], [])
    makers: dict[str, Callable[[], Workers | Cluster]] = {
        "one worker": lambda: Workers(1, sides, space, 0),
        "two": lambda: Workers(2, sides, space, 0),
    }
    if dask:
        makers["two of dask"] = lambda: Cluster("local", 2, Job(sides, space, 0), lambda said: None)
    rates: dict[str, list[tuple[float, float]]] = {}
    for name in [*makers] * TURNS:
        pool = makers[name]()
        every = pool.explored(0, None)
        for _ in range(96):
            next(every)
        start, before, drawn = time.monotonic(), of_children(), 0
        for _ in range(groups):
            drawn += next(every).drawn
        rates.setdefault(name, []).append((drawn / (time.monotonic() - start), drawn / (of_children() - before)))
        pool.close()
    for name, found in rates.items():
        wall, processor = (median(each) for each in zip(*found, strict=True))
        print(f"{name}: {wall:,.0f} a second, {processor:,.0f} a second of processor time, medians of {TURNS} turns")
    for one, other in zip(list(rates)[1:], rates, strict=False):
        for what, which in (("a second", 0), ("a second of processor time", 1)):
            of = sorted(a[which] / b[which] for a, b in zip(rates[one], rates[other], strict=True))
            print(f"{one} to {other}, {what}: {median(of):.2f} times as many ({of[0]:.2f} to {of[-1]:.2f})")


def of_children() -> float:
    """Processor seconds of this process and all that it has started and that still run, and theirs."""
    tree, seconds = {os.getpid()}, 0.0
    for line in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parent.name)):
        with suppress(OSError):
            facts = line.read_text().rpartition(")")[2].split()
            if int(line.parent.name) in tree or int(facts[1]) in tree:
                tree.add(int(line.parent.name))
                seconds += (int(facts[11]) + int(facts[12])) / os.sysconf("SC_CLK_TCK")
    return seconds


def alarms(configurations: int, count: int, seed: int) -> None:
    """Right layers: nothing may be found."""
    for name in ("scratch", "numpy"):
        report = sweep(
            SweepPlan(Sides(name), space_of([], []), seed=seed, configurations=configurations, workers=count)
        )
        print(
            f"{name}: {report.verdict}, {report.compared:,} compared, {report.judged} judged, "
            f"{report.undecided} undecided, {report.seconds:,.0f} s"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", default="found", choices=["found", "speed", "workers", "alarms"])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--configs", type=int)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--dask", action="store_true", help="workers: dask too")
    parser.add_argument("--only", nargs="+", help="names of faults")
    asked = parser.parse_args()
    match asked.what:
        case "found":
            found(asked.seconds, asked.workers, asked.configs, asked.only)
        case "speed":
            speed(150)
        case "workers":
            workers(400, dask=asked.dask)
        case "alarms":
            alarms(asked.configs or 20_000, asked.workers, asked.seed)
