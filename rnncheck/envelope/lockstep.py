"""Lockstep: every step started from the exact states before it, and all units of a layer judged together.

Each unit sums its own weights, so units round independently. The root mean square of their shares of the allowance is
therefore far below the share that one of them may use, and has its own limit.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from rnncheck.envelope.envelope import Envelope, exact_and_envelope
from rnncheck.envelope.rounding import Rounding
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights

SAMPLES = 8  # at least: a single step is judged by many elements


class Restarts(NamedTuple):
    """Every step as a sequence of length 1: x (1, N, I), and the states (L*D, N, ·) from which it starts.

    `places` (N, 2) holds the timestep and the batch row of each.
    """

    x: Tensor
    state: State
    places: Tensor


def restarts(x: Tensor, envelope: Envelope, lengths: Sequence[int] | None = None) -> Restarts:
    """Each step of x (T, B, I) that has data, with the exact states before it.

    A state that overflows in the run's dtype is replaced by zero: a step can be judged from any state.
    """
    seq_len, batch_size = x.shape[:2]
    ends = torch.tensor(lengths or [seq_len] * batch_size, device=x.device)
    t, b = (torch.arange(seq_len, device=x.device)[:, None] < ends).nonzero(as_tuple=True)
    limit = envelope.rounding.largest / 2

    def at_places(states: Tensor) -> Tensor:
        states = states[t, :, b].transpose(0, 1)
        return torch.where(states.abs() <= limit, states, 0.0)

    return Restarts(x[t, b][None], envelope.before.map(at_places), torch.stack([t, b], -1))


def lockstep_envelope(spec: Spec, weights: Weights, starts: Restarts, *, rounding: Rounding) -> Envelope:
    """The envelope of all steps from `starts`, as a batch of sequences of length 1.

    Its exact and allowed h_n and c_n, (L*D, N, ·), belong to every layer and direction at every place.
    """
    return exact_and_envelope(spec, weights, starts.x, starts.state, rounding=rounding, samples=SAMPLES)


IN_COMMON = 0.03  # mean square of the shares that all units may have in common, as a rough tanh makes it
APART = 0.5  # mean square of one unit's by itself, which averages out over units; measured, see docs/envelope.md


def independent_units(spec: Spec, weights: Weights) -> State:
    """How many units of each layer and direction (L*D) round independently, of h and of c: those of different weights.

    Rows with the same weights count as one, also in another order, with other signs, or times a power of two.
    """
    values = weights.cast(spec)
    summed, projected = [], []
    for layer in range(spec.num_layers):
        for way in ("", "_reverse")[: spec.directions]:
            tables = (values[f"weight_{kind}_l{layer}{way}"] for kind in ("ih", "hh"))
            summed.append(min(different_rows(table, spec.cell.gates) for table in tables))
            if spec.proj_size:
                projected.append(min(summed[-1], different_rows(values[f"weight_hr_l{layer}{way}"], 1)))
    return State(torch.tensor(projected or summed), torch.tensor(summed))


def different_rows(weight: Tensor, gates: int) -> int:
    """The number of rows of a weight (gates * H, ·) that round differently, in the gate with the fewest."""
    digits = torch.frexp(weight.double().abs().sum(1)).mantissa.view(gates, -1)
    return min(len(each.unique()) for each in digits)


def lowered(candidate: Tensor, exact: Tensor, allowed: Tensor, independent: Tensor) -> Tensor:
    """`allowed` (L*D, N, W), lowered at the steps where all units together are off by more than expected:

    sqrt(mean of (error / allowed)^2) <= sqrt(0.03 + 0.5 / n), over the n units that rounding can change. If a step uses
    more of this limit than its worst unit uses of its own allowance, the allowance is lowered until the unit uses as
    much. A candidate state of another shape is not judged here.
    """
    if candidate.shape != exact.shape:
        return allowed
    error = (candidate - exact).abs()
    moved = allowed.isfinite() & ((exact != 0) | (error != 0))
    shares = (error / allowed).nan_to_num_(nan=0.0, posinf=0.0).clamp_max_(1e100)
    units = moved.sum(-1).clamp_min(1)
    limit = (IN_COMMON + APART / torch.minimum(units, independent.to(units.device)[:, None])).sqrt()
    used = (shares.square().sum(-1) / units).sqrt() / limit
    worst = shares.amax(-1)
    return allowed / torch.where(worst > 0, used / worst, 1.0).clamp_min(1.0)[..., None]


def lowered_envelope(envelope: Envelope, final: State, independent: State) -> Envelope:
    """The envelope of single steps, lowered for a candidate whose steps end in the states `final`, of any shapes."""
    exact, allowed = envelope.exact.final, envelope.allowed.final
    h, c = lowered(final.h.detach().to(exact.h), exact.h, allowed.h, independent.h), allowed.c
    if final.c is not None and exact.c is not None and c is not None and independent.c is not None:
        c = lowered(final.c.detach().to(exact.c), exact.c, c, independent.c)
    return replace(envelope, allowed=replace(envelope.allowed, final=State(h, c)))
