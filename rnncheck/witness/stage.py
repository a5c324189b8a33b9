"""As much of a run as its faults are planted in: all of a short one, the beginning of a long, wide or large one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from rnncheck.backward.reach import weight_count
from rnncheck.faults.scene import Scene
from rnncheck.spec import Spec
from rnncheck.trace import State

LONGEST, SHORTEST = 48, 8  # timesteps
WIDEST, FEWEST_ROWS = 8, 2
STEPS = 4_000  # timesteps of all faults, layers and directions
WORK = 1.2e6  # weights times timesteps times rows, for each fault
MOST_WEIGHTS = 20_000  # with more, faults cost as much as all else in a check: planted only if asked for


@dataclass(frozen=True)
class Stage:
    """The first `steps` timesteps of these batch rows."""

    steps: int
    rows: Sequence[int]

    def scene(
        self, spec: Spec, weights: Mapping[str, Tensor], x: Tensor, state: State, lengths: Sequence[int] | None
    ) -> Scene:
        rows = list(self.rows)
        c = None if state.c is None else state.c[:, rows]
        ends = None if lengths is None else tuple(min(lengths[row], self.steps) for row in rows)
        return Scene(spec, weights, x[: self.steps, rows], State(state.h[:, rows], c), ends)

    def notes(self, seq_len: int, batch_size: int) -> list[str]:
        """What was left out, if anything."""
        parts = []
        if len(self.rows) < batch_size:
            parts.append(f"{len(self.rows):,} of {batch_size:,} batch rows")
        if self.steps < seq_len:
            parts.append(f"the first {self.steps:,} of {seq_len:,} timesteps")
        return ["faults were planted in " + " and ".join(parts)] if parts else []


def stage_of(spec: Spec, seq_len: int, batch_size: int, lengths: Sequence[int] | None, faults: int) -> Stage:
    """What can be afforded for so many faults. Of rows of different lengths, the shortest and the longest."""
    weights = weight_count(spec)
    each = STEPS // (faults * spec.num_layers * spec.directions)
    steps = min(seq_len, LONGEST, max(SHORTEST, min(each, int(WORK / weights))))
    count = min(batch_size, WIDEST, max(FEWEST_ROWS, int(WORK / weights / steps)))
    order = sorted(range(batch_size), key=lambda row: lengths[row] if lengths else row)
    short = count // 2 if lengths else count
    return Stage(steps, sorted(order[:short] + order[batch_size - (count - short) :]))
