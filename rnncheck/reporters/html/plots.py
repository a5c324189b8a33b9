"""Plots as inline SVG: the states of a unit on both sides, their difference, and a map of all units over time.

Colours come from the page's style by class, so that they follow a light, a dark and a printed page.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from rnncheck.report import Comparison, Report
from rnncheck.reporters.numbers import difference, times
from rnncheck.reporters.units import units_of

WIDTH, STATES, APART, GAP, LEFT, BOTTOM = 460, 110, 90, 14, 52, 22  # of a plot, in pixels
CELL = 10  # width of a cell of the map, at most
ROW = 12  # its height
UNITS = 128  # rows of the map
LIMITS = (0.0, 0.01, 0.1, 0.5, 1.0)  # shares of the limit at which the map's colour changes
BEYOND = (10.0, 1e3)  # and beyond the limit


@dataclass(frozen=True)
class Unit:
    """One unit of the shown batch row over the timesteps that the report holds."""

    label: str
    times: tuple[int, ...]
    candidate: tuple[float, ...]
    reference: tuple[float, ...]
    allowed: tuple[float, ...]

    @property
    def apart(self) -> list[float]:
        """|candidate - reference|; 0 where both are the same NaN or infinity, infinite where only one is."""
        return [gap(a, b) for a, b in zip(self.candidate, self.reference, strict=True)]

    @property
    def shares(self) -> list[float]:
        return [share(apart, allowed) for apart, allowed in zip(self.apart, self.allowed, strict=True)]

    @property
    def worst(self) -> float:
        """The largest share of the limit."""
        return max(self.shares, default=0.0)

    @property
    def rows(self) -> list[tuple[int, float, float, float, float, float]]:
        """All values, one row for each timestep."""
        return list(zip(self.times, self.candidate, self.reference, self.apart, self.allowed, self.shares, strict=True))


def gap(a: float, b: float) -> float:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    return abs(a - b) if math.isfinite(a) and math.isfinite(b) else math.inf


def share(apart: float, allowed: float) -> float:
    if apart == 0 or math.isinf(allowed):
        return 0.0
    return apart / allowed if allowed > 0 else math.inf


def units_worst_first(report: Report, comparison: Comparison) -> list[Unit]:
    """Every unit of a quantity with timesteps, the one with the largest share of the limit first."""
    units, steps = units_of(report, comparison), comparison.per_timestep
    found = [
        Unit(
            units.label(column),
            tuple(step.t for step in steps),
            tuple(step.candidate[column] for step in steps),
            tuple(step.reference[column] for step in steps),
            tuple(step.allowed[column] if step.allowed else step.envelope for step in steps),
        )
        for column in range(min(units.width, len(steps[0].candidate)))
    ]
    return sorted(found, key=lambda unit: -unit.worst)


def unit_plot(unit: Unit, report: Report) -> str:
    """Above both sides' states; below how far apart they are, over the band of what is allowed, by powers of ten."""
    height = STATES + GAP + APART + BOTTOM
    across = PlotAxis(unit.times[0], unit.times[-1], LEFT, WIDTH - 8)
    finite = [value for value in (*unit.candidate, *unit.reference) if math.isfinite(value)] or [0.0]
    upper = PlotAxis(min(finite), max(finite), STATES - 6, 6)
    amounts = [value for value in (*unit.apart, *unit.allowed) if 0 < value < math.inf] or [1.0]
    low, high = math.floor(math.log10(min(amounts))), math.ceil(math.log10(max(amounts)))
    lower = PlotAxis(low, max(high, low + 1), STATES + GAP + APART - 4, STATES + GAP + 6)
    spoken = f"{unit.label}: states of both sides over time; largest difference {times(unit.worst)} of the limit"
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{spoken}">',
        frame(LEFT, 2, WIDTH - 4 - LEFT, STATES - 4),
        frame(LEFT, STATES + GAP + 2, WIDTH - 4 - LEFT, APART - 4),
        tick(LEFT, upper.at(upper.low), f"{upper.low:.3g}"),
        tick(LEFT, upper.at(upper.high), f"{upper.high:.3g}"),
        tick(LEFT, lower.at(lower.low), f"1e{low}"),
        tick(LEFT, lower.at(lower.high), f"1e{int(lower.high)}"),
        f'<text class="axis" x="{LEFT}" y="{height - 6}">t = {unit.times[0]}</text>',
        f'<text class="axis end" x="{WIDTH - 6}" y="{height - 6}">t = {unit.times[-1]}</text>',
        f'<text class="axis middle" x="{(WIDTH + LEFT) // 2}" y="{height - 6}">|difference| and limit</text>',
    ]
    for piece in stretches(unit.times):
        at = [across.at(unit.times[index]) for index in piece]
        floor = lower.at(lower.low)
        allowed = [lower.log(unit.allowed[index]) for index in piece]
        reference = [unit.reference[index] for index in piece]
        ribbon = [(unit.reference[index], min(unit.allowed[index], upper.high - upper.low)) for index in piece]
        above, below = ([upper.at(r + sign * a) for r, a in ribbon] for sign in (1, -1))
        parts += [
            area(at, above, below),
            area(at, allowed, [floor] * len(at)),
            line("reference", at, [upper.at(value) for value in reference], reference),
            line("candidate", at, *both(upper, [unit.candidate[index] for index in piece])),
            line("apart", at, [lower.log(unit.apart[index]) for index in piece], [0.0] * len(piece)),
        ]
    for t, apart, used in zip(unit.times, unit.apart, unit.shares, strict=True):
        style = "beyond" if used > 1 else "within"
        said = f"t = {t}: difference {difference(apart)}, {times(used)} of the limit"
        parts.append(
            f'<circle class="{style}" cx="{across.at(t):.1f}" cy="{lower.log(apart):.1f}" r="2.2"><title>{said}'
            "</title></circle>"
        )
    first = report.first_divergence
    if first is not None and first.quantity == "output" and unit.times[0] <= first.t <= unit.times[-1]:
        x = across.at(first.t)
        parts.append(
            f'<path class="first" d="M{x:.1f} 2V{STATES + GAP + APART - 2}"><title>first difference</title></path>'
        )
    return "".join([*parts, "</svg>"])


@dataclass(frozen=True)
class PlotAxis:
    """From values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        span = self.high - self.low
        where = (min(max(value, self.low), self.high) - self.low) / span if span else 0.5
        return self.start + (self.end - self.start) * where

    def log(self, value: float) -> float:
        """The position of a number on a logarithmic axis; zero is at the low end."""
        if value <= 0:
            return self.at(self.low)
        return self.at(math.log10(value) if math.isfinite(value) else self.high)


def both(axis: PlotAxis, values: Sequence[float]) -> tuple[list[float], Sequence[float]]:
    return [axis.at(value) if math.isfinite(value) else 0.0 for value in values], values


def stretches(times: Sequence[int]) -> Iterable[list[int]]:
    """Groups of consecutive timesteps: where the report omits timesteps, the plot has a gap."""
    for _, group in groupby(range(len(times)), key=lambda index: times[index] - index):
        yield list(group)


def line(style: str, xs: Sequence[float], ys: Sequence[float], values: Sequence[float]) -> str:
    """A line through the points whose values are finite."""
    points, drawn = [], False
    for x, y, value in zip(xs, ys, values, strict=True):
        if math.isfinite(value):
            points.append(f"{'L' if drawn else 'M'}{x:.1f} {y:.1f}")
        drawn = math.isfinite(value)
    return f'<path class="{style}" d="{"".join(points)}"/>'


def area(xs: Sequence[float], tops: Sequence[float], bottoms: Sequence[float]) -> str:
    there = [f"{x:.1f} {y:.1f}" for x, y in zip(xs, tops, strict=True)]
    back = [f"{x:.1f} {y:.1f}" for x, y in reversed(list(zip(xs, bottoms, strict=True)))]
    return f'<path class="band" d="M{"L".join(there + back)}Z"/>'


def frame(x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="frame" x="{x}" y="{y}" width="{width}" height="{height}"/>'


def tick(x: float, y: float, text: str) -> str:
    return f'<text class="axis end" x="{x - 5}" y="{y + 4:.1f}">{text}</text>'


def heat_map(report: Report, comparison: Comparison) -> str:
    """One cell for each timestep and unit of the shown batch row, coloured by its share of the limit."""
    units, steps = units_of(report, comparison), comparison.per_timestep
    shown = min(units.width, UNITS, len(steps[0].candidate))
    cell = max(min(CELL, 900 // len(steps)), 3)
    width, height = LEFT + cell * len(steps) + 4, ROW * shown + BOTTOM + 4
    by_colour: dict[int, list[str]] = {}
    for row in range(shown):
        for column, step in enumerate(steps):
            allowed = step.allowed[row] if step.allowed else step.envelope
            level = colour(share(gap(step.candidate[row], step.reference[row]), allowed))
            by_colour.setdefault(level, []).append(f"M{column} {row}h1v1h-1z")
    cells = "".join(
        f'<path class="h{level}" transform="translate({LEFT} 2) scale({cell} {ROW})" d="{"".join(found)}"/>'
        for level, found in sorted(by_colour.items())
    )
    spoken = f"Share of the limit used by each of {shown} units at each of {len(steps)} timesteps"
    labels = [tick(LEFT, 2 + ROW * (row + 0.5), units.label(row)) for row in range(shown)]
    jumps = [
        f'<path class="jump" d="M{LEFT + cell * index} 2v{ROW * shown}"/>'
        for index in range(1, len(steps))
        if steps[index].t != steps[index - 1].t + 1
    ]
    ends = [
        f'<text class="axis" x="{LEFT}" y="{height - 6}">t = {steps[0].t}</text>',
        f'<text class="axis end" x="{width - 4}" y="{height - 6}">t = {steps[-1].t}</text>' if len(steps) > 8 else "",
    ]
    head = f'<svg class="map" viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{spoken}">'
    return "".join([head, cells, *jumps, *labels, *ends, "</svg>"])


def colour(used: float) -> int:
    """The number of a colour: 0 to 4 within the limit, 5 to 7 beyond it."""
    if used <= 1:
        return sum(used > limit for limit in LIMITS[:-1])
    return len(LIMITS) + sum(used > limit for limit in BEYOND)
