"""Lockstep: every step restarted from the exact states before it, so that no error is carried from step to step."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rnncheck.envelope.envelope import Envelope, exact_and_envelope
from rnncheck.envelope.rounding import Rounding
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights


class Restarts(NamedTuple):
    """Every step as a sequence of its own, of length 1: x (1, N, I), and the states (L*D, N, ·) it starts from.

    `places` (N, 2) says which step, t and batch row, each of them is.
    """

    x: Tensor
    state: State
    places: Tensor


def restarts(x: Tensor, envelope: Envelope, lengths: Sequence[int] | None = None) -> Restarts:
    """Each step of x (T, B, I) that has data, with the exact states before it.

    A state that the run cannot hold, because it overflows, is replaced by zero: a step can be judged from any state.
    """
    seq_len, batch_size = x.shape[:2]
    ends = torch.tensor(lengths or [seq_len] * batch_size, device=x.device)
    t, b = (torch.arange(seq_len, device=x.device)[:, None] < ends).nonzero(as_tuple=True)
    limit = envelope.rounding.largest / 2

    def at_places(states: Tensor) -> Tensor:
        states = states[t, :, b].transpose(0, 1)
        return torch.where(states.abs() <= limit, states, 0.0)

    return Restarts(x[t, b][None], envelope.before.map(at_places), torch.stack([t, b], -1))


def lockstep_envelope(
    spec: Spec, weights: Weights, starts: Restarts, *, rounding: Rounding, samples: int = 8, seed: int = 0
) -> Envelope:
    """The envelope of all steps, run from `starts` as a batch of sequences of length 1.

    Its exact and allowed h_n and c_n, (L*D, N, ·), are those of every layer and direction at every place.
    """
    return exact_and_envelope(spec, weights, starts.x, starts.state, rounding=rounding, samples=samples, seed=seed)
