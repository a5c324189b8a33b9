"""What has to be seen on a GPU, in minutes: tests, every configuration, false alarms, TF32, memory and time.

python -m benchmarks.gpu --device cuda --seconds 300
"""

import argparse
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product

import torch
from torch import Tensor

from benchmarks.envelope.edges import drawn
from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.errors import CannotRun
from rnncheck.implementations import load
from rnncheck.implementations.protocol import Layer
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights
from rnncheck.report import Report, Verdict

Row = tuple[str, str, str]  # what was done, what came of it, what is worth a look

SHARES = {"tests": 0.25, "matrix": 0.3, "against the CPU": 0.1, "false alarms": 0.3, "cost": 0.05}  # of the time
CONFIGURATIONS = 500
SHAPES = (
    {"num_layers": 1, "bidirectional": False},
    {"num_layers": 2, "bidirectional": True},
    {"num_layers": 3, "bidirectional": False},
)


class OnTheHost:
    """torch.nn on the CPU, held against a layer on the card: it is handed copies, and hands back copies."""

    name, location = "torch on the CPU", "torch.nn"

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        return load("torch").refuses(replace(spec, device="cpu"), lengths=lengths)

    def build(self, spec: Spec, weights: Weights) -> "OnTheHostLayer":
        return OnTheHostLayer(load("torch").build(replace(spec, device="cpu"), weights), spec.device)


@dataclass(frozen=True)
class OnTheHostLayer:
    layer: Layer
    device: str

    def parameters(self) -> Mapping[str, Tensor]:
        return {name: value.to(self.device) for name, value in self.layer.parameters().items()}

    def leaves(self) -> None:
        return None

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        trace = self.layer.run(x.cpu(), state.to("cpu", x.dtype), lengths)
        h, c = trace.final.h.to(self.device), trace.final.c
        return Trace(trace.output.to(self.device), State(h, None if c is None else c.to(self.device)))


@dataclass(frozen=True)
class Allotted:
    """The device, and until when a part may go on."""

    device: str
    until: float

    @property
    def over(self) -> bool:
        return time.monotonic() > self.until


def tests(here: Allotted) -> Iterator[Row]:
    """The tests that need a card."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "cuda", "tests"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=max(here.until - time.monotonic(), 1))
        yield (
            "pytest -m cuda",
            (ran.stdout.strip().splitlines() or ["no output"])[-1],
            "" if not ran.returncode else "!",
        )
    except subprocess.TimeoutExpired:
        yield "pytest -m cuda", "stopped at its time limit", "!"


def matrix(here: Allotted) -> Iterator[Row]:
    """Every cell and dtype, layers, directions and lengths; in float32 with and without TF32; all evidence."""
    for cell, dtype in product(Cell, Dtype):
        counts: dict[str, int] = {}
        used: dict[str, float] = {}
        odd = []
        for shape, ragged, tf32 in product(SHAPES, (False, True), (False, True)):
            if here.over or (tf32 and (dtype is not Dtype.FLOAT32 or here.device == "cpu")):
                continue
            lengths = (40, 33, 7, 1) if ragged else None
            spec = Spec(cell, 24, 64, dtype=dtype, device=here.device, **shape)
            data = random_sequences(24, 40, 4, lengths=lengths)
            report = checked(Plan(spec, data, tf32=tf32, witness=False, diagnose=False, **all_paths()))
            told = report if isinstance(report, str) else str(report.verdict)
            counts[told] = counts.get(told, 0) + 1
            if isinstance(report, Report):
                odd += [f"{shape} tf32={tf32}: {wrong(report)}"] if report.verdict is Verdict.MISMATCH else []
                for each in report.comparisons:
                    key = f"{each.mode}{' TF32' if tf32 else ''}"
                    used[key] = max(used.get(key, 0.0), each.budget_used if each.compared else 0.0)
        outcome = ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) or "no time left"
        yield f"{cell} {dtype}", outcome, "; ".join(odd) or " ".join(f"{key} {most:.2f}" for key, most in used.items())


def against_the_host(here: Allotted) -> Iterator[Row]:
    """The card's layers held against torch.nn on the CPU."""
    for cell, dtype in product(Cell, (Dtype.FLOAT64, Dtype.FLOAT32, Dtype.BFLOAT16, Dtype.FLOAT16)):
        if here.over:
            return
        spec = Spec(cell, 24, 64, num_layers=2, dtype=dtype, device=here.device)
        plan = Plan(spec, random_sequences(24, 40, 4), "torch", OnTheHost(), witness=False, diagnose=False)
        report = checked(plan)
        if isinstance(report, str):
            yield f"{cell} {dtype} on both", report, "!"
        else:
            most = max((each.budget_used for each in report.comparisons if each.compared), default=0.0)
            alarm = wrong(report) if report.verdict is Verdict.MISMATCH else ""
            yield f"{cell} {dtype} on both", str(report.verdict), alarm or f"at most {most:.2f} of what is allowed"


def false_alarms(here: Allotted) -> Iterator[Row]:
    """Random configurations, wider than users have, cuDNN against scratch."""
    alarms, verdicts = [], dict.fromkeys((str(each) for each in Verdict), 0)
    for seed in range(CONFIGURATIONS):
        if here.over:
            break
        case = drawn(seed)
        plan = replace(case.plan, spec=replace(case.plan.spec, device=here.device), diagnose=False)
        report = checked(plan)
        if isinstance(report, str):
            continue
        verdicts[str(report.verdict)] += 1
        if report.verdict is Verdict.MISMATCH:
            alarms.append(f"{seed}: {case}: {wrong(report)}")
    told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items() if count)
    yield f"{sum(verdicts.values())} random configurations", told or "no time left", ""
    yield from (("false alarm", each, "!") for each in alarms)


def cost(here: Allotted) -> Iterator[Row]:
    """A whole check's time and memory beside two runs of torch.nn."""
    for cell, shape in product(Cell, ((100, 32, 64, 128), (200, 64, 256, 512))):
        if here.over:
            return
        seq_len, batch_size, input_size, hidden_size = shape
        spec = Spec(cell, input_size, hidden_size, device=here.device)
        plan = Plan(spec, random_sequences(input_size, seq_len, batch_size), witness=False)
        layer = load("torch").build(spec, Weights(drawn_weights(spec)))
        x = torch.randn(seq_len, batch_size, input_size, device=here.device)
        zeros = torch.zeros(1, batch_size, hidden_size, device=here.device)
        state = State(zeros, zeros.clone() if cell is Cell.LSTM else None)
        with torch.inference_mode():
            two = 2 * timed(lambda layer=layer, x=x, state=state: layer.run(x, state), here.device)
        if here.device != "cpu":
            torch.cuda.reset_peak_memory_stats()
        whole = timed(lambda plan=plan: check(plan), here.device, repeats=1)
        peak = torch.cuda.max_memory_allocated() / 2**20 if here.device != "cpu" else float("nan")
        told = f"check {whole * 1e3:.0f} ms, two runs {two * 1e3:.1f} ms: {whole / two:.0f} times"
        yield f"{cell} T {seq_len} B {batch_size} I {input_size} H {hidden_size}", told, f"peak {peak:.0f} MiB"


def drawn_weights(spec: Spec) -> dict[str, Tensor]:
    return {name: torch.randn(shape, dtype=torch.float64) / 10 for name, shape in spec.parameter_shapes().items()}


def timed(work: Callable[[], object], device: str, repeats: int = 5) -> float:
    """Seconds of the fastest."""
    taken = []
    for _ in range(repeats + 1):  # the first one warms up
        start = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return min(taken[1:])


def checked(plan: Plan) -> Report | str:
    """The report, or why there is none."""
    try:
        return check(plan)
    except CannotRun as error:
        return f"could not run: {error}"


def all_paths() -> dict[str, object]:
    """Every path that a layer is used on, where a plan knows of them."""
    return {"paths": "all"} if "paths" in {each.name for each in fields(Plan)} else {}


def wrong(report: Report) -> str:
    return "; ".join(
        f"{each.mode} {each.quantity} {each.budget_used:.3g}" for each in report.comparisons if not each.agrees
    )


PARTS: dict[str, Callable[[Allotted], Iterator[Row]]] = {
    "tests": tests,
    "matrix": matrix,
    "against the CPU": against_the_host,
    "false alarms": false_alarms,
    "cost": cost,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=300.0, help="all of it takes no longer")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.device != "cpu" and not torch.cuda.is_available():
        print("no CUDA device is there; --device cpu is a dry run", file=sys.stderr)
        return 4
    card = torch.get_num_threads() if options.device == "cpu" else torch.cuda.get_device_name()
    print(f"{card if options.device != 'cpu' else f'CPU, {card} threads'}, torch {torch.__version__}\n")
    print("| part | what | outcome | shares of what is allowed |\n| --- | --- | --- | --- |")
    whole = sum(SHARES[name] for name in options.only)
    flagged = 0
    for name in options.only:
        here = Allotted(options.device, time.monotonic() + options.seconds * SHARES[name] / whole)
        for what, outcome, look in PARTS[name](here):
            flagged += look == "!" or "mismatch" in outcome
            print(f"| {name} | {what} | {outcome} | {look} |", flush=True)
    print(f"\n{flagged} rows want a look" if flagged else "\nnothing wants a look")
    return 1 if flagged else 0


if __name__ == "__main__":
    sys.exit(main())
