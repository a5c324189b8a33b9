"""Both sides' states as cells of text, for as many units as there is room for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rnncheck.report import Comparison, Report, Timestep
from rnncheck.reporters.numbers import state


@dataclass(frozen=True)
class Units:
    """The W values of one quantity at one timestep: `directions` times `per_direction` units, forward ones first."""

    per_direction: int
    directions: int
    centre: int | None  # the column of the unit where the two sides part first, if they do

    @property
    def width(self) -> int:
        return self.per_direction * self.directions

    def window(self, size: int) -> range:
        """`size` columns around the centre, of one direction if they fit into it; without a centre the first ones."""
        size = min(size, self.width)
        if self.centre is None:
            return range(size)
        low, high = 0, self.width
        if size <= self.per_direction:
            low = self.centre // self.per_direction * self.per_direction
            high = low + self.per_direction
        start = min(max(self.centre - size // 2, low), high - size)
        return range(start, start + size)

    def label(self, column: int) -> str:
        direction, unit = divmod(column, self.per_direction)
        if self.directions == 1:
            return f"unit {unit}"
        return f"{('fwd', 'rev')[direction]} {unit}"

    def describe(self, shown: range, times: str) -> str:
        """Which of how many: `units 0-2 of 16`."""
        if len(shown) == self.width:
            return "1 unit" if self.width == 1 else f"all {self.width} units"
        (side, first), (other_side, last) = (divmod(column, self.per_direction) for column in (shown[0], shown[-1]))
        if side != other_side:
            return f"forward unit {first} to reverse unit {last} of {self.directions} {times} {self.per_direction}"
        direction = ("forward ", "reverse ")[side] if self.directions > 1 else ""
        span = f"units {first}-{last}" if first < last else f"unit {first}"
        return f"{direction}{span} of {self.per_direction}"


def units_of(report: Report, comparison: Comparison) -> Units:
    """The units of a quantity with timesteps: `output`, or the head's `y`, which has no directions."""
    spec, first = report.spec, comparison.first_divergence
    per_direction, directions = (spec.hidden_size, 1)
    if comparison.quantity == "output":
        per_direction, directions = (spec.state_size, spec.directions)
    centre = None if first is None else first.unit + (directions - 1) * per_direction * (first.direction == "reverse")
    return Units(per_direction, directions, centre)


MOST = 12  # units side by side: more than that no eye compares
GAP = 2  # between the two sides
SHORTEST = len("unit 0")

Row = tuple[str, ...]


@dataclass(frozen=True)
class States:
    """The states of `shown` units at every step, candidate and reference."""

    labels: Row
    candidate: Sequence[Row]
    reference: Sequence[Row]

    @cached_property
    def cell(self) -> int:
        """The width of every cell: that of the longest number or label, so that nothing is cut."""
        longest = max(len(text) for row in (self.labels, *self.candidate, *self.reference) for text in row)
        return max(longest, len("candidate") // len(self.labels))

    @property
    def side(self) -> int:
        """The width of one side."""
        return len(self.labels) * (self.cell + 1) - 1

    @property
    def width(self) -> int:
        return 2 * self.side + GAP

    def aligned(self, row: Row) -> Row:
        return tuple(text.rjust(self.cell) for text in row)


def states(steps: Sequence[Timestep], units: Units, shown: range) -> States:
    """The states of the `shown` units."""
    window = slice(shown.start, shown.stop)
    return States(
        tuple(units.label(column) for column in shown),
        [tuple(map(state, step.candidate[window])) for step in steps],
        [tuple(map(state, step.reference[window])) for step in steps],
    )


def states_that_fit(steps: Sequence[Timestep], units: Units, room: int) -> tuple[range, States]:
    """As many units as fit into `room`, and at least one."""
    most = (room - GAP + 2) // (2 * (SHORTEST + 1))  # whatever the numbers
    for size in range(min(units.width, MOST, most), 1, -1):
        shown = units.window(size)
        cells = states(steps, units, shown)
        if cells.width <= room:
            return shown, cells
    shown = units.window(1)
    return shown, states(steps, units, shown)
