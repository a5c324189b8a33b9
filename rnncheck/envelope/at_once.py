"""The units of one layer at one step, all at once: one may be far off, but in a right layer not many are.

Each unit sums weights of its own, so units round independently. The root mean square of the shares of the allowance
that they use is therefore far below what one of them may use, and has a limit of its own.
"""

from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.envelope.envelope import Envelope
from rnncheck.spec import Spec
from rnncheck.trace import State
from rnncheck.weights import Weights

IN_COMMON = 0.08  # mean square of the shares that all units may have in common, as a rough tanh makes it
APART = 0.3  # mean square of one unit's by itself, which averages out over units; measured, see docs/envelope.md


def independent_units(spec: Spec, weights: Weights) -> Tensor:
    """How many units of each layer and direction (L*D) round independently: those that sum different weights.

    Rows of the same weights, in whatever order and with whatever signs, or so but for a power of two, count as one.
    """
    values = weights.cast(spec)
    kinds = (("weight_ih", spec.cell.gates), ("weight_hh", spec.cell.gates), ("weight_hr", 1))
    counts = []
    for layer in range(spec.num_layers):
        for way in ("", "_reverse")[: spec.directions]:
            found = [(values.get(f"{name}_l{layer}{way}"), gates) for name, gates in kinds]
            counts.append(min(different_rows(value, gates) for value, gates in found if value is not None))
    return torch.tensor(counts)


def different_rows(weight: Tensor, gates: int) -> int:
    """How many rows of a weight (gates * H, ·) round differently, in the gate where they are fewest."""
    digits = torch.frexp(weight.double().abs().sum(1)).mantissa.view(gates, -1)
    return min(len(each.unique()) for each in digits)


def lowered(candidate: Tensor, exact: Tensor, allowed: Tensor, independent: Tensor) -> Tensor:
    """What is `allowed`, all (L*D, N, W), lowered at the steps where the units at once are off by more than it says.

    sqrt(mean of (error / allowed)^2) <= sqrt(0.08 + 0.3 / n), over the n units that rounding can move. Where a step
    uses more of this than its worst unit uses of its own allowance, that is lowered until the unit uses as much.
    """
    error = (candidate - exact).abs()
    moved = allowed.isfinite() & ((exact != 0) | (error != 0))
    shares = torch.where(moved, error / allowed, 0.0).nan_to_num(nan=0.0, posinf=0.0).clamp_max(1e100)
    units = moved.sum(-1).clamp_min(1)
    limit = (IN_COMMON + APART / torch.minimum(units, independent.to(units.device)[:, None])).sqrt()
    used = (shares.square().sum(-1) / units).sqrt() / limit
    worst = shares.amax(-1)
    return allowed / torch.where(worst > 0, used / worst, 1.0).clamp_min(1.0)[..., None]


def lowered_envelope(envelope: Envelope, final: State, independent: Tensor) -> Envelope:
    """The envelope of single steps for a candidate that took them to the states `final`, whatever their shapes."""
    exact, allowed = envelope.exact.final, envelope.allowed.final
    h, c = allowed.h, allowed.c
    if final.h.shape == exact.h.shape:
        h = lowered(final.h.detach().to(exact.h), exact.h, h, independent)
    if final.c is not None and exact.c is not None and c is not None and final.c.shape == exact.c.shape:
        c = lowered(final.c.detach().to(exact.c), exact.c, c, independent)
    return replace(envelope, allowed=replace(envelope.allowed, final=State(h, c)))
