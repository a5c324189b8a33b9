"""The part of a run in which faults are planted: all of a short one, the beginning of a long or large one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State

LONGEST, SHORTEST = 48, 8  # timesteps
WIDEST, FEWEST_ROWS = 8, 2
STEPS_OF_ALL = 4_000  # timesteps of all faults, layers and directions
FAULT_BUDGET = 1.2e6  # weights times timesteps times rows, for each fault
MOST_WEIGHTS = 20_000  # with more weights, faults cost as much as the rest of a check: planted only on request


@dataclass(frozen=True)
class Part:
    """The first `steps` timesteps of these batch rows."""

    steps: int
    rows: Sequence[int]

    def scene(
        self, spec: Spec, weights: Mapping[str, Tensor], x: Tensor, state: State, lengths: Sequence[int] | None
    ) -> Scene:
        """The scene of this part. Rows that end early also end early here, in the same order."""
        rows = list(self.rows)
        x_here = x[: self.steps, rows]
        ends = None
        if lengths is not None:
            ends = shrunk([lengths[row] for row in rows], len(x), self.steps)
            if self.steps < len(x):
                for row, end in enumerate(ends):
                    x_here[end:, row] = 0  # a copy, since rows were picked
        return Scene(spec, weights, x_here, state.map(lambda each: each[:, rows]), ends)

    def notes(self, seq_len: int, batch_size: int) -> list[str]:
        """What was left out, if anything."""
        parts = []
        if len(self.rows) < batch_size:
            parts.append(f"{len(self.rows):,} of {batch_size:,} batch rows")
        if self.steps < seq_len:
            parts.append(f"the first {self.steps:,} of {seq_len:,} timesteps")
        return ["faults were planted in " + " and ".join(parts)] if parts else []


def whole_of(x: Tensor) -> Part:
    """All of x (T, B, I)."""
    return Part(x.shape[0], list(range(x.shape[1])))


def part_of(spec: Spec, seq_len: int, batch_size: int, lengths: Sequence[int] | None, faults: int) -> Part:
    """The largest affordable part for so many faults."""
    weights = spec.recurrent_count
    each = STEPS_OF_ALL // (faults * spec.num_layers * spec.directions)
    steps = min(seq_len, LONGEST, max(SHORTEST, min(each, int(FAULT_BUDGET / weights))))
    count = min(batch_size, WIDEST, max(FEWEST_ROWS, int(FAULT_BUDGET / weights / steps)))
    if count < batch_size:
        steps, count = as_many_as_units(spec, steps, count, batch_size, weights)
    return Part(steps, telling_rows(lengths, batch_size, count))


def as_many_as_units(spec: Spec, steps: int, count: int, batch_size: int, weights: int) -> tuple[int, int]:
    """Timesteps and rows with which B is H where it is in the run, if that can be afforded, and nowhere else.

    A bias fits along the batch only if B is H.
    """
    if batch_size == spec.hidden_size:
        fewer = min(steps, int(FAULT_BUDGET / weights / batch_size))
        if fewer >= min(steps, SHORTEST):
            return fewer, batch_size
    if count == spec.hidden_size:
        return steps, count - 1 if count > FEWEST_ROWS else count + 1
    return steps, count


def telling_rows(lengths: Sequence[int] | None, batch_size: int, count: int) -> list[int]:
    """So many of the rows. Of different lengths: two that are not in the order of their lengths, if there are any, and
    the shortest and the longest.
    """
    if lengths is None:
        return list(range(count))
    unsorted = next(([i, i + 1] for i, (one, other) in enumerate(pairwise(lengths)) if one < other), [])
    order = sorted(range(batch_size), key=lambda row: lengths[row])
    outermost = [row for pair in zip(order, reversed(order), strict=True) for row in pair]
    return sorted(list(dict.fromkeys([*unsorted, *outermost]))[:count])


def shrunk(lengths: Sequence[int], seq_len: int, steps: int) -> tuple[int, ...]:
    """Lengths within `seq_len` as lengths within `steps`: different ones stay different while there is room, none that
    ended early reaches the end, and their order stays.
    """
    if steps == seq_len:
        return tuple(min(end, steps) for end in lengths)
    found, room = {seq_len: steps}, steps
    for shorter, end in reversed(list(enumerate(sorted({end for end in lengths if end < seq_len})))):
        room = max(1, min(room - 1, max(shorter + 1, round(end * steps / seq_len))))
        found[end] = room
    return tuple(found[min(end, seq_len)] for end in lengths)
