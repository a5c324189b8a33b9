"""The timesteps, one row each: both sides' states, how far apart, and a bar of how much of the allowance they use."""

import math
from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from rnncheck.report import Comparison, Report, Timestep
from rnncheck.reporters.layout import hanging, held, wrapped
from rnncheck.reporters.numbers import count, difference, percent
from rnncheck.reporters.screen import Glyphs, Screen, side_names
from rnncheck.reporters.states import GAP, Row, States, states_that_fit, units_of

WIDE = 9
DECADES = 4  # shown on each side of the limit
NARROW = 1


class Bars:
    """Bars of one width. The wide ones mark the limit; where nothing is beyond it, it is their right end."""

    def __init__(self, width: int, glyphs: Glyphs, *, beyond: bool) -> None:
        self._glyphs, self._narrow = glyphs, width == NARROW
        self._within = DECADES if beyond else 2 * DECADES
        self._beyond = DECADES if beyond else 0
        self.limit_at = None if self._narrow else self._within  # where in a bar its mark is

    def bar(self, budget: float, exceeded: bool) -> str:
        """The bar of a timestep that used `budget` of what is allowed; 1 is the limit."""
        return self._shade(budget, exceeded) if self._narrow else self._line(budget, exceeded)

    def _line(self, budget: float, exceeded: bool) -> str:
        glyphs = self._glyphs
        per_decade = self._within / DECADES
        halves = round(2 * per_decade * (_decades(budget) + DECADES))
        # A difference is never invisible, and whether a bar passes the limit is the judge's word, not a rounding's.
        least, most = (2 * self._within + 1, 2 * (self._within + self._beyond)) if exceeded else (1, 2 * self._within)
        halves = 0 if budget == 0 else min(max(halves, least), most)
        cells = glyphs.full * (halves // 2) + glyphs.half * (halves % 2)
        cells = cells.ljust(self._within + self._beyond)
        return cells[: self._within] + (glyphs.limit_passed if exceeded else glyphs.limit) + cells[self._within :]

    def _shade(self, budget: float, exceeded: bool) -> str:
        shades = self._glyphs.shades
        if budget == 0:
            return shades[0]
        if exceeded:
            return shades[-1]
        highest = len(shades) - 3  # the last but one is left out: the limit must be seen
        return shades[min(max(round(highest * (_decades(budget) + DECADES) / DECADES), 1), highest)]


def _decades(budget: float) -> float:
    """Powers of ten above the limit (below: negative), as far as a bar goes."""
    if math.isnan(budget):
        return DECADES
    return min(max(math.log10(budget), -DECADES), DECADES) if budget > 0 else -DECADES


DIFFERENCE = "|diff|"
FEW = 3  # units


def timesteps(report: Report, comparison: Comparison, screen: Screen) -> list[Text]:
    """The table of one quantity's timesteps; a row says how many are left out where t jumps."""
    table = _Table(report, comparison, screen)
    lines = [*table.title(), *table.headers()]
    expected = 0
    for index, step in enumerate(comparison.per_timestep):
        lines += table.skipped(step.t - expected)
        lines.append(table.row(index, step))
        expected = step.t + 1
    return [*lines, *table.skipped(report.sequences.shape[0] - expected), *table.caption()]


def headings(names: tuple[str, str], width: int, rule: str) -> list[str]:
    """The sides' names, each on a line that spans its columns; without the line where one has no room for it."""
    if max(map(cell_len, names)) + 4 > width:
        return [" " * (width - cell_len(name)) + name for name in names]
    starts = (f"{rule} {name} " for name in names)
    return [start + rule * (width - cell_len(start)) for start in starts]


def aligned(cells: Sequence[str]) -> list[str]:
    """A column's header and cells, equally wide."""
    width = max(map(len, cells))
    return [cell.rjust(width) for cell in cells]


class _Table:
    """Widths are settled first, from all that will be shown; then rows are written to them."""

    def __init__(self, report: Report, comparison: Comparison, screen: Screen) -> None:
        self._report, self._comparison, self._screen = report, comparison, screen
        self._total, self._lengths = report.sequences.shape[0], report.sequences.lengths
        steps, self._units = comparison.per_timestep, units_of(report, comparison)
        self._amounts = [
            aligned([DIFFERENCE, *(difference(step.max_abs) for step in steps)]),
            aligned(["used", *(percent(step.budget_used) for step in steps)]),
            aligned(["allowed", *(difference(step.envelope) for step in steps)]),
        ]
        self._t = len(count(self._total - 1))
        fits = self._fits(steps)
        # Where not even one unit fits, what the table of quantities says as well is left out.
        while len(self._amounts) > 1 and fits[NARROW][1].width > self._room(NARROW):
            self._amounts.pop()
            fits = self._fits(steps)
        # The long bar is given up for a single shade only if that shows every unit, or more than too few.
        wide, narrow = len(fits[WIDE][0]), len(fits[NARROW][0])
        crowded = fits[WIDE][1].width > self._room(WIDE) or (wide < narrow and wide < FEW)
        self._bar = NARROW if crowded or wide < narrow == self._units.width else WIDE
        self._shown, self._states = fits[self._bar]
        self._beyond = any(step.exceeded for step in steps)
        self._bars = Bars(self._bar, screen.glyphs, beyond=self._beyond)

    def _room(self, bar: int) -> int:
        """What a bar of that width leaves for states."""
        return self._screen.width - len("x ") - self._t - len("  ") - sum(len(c[0]) + 1 for c in self._amounts) - bar

    def _fits(self, steps: Sequence[Timestep]) -> dict[int, tuple[range, States]]:
        return {bar: states_that_fit(steps, self._units, self._room(bar)) for bar in (WIDE, NARROW)}

    def title(self) -> list[Text]:
        row, quantity = self._comparison.shown_batch, self._comparison.quantity
        what = "hidden states" if quantity == "output" else f"outputs of the head, {quantity}"
        length = self._lengths[row] if self._lengths else self._total
        padded = f" (length {count(length)}, then padding)" if length < self._total else ""
        detail = f"batch row {row}{padded}, {self._units.describe(self._shown, self._screen.glyphs.times)}"
        heading = Text.assemble("  ", (what, "bold"), "  ")
        return hanging(heading, Text(held(detail)), self._screen.width, heading.cell_len)

    def headers(self) -> list[Text]:
        side, states = self._states.side, self._states
        names = headings(side_names(self._report, self._screen, side), side, self._screen.glyphs.rule)
        margin = " " * (2 + self._t + 1)
        labels = " ".join(states.aligned(states.labels))
        amounts = " ".join(cells[0] for cells in self._amounts)
        axes = f"  {'t':>{self._t}} {labels}{' ' * GAP}{labels} {amounts}"
        return [Text(margin + (" " * GAP).join(names), "dim"), Text(axes, "dim")]

    def row(self, index: int, step: Timestep) -> Text:
        exceeded = step.exceeded > 0
        first = self._comparison.first_divergence
        head = "bold red" if first is not None and first.t == step.t else "red" if exceeded else ""
        candidate, reference = self._states.candidate[index], self._states.reference[index]
        line = Text(style="dim" if self._is_padding(step.t) else "")
        line.append(f"{self._screen.glyphs.exceeded if exceeded else ' '} {count(step.t):>{self._t}} ", head)
        self._append_candidate(line, candidate, reference, exceeded)
        line.append(" " * GAP + " ".join(self._states.aligned(reference)))
        line.append(" ")
        for cells, style in zip(self._amounts, ("red", "red", "dim"), strict=False):
            line.append(f"{cells[index + 1]} ", style if exceeded or style == "dim" else "")
        bar_at = len(line)
        line.append(self._bars.bar(step.budget_used, exceeded), "red" if exceeded else "green")
        if self._bars.limit_at is not None:
            line.stylize("dim", bar_at + self._bars.limit_at, bar_at + self._bars.limit_at + 1)
        line.rstrip()
        return line

    def _append_candidate(self, line: Text, candidate: Row, reference: Row, exceeded: bool) -> None:
        aligned = self._states.aligned(candidate)
        for unit, (shown, ours, theirs) in enumerate(zip(aligned, candidate, reference, strict=True)):
            line.append(" " if unit else "").append(shown, "red" if exceeded and ours != theirs else "")

    def _is_padding(self, t: int) -> bool:
        return self._lengths is not None and t >= self._lengths[self._comparison.shown_batch]

    def skipped(self, number: int) -> list[Text]:
        if number <= 0:
            return []
        steps = "timestep" if number == 1 else "timesteps"
        return [Text(f"  {self._screen.glyphs.skipped} {count(number)} {steps} not shown", "dim")]

    def caption(self) -> list[Text]:
        glyphs = self._screen.glyphs
        share = (
            f"bar: allowance used (log), {glyphs.limit} limit" if self._bar == WIDE else "shade: allowance used (log)"
        )
        said = f"{DIFFERENCE}: largest over all rows and units; {share}"
        lines = wrapped(Text(said), self._screen.width - 2)
        return [Text("  " + line.plain, "dim") for line in lines]
