"""The states of both sides as cells of text of equal width, for as many units as fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rich.cells import cell_len

from rnncheck.report import Report, Timestep
from rnncheck.reporters.numbers import state
from rnncheck.reporters.terminal.screen import Screen
from rnncheck.reporters.units import Units

MOST_UNITS = 12  # units side by side: more than that no eye compares
GAP = 2  # between the two sides
SHORTEST = len("unit 0")

ShownRow = tuple[str, ...]


@dataclass(frozen=True)
class ShownStates:
    """The states of `shown` units at every step, candidate and reference."""

    labels: ShownRow
    candidate: Sequence[ShownRow]
    reference: Sequence[ShownRow]

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

    def aligned(self, row: ShownRow) -> ShownRow:
        return tuple(text.rjust(self.cell) for text in row)


def states(steps: Sequence[Timestep], units: Units, shown: range) -> ShownStates:
    """The states of the `shown` units."""
    window = slice(shown.start, shown.stop)
    return ShownStates(
        tuple(units.label(column) for column in shown),
        [tuple(map(state, step.candidate[window])) for step in steps],
        [tuple(map(state, step.reference[window])) for step in steps],
    )


def states_that_fit(steps: Sequence[Timestep], units: Units, room: int) -> tuple[range, ShownStates]:
    """The states of as many units as fit into `room`, at least one."""
    most = (room - GAP + 2) // (2 * (SHORTEST + 1))  # for any numbers
    for size in range(min(units.width, MOST_UNITS, most), 1, -1):
        shown = units.window(size)
        cells = states(steps, units, shown)
        if cells.width <= room:
            return shown, cells
    shown = units.window(1)
    return shown, states(steps, units, shown)


def side_names(report: Report, screen: Screen, room: int) -> tuple[str, str]:
    """The sides' names if they fit and differ, with `file.py:Class` as `Class`; else their roles."""
    candidate, reference = (screen.clean(side.name.rsplit(":", 1)[-1]) for side in (report.candidate, report.reference))
    if candidate == reference or not 0 < max(cell_len(candidate), cell_len(reference)) <= room:
        return "candidate", "reference"
    return candidate, reference
