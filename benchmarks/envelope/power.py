"""How small an error lockstep sees: so many ulp in one weight, one bias, or one gate of one unit at one step."""

import random
from collections import defaultdict
from dataclasses import replace

import torch
from torch import Tensor

from benchmarks.envelope.configurations import Configuration, configuration
from benchmarks.envelope.judge import judge, judge_steps
from benchmarks.envelope.right_layers import MERGED, RightLayer
from rnncheck.envelope import Restarts, exact_and_envelope, independent_units, lockstep_envelope, restarts
from rnncheck.model.spec import Dtype
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights

ULPS = (2, 4, 8, 16, 64, 256, 1024)
STATED = 16
KINDS = ("weight", "bias", "gate")
BASE = replace(MERGED, tanh=torch.tanh)


def ulp(value: Tensor) -> Tensor:
    """The distance between neighbouring float32 numbers there."""
    return torch.ldexp(torch.ones_like(value), torch.frexp(value).exponent - 24)


def off_by(value: Tensor, at: int, ulps: int) -> Tensor:
    changed = value.flatten().clone()
    changed[at] += ulps * ulp(changed[at])
    return changed.view(value.shape)


def float32_cut(case: Configuration) -> Configuration:
    """Weights that float32 holds exactly: an ulp is then one in both precisions."""
    return replace(case, weights=Weights({name: each.float().double() for name, each in case.weights.values.items()}))


def disturbed(case: Configuration, kind: str, ulps: int, dice: random.Random, steps: int) -> tuple[RightLayer, Weights]:
    """A right layer with one thing wrong: the layer, and the weights it gets."""
    if kind == "gate":
        index, place = dice.randrange(case.spec.num_layers * case.spec.directions), dice.randrange(steps * 10**6)

        def disturb(where: int, t: int, gate: Tensor) -> Tensor:
            return off_by(gate, place % gate.numel(), ulps) if where == index else gate

        return replace(BASE, disturb=disturb), case.weights
    names = [name for name in case.weights.values if name.startswith(kind)]
    name = dice.choice(names)
    value = case.weights.values[name]
    return BASE, Weights({**case.weights.values, name: off_by(value, dice.randrange(value.numel()), ulps)})


def table(configs: int, seed: int) -> None:
    """Prints the share caught: of all, and of those whose exact effect is larger than the allowance."""
    counts: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0] * 5)
    for number in range(seed, seed + configs):
        case = float32_cut(configuration(number, dtype=Dtype.FLOAT32, default_weights=True))
        envelope = exact_and_envelope(case.spec, case.weights, case.x, case.state, case.lengths, rounding=case.rounding)
        starts = restarts(case.x.float(), envelope, case.lengths)
        starts = Restarts(starts.x.double(), rounded(starts.state), starts.places)
        lockstep = lockstep_envelope(case.spec, case.weights, starts, rounding=case.rounding)
        independent = independent_units(case.spec, case.weights)
        exactly = replace(case.spec, dtype=Dtype.FLOAT64)
        for kind in KINDS:
            if kind == "bias" and not case.spec.bias:
                continue
            for ulps in ULPS:
                layer, weights = disturbed(case, kind, ulps, random.Random(number), starts.x.shape[1])
                effect = judge(layer.run(exactly, weights, starts.x, starts.state), lockstep).budget
                run = layer.run(case.spec, weights, starts.x, starts.state)
                caught = judge_steps(run, lockstep, independent).mismatch
                counted = counts[kind, ulps]
                counted[0] += 1
                counted[1] += caught
                counted[2] += effect > 1
                counted[3] += effect > 1 and caught
                counted[4] += effect > 1 and judge(run, lockstep).mismatch
    print("\n| one ... off by | " + " | ".join(f"{ulps} ulp" for ulps in ULPS) + " |")
    print("| --- |" + " --- |" * len(ULPS))
    for kind in KINDS:
        rows = [counts[kind, ulps] for ulps in ULPS]
        print(f"| {kind}: caught, of all | " + " | ".join(f"{100 * r[1] / max(r[0], 1):.1f} %" for r in rows) + " |")
        print(f"| {kind}: effect above the allowance | " + " | ".join(f"{r[2]} of {r[0]}" for r in rows) + " |")
        for title, column in (("caught, of those", 3), ("caught, of those, by one unit alone", 4)):
            shares = [f"{100 * r[column] / r[2]:.1f} %" if r[2] else "-" for r in rows]
            print(f"| {kind}: {title} | " + " | ".join(shares) + " |", flush=True)
    above, seen = (sum(counts[kind, STATED][column] for kind in KINDS) for column in (2, 3))
    print(f"\nat {STATED} ulp, {seen} of {above} whose effect is above the allowance are caught")


def rounded(state: State) -> State:
    """The states as float32 holds them."""
    return State(state.h.float().double(), None if state.c is None else state.c.float().double())
