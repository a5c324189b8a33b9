"""How much of a run its gradients are checked on."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from rnncheck.spec import Spec
from rnncheck.trace import State

# What a short run's gradients cost, together with their envelope, is what a long, wide or large one's may.
LONGEST = 24  # timesteps
SHORTEST = 8
FEWEST_ROWS = 2  # in a single one, neither rows that are mixed nor a gradient divided by the batch size show
WORK = 1.2e6  # weights times timesteps times rows
MOST_WEIGHTS = 4_000_000  # more take seconds, in float64 and in all samples, even as the least of runs


class Reach(NamedTuple):
    """The first `rows` rows of the batch, each up to its first `steps` timesteps."""

    steps: int
    rows: int

    def cut(
        self, x: Tensor, state: State, lengths: Sequence[int] | None
    ) -> tuple[Tensor, State, tuple[int, ...] | None]:
        """x (T, B, I), the states (L*D, B, ·) and the lengths, as far as they are within reach."""
        h, c = state.h[:, : self.rows], None if state.c is None else state.c[:, : self.rows]
        ends = None if lengths is None else tuple(min(end, self.steps) for end in lengths[: self.rows])
        return x[: self.steps, : self.rows], State(h, c), ends

    def note(self, seq_len: int, batch_size: int) -> str | None:
        """What was left out, if anything."""
        parts = []
        if self.rows < batch_size:
            parts.append(f"{self.rows:,} of {batch_size:,} batch rows")
        if self.steps < seq_len:
            parts.append(f"the first {self.steps:,} of {seq_len:,} timesteps")
        return "gradients were checked on " + " and ".join(parts) if parts else None


def within_reach(spec: Spec, seq_len: int, batch_size: int) -> Reach | None:
    """What can be afforded; None where even the least is too much."""
    weights = weight_count(spec)
    if weights > MOST_WEIGHTS:
        return None
    steps = min(seq_len, LONGEST, max(SHORTEST, int(WORK / weights)))
    return Reach(steps, min(batch_size, max(FEWEST_ROWS, int(WORK / weights / steps))))


def weight_count(spec: Spec) -> int:
    return sum(math.prod(shape) for shape in spec.recurrent_shapes().values())
