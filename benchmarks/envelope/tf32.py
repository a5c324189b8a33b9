"""TF32 as tensor cores do it, emulated on the CPU: each factor of a product is rounded to ten stored digits."""

import torch
from torch import Tensor

from benchmarks.envelope.configurations import configuration
from benchmarks.envelope.judge import judge, judge_steps
from benchmarks.envelope.right_layers import RightLayer
from rnncheck.envelope import exact_and_envelope, independent_units, lockstep_envelope, restarts
from rnncheck.envelope.rounding import TF32_UNIT, Rounding
from rnncheck.model.spec import Dtype

DROPPED = 13  # of float32's 23 stored digits
ROUNDING = Rounding(torch.float32, 2.0**-24, factors=TF32_UNIT)


def cut(value: Tensor) -> Tensor:
    """The nearest number of ten stored digits, of two the even one."""
    bits = value.contiguous().view(torch.int32)
    half = (1 << (DROPPED - 1)) - 1 + ((bits >> DROPPED) & 1)
    return ((bits + half) & ~((1 << DROPPED) - 1)).view(torch.float32)


def product(values: Tensor, weight: Tensor) -> Tensor:
    return cut(values) @ cut(weight).T


LAYERS = (RightLayer("TF32", product), RightLayer("TF32, one product with [h; x]", product, joined=True, lerp=True))


def table(configs: int, seed: int) -> None:
    """Prints the largest share of the allowance that a right layer with TF32 products used."""
    worst, alarms = {layer.name: [0.0, 0.0] for layer in LAYERS}, 0
    for number in range(seed, seed + configs):
        case = configuration(number, dtype=Dtype.FLOAT32)
        envelope = exact_and_envelope(case.spec, case.weights, case.x, case.state, case.lengths, rounding=ROUNDING)
        starts = restarts(case.x, envelope, case.lengths)
        lockstep = lockstep_envelope(case.spec, case.weights, starts, rounding=ROUNDING)
        independent = independent_units(case.spec, case.weights)
        for layer in LAYERS:
            free = judge(layer.run(case.spec, case.weights, case.x, case.state, case.lengths), envelope)
            local = judge_steps(layer.run(case.spec, case.weights, starts.x, starts.state), lockstep, independent)
            alarms += free.mismatch or local.mismatch
            used = worst[layer.name]
            worst[layer.name] = [max(used[0], free.budget), max(used[1], local.budget)]
    print(f"\n{configs} configurations with TF32 products, emulated: {alarms} false alarms")
    print("\n| implementation | free / lockstep |\n| --- | --- |")
    for name, (free_most, local_most) in worst.items():
        print(f"| {name} | {free_most:.2f} / {local_most:.2f} |")
