"""The timesteps, one row each: both sides' states, their difference, and its share of the limit as a bar."""

import math
from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from rnncheck.report import Comparison, Report, Timestep
from rnncheck.reporters.numbers import count, difference, times
from rnncheck.reporters.terminal.layout import hanging, unbroken
from rnncheck.reporters.terminal.screen import Glyphs, Screen
from rnncheck.reporters.terminal.states import GAP, side_names, states_that_fit
from rnncheck.reporters.units import units_of

MOST_LISTED = 6  # timesteps in the line below the table
FEWEST_UNITS = 3  # units beside a bar: for fewer the bar is given up
NARROWEST, WIDEST = 8, 30  # cells of a bar
SHADE = 1  # where there is no room for a bar: one shade
EIGHTHS = 8


def timesteps(report: Report, comparison: Comparison, screen: Screen, most: int | None = None) -> list[Text]:
    """The table of one quantity's timesteps, in at most so many lines; a sign at the left shows where t jumps.

    What is left out is furthest from what matters: the first difference, or the first, the largest and the last.
    """
    kept = comparison.per_timestep
    for number in range(len(kept), -1, -1):
        steps = kept if number == len(kept) else telling(kept, comparison, number)
        lines = _table(report, comparison, steps, screen)
        if most is None or len(lines) <= most:
            return lines
    return []


def telling(kept: Sequence[Timestep], comparison: Comparison, number: int) -> list[Timestep]:
    """`number` of the timesteps: those from just before the first difference on, or else the first, the last and those
    around the largest.
    """
    if number == 0:
        return []
    first = comparison.first_divergence
    index = {step.t: place for place, step in enumerate(kept)}
    if first is not None and first.t in index:
        before = 2 if number > 4 else 1 if number > 1 else 0
        start = min(max(index[first.t] - before, 0), len(kept) - number)
        return list(kept[start : start + number])
    largest = max(range(len(kept)), key=lambda place: kept[place].budget_used)
    nearest = sorted(range(len(kept)), key=lambda place: (abs(place - largest), place))
    wanted = list(dict.fromkeys([largest, 0, len(kept) - 1, 1, *nearest]))[:number]
    return [kept[place] for place in sorted(place for place in wanted if place < len(kept))]


def _table(report: Report, comparison: Comparison, steps: Sequence[Timestep], screen: Screen) -> list[Text]:
    if not steps:
        return []
    table = _Table(report, comparison, steps, screen)
    lines = [*table.title(), *table.headers()]
    return [*lines, *(table.row(index, step) for index, step in enumerate(steps)), *table.footnote(steps)]


def in_another_row(step: Timestep) -> bool:
    """Whether something differs at this timestep, but not in the batch row that is shown."""
    values = zip(step.candidate, step.reference, step.allowed or (0.0,) * len(step.reference), strict=True)
    return step.exceeded > 0 and all(abs(ours - theirs) <= allowed for ours, theirs, allowed in values)


def headings(names: tuple[str, str], width: int, rule: str) -> list[str]:
    """The sides' names, each on a line that spans its columns; without the line where one has no room for it."""
    if max(map(cell_len, names)) + 4 > width:
        return [" " * (width - cell_len(name)) + name for name in names]
    starts = (f"{rule} {name} " for name in names)
    return [start + rule * (width - cell_len(start)) for start in starts]


def aligned(cells: Sequence[str]) -> list[str]:
    """A column's header and cells, of equal width."""
    width = max(map(len, cells))
    return [cell.rjust(width) for cell in cells]


class _Table:
    """Widths are settled first, from all that will be shown; then rows are written to them."""

    def __init__(self, report: Report, comparison: Comparison, steps: Sequence[Timestep], screen: Screen) -> None:
        self._report, self._comparison, self._screen = report, comparison, screen
        self._total, self._lengths = report.sequences.shape[0], report.sequences.lengths
        self._units = units_of(report, comparison)
        self._amounts = [
            aligned(["|diff|", *(difference(step.max_abs) for step in steps)]),
            aligned(["of limit", *(times(step.budget_used) for step in steps)]),
        ]
        self._jumps = [
            step.t != before + 1 for step, before in zip(steps, [-1, *(each.t for each in steps)], strict=False)
        ]
        self._t = len(count(self._total - 1))
        wide = states_that_fit(steps, self._units, self._room(NARROWEST))
        narrow = states_that_fit(steps, self._units, self._room(SHADE))
        # Where not even one unit fits, what the table of quantities says as well is left out.
        while len(self._amounts) > 1 and narrow[1].width > self._room(SHADE):
            self._amounts.pop()
            narrow = states_that_fit(steps, self._units, self._room(SHADE))
        crowded = wide[1].width > self._room(NARROWEST) or len(wide[0]) < min(FEWEST_UNITS, len(narrow[0]))
        self._shown, self._states = narrow if crowded else wide
        left = self._room(0) - self._states.width
        self._bars = Bars(SHADE if crowded else min(left, WIDEST), screen.glyphs)

    def _room(self, bar: int) -> int:
        """The width left for states beside a bar of that width."""
        return self._screen.width - len("x ") - self._t - len("  ") - sum(len(c[0]) + 1 for c in self._amounts) - bar

    def title(self) -> list[Text]:
        row, quantity = self._comparison.shown_batch, self._comparison.quantity
        what = "hidden states" if quantity == "output" else f"outputs of the head, {quantity}"
        length = self._lengths[row] if self._lengths else self._total
        padded = f" (length {count(length)}, then padding)" if length < self._total else ""
        detail = f"batch row {row}{padded}, {self._units.describe(self._shown, self._screen.glyphs.times)}"
        shown = len(self._jumps)
        detail += f", {count(shown)} of {count(self._total)} timesteps" if shown < self._total else ""
        heading = Text.assemble("  ", (what, "bold"), "  ")
        return hanging(heading, Text(unbroken(detail)), self._screen.width, heading.cell_len)

    def headers(self) -> list[Text]:
        side, states = self._states.side, self._states
        names = headings(side_names(self._report, self._screen, side), side, self._screen.glyphs.rule)
        margin = " " * (2 + self._t + 1)
        labels = " ".join(states.aligned(states.labels))
        amounts = " ".join(cells[0] for cells in self._amounts)
        axes = f"  {'t':>{self._t}} {labels}{' ' * GAP}{labels} {amounts} {self._bars.scale()}".rstrip()
        return [Text(margin + (" " * GAP).join(names), "dim"), Text(axes, "dim")]

    def row(self, index: int, step: Timestep) -> Text:
        exceeded = step.exceeded > 0
        first = self._comparison.first_divergence
        starts = first is not None and first.t == step.t
        glyphs = self._screen.glyphs
        mark = glyphs.first if starts else glyphs.exceeded if exceeded else " "
        jump = glyphs.jump if self._jumps[index] else " "
        line = Text(style="dim" if self._is_padding(step.t) else "")
        line.append(f"{mark}{jump}{count(step.t):>{self._t}} ", "bold red" if starts else "red" if exceeded else "")
        self._append_candidate(line, index, step)
        line.append(" " * GAP + " ".join(self._states.aligned(self._states.reference[index])))
        line.append(" ")
        for cells in self._amounts:
            line.append(f"{cells[index + 1]} ", "red" if exceeded else "")
        line.append(self._bars.bar(step.budget_used, exceeded, first=starts), "red" if exceeded else "green")
        if self._bars.width > SHADE and not exceeded:
            line.stylize("dim", len(line) - 1)
        line.rstrip()
        return line

    def footnote(self, steps: Sequence[Timestep]) -> list[Text]:
        """Says at which timesteps the difference is in a batch row that is not shown."""
        others = [count(step.t) for step in steps if in_another_row(step)]
        if not others:
            return []
        listed = ", ".join(others[:MOST_LISTED]) + (" and others" if len(others) > MOST_LISTED else "")
        said = f"at t = {listed} another batch row differs, not the one shown"
        return hanging(Text("  "), Text(unbroken(said), "dim"), self._screen.width, 2)

    def _append_candidate(self, line: Text, index: int, step: Timestep) -> None:
        """In red what is beyond the limit, or, where that is not known, what does not look the same."""
        candidate, reference = self._states.candidate[index], self._states.reference[index]
        for place, shown in enumerate(self._states.aligned(candidate)):
            column = self._shown[place]
            ours, theirs = step.candidate[column], step.reference[column]
            wrong = candidate[place] != reference[place]
            if step.allowed:
                wrong = (wrong or ours != theirs) and not abs(ours - theirs) <= step.allowed[column]
            line.append(" " if place else "").append(shown, "bold red" if step.exceeded and wrong else "")

    def _is_padding(self, t: int) -> bool:
        return self._lengths is not None and t >= self._lengths[self._comparison.shown_batch]


class Bars:
    """Bars of one width. The last cell marks the limit; a value beyond the limit fills the bar and passes that mark."""

    def __init__(self, width: int, glyphs: Glyphs) -> None:
        self.width, self._glyphs = width, glyphs

    def bar(self, budget: float, exceeded: bool, *, first: bool = False) -> str:
        """The bar of a timestep that used the share `budget` of the limit.

        A difference is never invisible; of those beyond the limit the `first` is drawn thick. Whether a bar passes the
        limit is the judge's word, not a rounding's.
        """
        return self._shade(budget, exceeded) if self.width == SHADE else self._line(budget, exceeded, first)

    def scale(self) -> str:
        """The heading above the bars."""
        return "" if self.width == SHADE else "0" + "100 %".rjust(self.width - 1)

    def _line(self, budget: float, exceeded: bool, first: bool) -> str:
        glyphs, cells = self._glyphs, self.width - 1
        if exceeded or math.isnan(budget):
            return (glyphs.eighths[EIGHTHS] if first else glyphs.rule) * cells + glyphs.beyond
        eighths = 0 if budget == 0 else max(round(min(budget, 1) * cells * EIGHTHS), 1)
        full, rest = divmod(eighths, EIGHTHS)
        drawn = glyphs.eighths[EIGHTHS] * full + (glyphs.eighths[rest] if rest else "")
        return drawn.ljust(cells, glyphs.track) + glyphs.limit

    def _shade(self, budget: float, exceeded: bool) -> str:
        shades = self._glyphs.shades
        if exceeded or math.isnan(budget):
            return shades[-1]
        highest = len(shades) - 3  # the last but one is left out: the limit must be seen
        return shades[0] if budget == 0 else shades[max(round(highest * min(budget, 1)), 1)]
