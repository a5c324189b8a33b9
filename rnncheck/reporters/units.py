"""Chooses the units of a state to show if not all fit: those around the first difference."""

from dataclasses import dataclass

from rnncheck.report import Comparison, Report


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
        """`size` columns around the centre, of one direction if they fit into it. Without a centre: the first."""
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
        """The shown units and the number of all: `units 0-2 of 16`."""
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
