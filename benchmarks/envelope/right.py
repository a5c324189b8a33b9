"""How much of the envelope right layers use: none may use more than all of it."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib.util import find_spec

import torch

from benchmarks.envelope.configurations import Configuration, configuration
from benchmarks.envelope.judge import judge, judge_steps
from benchmarks.envelope.right_layers import right_layers
from rnncheck.envelope import exact_and_envelope, independent_units, lockstep_envelope, restarts
from rnncheck.implementations import load
from rnncheck.model.spec import Dtype
from rnncheck.model.trace import State, Trace

Runner = Callable[..., Trace]


def runners(case: Configuration) -> Iterator[tuple[str, Runner]]:
    """Every right implementation of the configuration: its name, and run(x, state, lengths)."""
    spec, weights = case.spec, case.weights
    dtype = getattr(torch, spec.dtype)
    for name in ("torch", "scratch", "numpy", *(["onnxruntime"] if find_spec("onnxruntime") else [])):
        implementation = load(name)
        if implementation.refuses(spec, lengths=bool(case.lengths)):
            continue
        layer = implementation.build(spec, weights)

        def run(x, state, lengths=None, layer=layer):
            c = None if state.c is None else state.c.to(dtype)
            return layer.run(x.to(dtype), State(state.h.to(dtype), c), lengths)

        yield name, run
    for right in right_layers(spec):
        yield right.name, lambda x, state, lengths=None, right=right: right.run(spec, weights, x, state, lengths)


def table(configs: int, seed: int) -> None:
    """Prints the largest share of the allowance that each right implementation used, per dtype."""
    worst: dict[tuple[str, str, str], float] = defaultdict(float)
    runs: dict[str, int] = defaultdict(int)
    alarms = beyond = elements = 0
    for number in range(seed, seed + configs):
        case = configuration(number)
        envelope = exact_and_envelope(case.spec, case.weights, case.x, case.state, case.lengths, rounding=case.rounding)
        starts = restarts(case.x, envelope, case.lengths)
        lockstep = lockstep_envelope(case.spec, case.weights, starts, rounding=case.rounding)
        independent = independent_units(case.spec, case.weights)
        beyond += bool(envelope.lost.any())
        for name, run in runners(case):
            runs[name] += 1
            free = judge(run(case.x, case.state, case.lengths), envelope)
            local = judge_steps(run(starts.x, starts.state), lockstep, independent)
            for mode, judgement in (("free", free), ("lockstep", local)):
                key = name, str(case.spec.dtype), mode
                worst[key] = max(worst[key], judgement.budget)
                elements += judgement.judged
                if judgement.mismatch:
                    alarms += 1
                    print("false alarm:", number, name, mode, judgement.budget, case.spec, case.scale, case.data)
    print(f"\n{configs} configurations, {sum(runs.values())} runs of right layers, {elements:.1e} numbers judged")
    print(f"{alarms} false alarms; {beyond} configurations with a horizon")
    print("\n| implementation | runs | " + " | ".join(f"{dtype} free / lockstep" for dtype in Dtype) + " |")
    print("| --- | --- |" + " --- |" * len(Dtype))
    for name in runs:
        cells = [f"{worst[name, str(d), 'free']:.2f} / {worst[name, str(d), 'lockstep']:.2f}" for d in Dtype]
        print(f"| {name} | {runs[name]} | " + " | ".join(cells) + " |", flush=True)
