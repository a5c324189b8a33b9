"""Does the rounding envelope pass what is right and fail what is wrong? Prints the tables of docs/envelope.md.

python -m benchmarks.envelope_calibration --configs 2000 --seed 0
"""

import argparse
import time
import warnings
from collections import defaultdict

import torch

from benchmarks import fixed_tolerance, power
from benchmarks.configurations import Configuration, configuration
from benchmarks.judge import Judgement, judge
from benchmarks.right_layers import right_layers
from rnncheck.envelope import exact_and_envelope, lockstep_envelope, restarts
from rnncheck.implementations import load
from rnncheck.spec import Dtype
from rnncheck.trace import State, Trace


PARTS = ("right", "power", "fixed")


def runners(configuration: Configuration):
    """Every right implementation of the configuration: its name, and run(x, state, lengths)."""
    spec, weights = configuration.spec, configuration.weights
    dtype = getattr(torch, spec.dtype)
    for name in ("torch", "scratch", "numpy"):
        implementation = load(name)
        if implementation.refuses(spec, lengths=bool(configuration.lengths)):
            continue
        layer = implementation.build(spec, weights)

        def run(x, state, lengths=None, layer=layer) -> Trace:
            c = None if state.c is None else state.c.to(dtype)
            return layer.run(x.to(dtype), State(state.h.to(dtype), c), lengths)

        yield name, run
    for right in right_layers(spec):
        yield right.name, lambda x, state, lengths=None, right=right: right.run(spec, weights, x, state, lengths)


def no_false_alarm(configs: int, seed: int) -> None:
    """Table 1: the largest share of the allowance that a right implementation used, per dtype."""
    worst: dict[tuple[str, str, str], float] = defaultdict(float)
    alarms: dict[str, int] = defaultdict(int)
    runs: dict[str, int] = defaultdict(int)
    unjudged = beyond = 0
    for number in range(configs):
        case = configuration(seed + number)
        envelope = exact_and_envelope(case.spec, case.weights, case.x, case.state, case.lengths, rounding=case.rounding)
        starts = restarts(case.x, envelope, case.lengths)
        lockstep = lockstep_envelope(case.spec, case.weights, starts, rounding=case.rounding)
        beyond += bool(envelope.lost.any())
        for name, run in runners(case):
            free = judge(run(case.x, case.state, case.lengths), envelope)
            local = judge(run(starts.x, starts.state), lockstep)
            runs[name] += 1
            for mode, judgement in (("free", free), ("lockstep", local)):
                unjudged += mode == "lockstep" and not judgement.judged
                key = name, str(case.spec.dtype), mode
                worst[key] = max(worst[key], judgement.budget)
                if judgement.mismatch or judgement.budget > 0.6:
                    alarms[name] += 1
                    print(
                        "ALARM",
                        seed + number,
                        name,
                        mode,
                        judgement,
                        case.spec,
                        case.scale,
                        case.data,
                        case.lengths,
                        tuple(case.x.shape),
                    )
    print(f"\n{configs} configurations, {sum(runs.values())} runs of right layers, {sum(alarms.values())} false alarms")
    print(f"{beyond} configurations have a horizon within the run; {unjudged} lockstep runs could not be judged")
    print("\n| implementation | runs | " + " | ".join(f"{d} free / lockstep" for d in Dtype) + " |")
    print("| --- | --- |" + " --- |" * len(Dtype))
    for name in runs:
        cells = [f"{worst[name, str(d), 'free']:.2f} / {worst[name, str(d), 'lockstep']:.2f}" for d in Dtype]
        print(f"| {name} | {runs[name]} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    with torch.inference_mode():
        if "right" in options.only:
            no_false_alarm(options.configs, options.seed)
        if "power" in options.only:
            power.table(options.configs // 4, options.seed)
        if "fixed" in options.only:
            fixed_tolerance.table(options.configs // 4, options.seed)
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
