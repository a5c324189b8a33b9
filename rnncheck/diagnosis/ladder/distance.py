"""The error of one run of a candidate against exact arithmetic, and whether an envelope contains it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rnncheck.envelope import Envelope, Rounding, exact_and_envelope, restarts
from rnncheck.implementations.protocol import Implementation
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace, dtype_of, rounded
from rnncheck.model.weights import Weights

FEWEST = 6  # samples: the least an envelope takes, where only its exact run is wanted
PLACES = 192  # steps that lockstep restarts


@dataclass(frozen=True)
class MeasuredRun:
    """The inputs of a run: x (T, B, I), the initial states and the weights, all in float64 on the host."""

    implementation: Implementation
    spec: Spec
    weights: Weights
    x: Tensor
    state: State
    lengths: Sequence[int] | None = None
    withheld: frozenset[str] = frozenset()  # of "h0" and "c0": those that the candidate does not take, and are zero

    def run(self) -> Trace:
        """Runs the candidate, newly built, at the spec's dtype. Raises what the candidate raises."""
        dtype, device = dtype_of(self.spec), self.spec.device
        layer = self.implementation.build(self.spec, self.weights)
        return layer.run(self.x.to(device, dtype, copy=True), self.state.to(device, dtype), self.lengths)

    def envelope(self, rounding: Rounding, samples: int = 16) -> Envelope:
        return exact_and_envelope(
            self.spec, self.weights, self.x, self.state, self.lengths, rounding=rounding, samples=samples
        )

    def lockstep(self, envelope: Envelope) -> "MeasuredRun":
        """The steps of this run, each from its exact state, as sequences of length 1; evenly chosen if there are many.

        States and x are rounded to the run's dtype, so that they can be cut further without being rounded twice.
        """
        starts = restarts(self.x, envelope, self.lengths)
        count = starts.x.shape[1]
        chosen = torch.arange(0, count, max(1, -(-count // PLACES)))
        dtype = envelope.rounding.dtype
        state = starts.state.map(lambda each: each[:, chosen]).rounded(dtype)
        h = torch.zeros_like(state.h) if "h0" in self.withheld else state.h
        c = None if state.c is None else state.c * ("c0" not in self.withheld)
        weights = Weights({name: rounded(value, dtype) for name, value in self.weights.values.items()})
        return replace(self, weights=weights, x=rounded(starts.x[:, chosen], dtype), state=State(h, c), lengths=None)


@dataclass(frozen=True)
class Gap:
    """The largest error of a run, and the largest share of its allowance that an error takes."""

    size: float
    share: float

    @property
    def contained(self) -> bool:
        return self.share <= 1


def gap(trace: Trace, envelope: Envelope, floor: float = 0.0) -> Gap:
    """How far a run is from exact arithmetic, where it is judged; a NaN, or another shape, is infinitely far.

    `floor` is added to what is allowed: what is lost near zero.
    """
    sizes, shares = [0.0], [0.0]
    found, most = trace.shown(), envelope.allowed.shown()
    for name, exact in envelope.exact.shown().items():
        if name in trace.unexposed:
            continue
        value, allowed = found.get(name), most[name]
        if value is None or value.shape != exact.shape:
            return Gap(torch.inf, torch.inf)
        error = (value.detach().cpu().double() - exact).abs().nan_to_num(nan=torch.inf)[allowed.isfinite()]
        share = torch.where(error == 0, 0.0, error / (allowed[allowed.isfinite()] + floor))
        if error.numel():
            sizes.append(float(error.max()))
            shares.append(float(share.max()))
    return Gap(max(sizes), max(shares))


def worse(a: Gap, b: Gap) -> Gap:
    return Gap(max(a.size, b.size), max(a.share, b.share))
