"""How much of what is allowed a timestep used, as a bar on a logarithmic scale."""

import math

from rnncheck.reporters.glyphs import Glyphs

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
