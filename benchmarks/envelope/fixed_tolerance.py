"""The envelope beside a fixed tolerance: torch.testing.assert_close, with its defaults, on the same cases."""

from collections import defaultdict
from dataclasses import replace

import torch

from benchmarks.envelope.configurations import configuration
from benchmarks.envelope.judge import judge, judge_steps
from benchmarks.envelope.right_layers import RightLayer, right_layers
from benchmarks.envelope.wrong_layers import WRONG
from rnncheck.envelope import exact_and_envelope, independent_units, lockstep_envelope, restarts
from rnncheck.model.spec import Dtype
from rnncheck.model.trace import Trace

SIDE = RightLayer("torch.nn's order of operations")


def table(configs: int, seed: int) -> None:
    """Prints how many right layers each fails, and how many wrong ones each passes."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * 5)
    for number in range(seed, seed + configs):
        case = configuration(number)
        envelope = exact_and_envelope(case.spec, case.weights, case.x, case.state, case.lengths, rounding=case.rounding)
        starts = restarts(case.x, envelope, case.lengths)
        lockstep = lockstep_envelope(case.spec, case.weights, starts, rounding=case.rounding)
        independent = independent_units(case.spec, case.weights)
        reference = SIDE.run(case.spec, case.weights, case.x, case.state, case.lengths)
        exact = SIDE.run(replace(case.spec, dtype=Dtype.FLOAT64), case.weights, case.x, case.state, case.lengths)
        sides = [
            (f"right, {case.spec.dtype}", layer, case.weights, case.state) for layer in right_layers(case.spec)[1:]
        ]
        if case.spec.dtype in (Dtype.FLOAT64, Dtype.FLOAT32):  # in half precision it fails right and wrong alike
            sides += [(name, SIDE, *fault(case)) for name, fault in WRONG.items()]
        for name, layer, weights, state in sides:
            run = layer.run(case.spec, weights, case.x, state, case.lengths)
            if name in WRONG:
                there = layer.run(replace(case.spec, dtype=Dtype.FLOAT64), weights, case.x, state, case.lengths)
                if torch.equal(there.output, exact.output):
                    continue  # the fault makes no difference here
            started = starts.state if state is case.state else None
            stepped = None if started is None else layer.run(case.spec, weights, starts.x, started)
            local = stepped is not None and judge_steps(stepped, lockstep, independent).mismatch
            free = judge(run, envelope).mismatch
            counted = counts[name]
            counted[0] += 1
            counted[1] += not close(run, reference)
            counted[2] += free or local
            counted[3] += free
            counted[4] += local
    print("\n| layer | cases | failed by assert_close | failed by the envelope | free | lockstep |")
    print("| --- |" + " --- |" * 5)
    for name in sorted(counts, key=lambda name: (name in WRONG, list(WRONG).index(name) if name in WRONG else 0)):
        total, fixed, envelope, free, local = counts[name]
        print(f"| {name} | {total} | {fixed} | {envelope} | {free} | {local} |", flush=True)


def close(run: Trace, reference: Trace) -> bool:
    pairs = [(run.output, reference.output), (run.final.h, reference.final.h)]
    if run.final.c is not None:
        pairs.append((run.final.c, reference.final.c))
    try:
        for pair in pairs:
            torch.testing.assert_close(*pair, equal_nan=True)
    except AssertionError:
        return False
    return True
