"""Everything a check does by default, in processor time of torch.nn's forward runs of the same layer on the same data.

    python benchmarks/whole_check.py [--turns 5]

One thread. Both sides take turns, and processor time is counted, so that other work disturbs little.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import initial_state, random_sequences
from rnncheck.errors import ExitCode
from rnncheck.model.spec import Cell, Spec

SHAPE = 100, 32, 64, 128  # T, B, I, H
FORWARDS = 20  # runs of torch.nn in a turn
PLANS: dict[str, dict[str, bool]] = {
    "by default": {},
    "without gradients": {"backward": False},
    "and the witness": {"witness": True},
}


def processor_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def forward_of(spec: Spec, steps: int, batch_size: int) -> Callable[[], object]:
    """One forward run of torch.nn over the same random data."""
    layer = getattr(torch.nn, str(spec.cell).upper())(spec.input_size, spec.hidden_size)
    x = torch.from_numpy(next(iter(random_sequences(spec.input_size, steps, batch_size).chunks(steps)))).float()
    state = initial_state(spec, batch_size, seed=0).to("cpu", torch.float32)
    start = state.h if state.c is None else (state.h, state.c)
    return lambda: layer(x, start)


def check_of(spec: Spec, steps: int, batch_size: int, switches: dict[str, bool]) -> Callable[[], object]:
    def run() -> None:
        report = check(Plan(spec, random_sequences(spec.input_size, steps, batch_size), **switches))
        if report.exit_code is not ExitCode.EQUIVALENT:
            raise SystemExit(f"{spec.cell}: {report.verdict}, {report.reason}")

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    turns = parser.parse_args().turns
    torch.set_num_threads(1)
    steps, batch_size, input_size, hidden_size = SHAPE
    print(f"{'cell':5}  {'check':28}  {'forwards':>8}  {'min':>6}  {'max':>6}")
    for cell in Cell:
        spec = Spec(cell=cell, input_size=input_size, hidden_size=hidden_size)
        forward = forward_of(spec, steps, batch_size)
        checks = {name: check_of(spec, steps, batch_size, switches) for name, switches in PLANS.items()}
        ratios: dict[str, list[float]] = {name: [] for name in PLANS}
        for turn in range(turns + 1):
            for name, run in checks.items():
                with torch.inference_mode():
                    one = processor_seconds(lambda: [forward() for _ in range(FORWARDS)]) / FORWARDS  # noqa: B023
                taken = processor_seconds(run) / one
                if turn:  # the first warms up
                    ratios[name].append(taken)
        for name, each in ratios.items():
            print(f"{cell:5}  {name:28}  {statistics.median(each):8.1f}  {min(each):6.1f}  {max(each):6.1f}")


if __name__ == "__main__":
    main()
