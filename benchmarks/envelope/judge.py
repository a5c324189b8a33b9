"""A judge that has nothing but the envelope: what the calibration measures."""

from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.envelope import Envelope, lowered_envelope
from rnncheck.model.trace import State, Trace


@dataclass(frozen=True)
class Judgement:
    """The largest share of the allowance used, and how many elements it is the largest of."""

    budget: float
    judged: int

    @property
    def mismatch(self) -> bool:
        return not self.budget <= 1


def judge(trace: Trace, envelope: Envelope) -> Judgement:
    """How a run fares, where the envelope judges."""
    exact, allowed = envelope.exact, envelope.allowed
    pairs = [(trace.output, exact.output, allowed.output), (trace.final.h, exact.final.h, allowed.final.h)]
    if trace.final.c is not None:
        pairs.append((trace.final.c, exact.final.c, allowed.final.c))
    shares = torch.cat([used(*pair) for pair in pairs])
    if not len(shares):
        return Judgement(0.0, 0)
    return Judgement(torch.inf if shares.isnan().any() else float(shares.max()), len(shares))


def judge_steps(trace: Trace, envelope: Envelope, independent: State) -> Judgement:
    """How single steps fare: each unit by itself, and all units of a step at once."""
    return judge(trace, lowered_envelope(envelope, trace.final, independent))


def used(value: Tensor, exact: Tensor, allowed: Tensor) -> Tensor:
    judged = allowed.isfinite()
    value, exact, allowed = value.double()[judged], exact[judged], allowed[judged]
    difference = (value - exact).abs()
    return torch.where(difference == 0, 0.0, difference / allowed)
