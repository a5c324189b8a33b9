"""The share of the limit at a timestep as a bar on a linear scale: 4 % of the limit is 4 % of the bar."""

import math

from rnncheck.reporters.terminal.screen import Glyphs

LEAST, MOST = 8, 30  # cells of a bar
NARROW = 1  # where there is no room for a bar: one shade
EIGHTHS = 8


class Bars:
    """Bars of one width. The last cell marks the limit; a value beyond the limit fills the bar and passes that mark."""

    def __init__(self, width: int, glyphs: Glyphs) -> None:
        self.width, self._glyphs = width, glyphs

    def bar(self, budget: float, exceeded: bool, *, first: bool = False) -> str:
        """The bar of a timestep that used the share `budget` of the limit.

        A difference is never invisible; of those beyond the limit the `first` is drawn thick. Whether a bar passes the
        limit is the judge's word, not a rounding's.
        """
        return self._shade(budget, exceeded) if self.width == NARROW else self._line(budget, exceeded, first)

    def scale(self) -> str:
        """The heading above the bars."""
        return "" if self.width == NARROW else "0" + "100 %".rjust(self.width - 1)

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
