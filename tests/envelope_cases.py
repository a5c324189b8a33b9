"""A run to be judged, and a judge that has nothing but the envelope."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rnncheck.data.random import initial_state, random_sequences
from rnncheck.envelope import Envelope, Restarts, exact_and_envelope, lockstep_envelope, restarts, rounding_of
from rnncheck.implementations import load
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights, draw


@dataclass(frozen=True)
class Case:
    spec: Spec
    weights: Weights
    x: Tensor
    state: State
    lengths: tuple[int, ...] | None = None

    def free(self) -> Envelope:
        rounding = rounding_of(self.spec)
        return exact_and_envelope(self.spec, self.weights, self.x, self.state, self.lengths, rounding=rounding)

    def lockstep(self, envelope: Envelope) -> tuple[Restarts, Envelope]:
        starts = restarts(self.x, envelope, self.lengths)
        return starts, lockstep_envelope(self.spec, self.weights, starts, rounding=rounding_of(self.spec))

    def run(self, name: str, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        dtype = getattr(torch, self.spec.dtype)
        c = None if state.c is None else state.c.to(dtype)
        return load(name).build(self.spec, self.weights).run(x.to(dtype), State(state.h.to(dtype), c), lengths)

    def with_weights(self, **changed: Tensor) -> "Case":
        return replace(self, weights=Weights({**self.weights.values, **changed}))


def case(
    spec: Spec, seq_len: int = 9, batch_size: int = 3, lengths: tuple[int, ...] | None = None, *, scale: float = 1
) -> Case:
    sequences = random_sequences(spec.input_size, seq_len, batch_size, lengths=lengths)
    x = torch.from_numpy(next(sequences.chunks(seq_len)))
    return Case(spec, draw(spec, 0).scaled(scale), x, initial_state(spec, batch_size), lengths)


def budget(trace: Trace, envelope: Envelope) -> float:
    """The largest share of the allowance that a run used, where it is judged."""
    exact, allowed = envelope.exact, envelope.allowed
    pairs = [
        (trace.output, exact.output, allowed.output),
        (trace.final.h, exact.final.h, allowed.final.h),
        (trace.final.c, exact.final.c, allowed.final.c),
        (trace.y, exact.y, allowed.y),
    ]
    return max(used(*pair) for pair in pairs if pair[0] is not None)


def used(value: Tensor, exact: Tensor, allowed: Tensor) -> float:
    assert value.shape == exact.shape == allowed.shape
    difference = (value.detach().double() - exact).abs()
    shares = torch.where(difference == 0, 0.0, difference / allowed)[allowed.isfinite()]
    assert not shares.isnan().any()
    return float(shares.max()) if len(shares) else 0.0
