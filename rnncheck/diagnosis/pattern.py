"""Describes where two outputs differ: from t = 64 on, in odd units, behind the rows' ends. Never claims too much."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import torch
from torch import Tensor

from rnncheck.diagnosis.regions import StepRegion, indices, regions, regions_by_row, timesteps
from rnncheck.evidence.places import DIRECTIONS
from rnncheck.text import in_words

Which = tuple[bool, ...]  # of the indices of one axis
AXES = ("timesteps", "rows", "units", "directions")


@dataclass(frozen=True)
class Pattern:
    """Timesteps, rows, units and directions within a region: all values that differ, `count`, are in this set."""

    timesteps: Which
    rows: Which
    units: Which
    directions: Which
    region: StepRegion
    count: int

    def mask(self) -> Tensor:
        """The set described, (T, B, D*R)."""
        units, directions = torch.tensor(self.units), torch.tensor(self.directions)
        return (self.grid()[:, :, None, None] & directions[:, None] & units).flatten(2)

    def grid(self) -> Tensor:
        """Its timesteps and rows, (T, B)."""
        return torch.tensor(self.timesteps)[:, None] & torch.tensor(self.rows) & self.region.grid

    @cached_property
    def size(self) -> int:
        """How many values the set has."""
        return int(self.grid().sum()) * sum(self.units) * sum(self.directions)

    @property
    def exact(self) -> bool:
        """Whether every value of the set differs."""
        return self.count == self.size

    def __str__(self) -> str:
        one_way = not all(self.directions)
        return self.words(f"in the {DIRECTIONS[self.directions.index(True)]} direction" if one_way else "")

    def words(self, direction: str = "") -> str:
        """The clause. For directions it uses the given text."""
        where, whole, bound = self.restrictions(), self.unrestricted(), self.region.bound
        if not self.exact:
            if where or direction:
                return f"only {clause(*where, direction, bound)}, and there in {share(self.count, self.size, 'the')}"
            return clause(f"in {share(self.count, self.size, 'all')}", whole and f"scattered over {whole}", bound)
        direction = direction and f"{direction} only"
        if not where:
            return clause(direction or "everywhere", bound)
        padding = "only " if "padding" in self.region.words else ""
        at = "at" if whole == "every timestep" else "in"
        return padding + clause(*where, whole and f"{at} {whole}", direction, bound)

    def restrictions(self) -> list[str]:
        """A clause for each axis with only a part affected. A single row comes before the parts of that row."""
        region = self.region.word if sum(self.rows) == 1 else self.region.words
        time = "" if all(self.timesteps) else timesteps(self.timesteps)
        row = "" if all(self.rows) else f"in {indices(self.rows, 'row')}"
        unit = "" if all(self.units) else f"in {indices(self.units, 'unit')}"
        order = (row, region, time, unit) if region and sum(self.rows) == 1 else (region, time, row, unit)
        return [said for said in order if said]

    def unrestricted(self) -> str:
        """The axes that are affected completely, such as "every row and unit". Axes of size one are left out."""
        axes = {axis: getattr(self, axis) for axis in (AXES[2:] if self.region.words else AXES)}
        whole = [axis.removesuffix("s") for axis, which in axes.items() if all(which) and len(which) > 1]
        return f"every {in_words(whole)}" if whole else ""


def pattern(
    wrong: Tensor, *, directions: int = 1, lengths: Sequence[int] | None = None, size: Tensor | None = None
) -> str:
    """Which values of an output differ, to be read after "differs".

    `wrong` (T, B, D*R) is true where they do, forward units first. What is behind a row's end, if `lengths` are given,
    is padding. `size`, of the same shape, is how far they differ, which is said where it only grows or only fades.
    """
    found = patterns(wrong, directions, lengths)
    if not found:
        return "nowhere"
    if len(found) == 1:
        where = str(found[0])
    else:
        each_way = zip(DIRECTIONS, found, strict=True)
        where = "; ".join(f"in the {direction} direction {each.words()}" for direction, each in each_way)
    way = course(wrong, size) if size is not None else ""
    return "; ".join(filter(None, [where, way])) if len(found) > 1 else clause(where, way)


def patterns(wrong: Tensor, directions: int, lengths: Sequence[int] | None) -> list[Pattern]:
    """The pattern of all that differs, or one of each direction where that says more; none if nothing differs."""
    if not bool(wrong.any()):
        return []
    both = wrong.reshape(*wrong.shape[:2], directions, -1)  # (T, B, D, R)
    together = fit(both, lengths)
    if together.exact or directions == 1 or not all(together.directions):
        return [together]
    apart = [fit(both & (torch.arange(directions) == each)[:, None], lengths) for each in range(directions)]
    return apart if any(each.exact for each in apart) else [together]


def fit(wrong: Tensor, lengths: Sequence[int] | None) -> Pattern:
    """The first pattern that is exact, else the smallest that holds all that is wrong, (T, B, D, R)."""
    grid, columns, count = wrong.any(3).any(2), wrong.any(0).any(0), int(wrong.count_nonzero())
    fitting = [region for region in regions(lengths, grid) if not bool((grid & ~region.grid).any())]
    holding = [within(region, grid, columns, count) for region in fitting]
    by_row = (within(region, grid, columns, count) for region in regions_by_row(grid, inside=fitting[-1]))
    smallest = min(holding, key=lambda each: each.size)
    return next((each for each in chain(holding, by_row) if each.exact), smallest)


def within(region: StepRegion, grid: Tensor, columns: Tensor, count: int) -> Pattern:
    """The smallest sets that hold a grid (T, B) and columns (D, R), widened where the region leaves the same values."""

    def pattern_of(timesteps: Which, rows: Which, units: Which, directions: Which) -> Pattern:
        return Pattern(timesteps, rows, units, directions, region, count)

    sides = (grid.any(1), grid.any(0), columns.any(0), columns.any(1))
    sets: tuple[Which, ...] = tuple(tuple(side.tolist()) for side in sides)
    for axis, which in enumerate(sets):
        wider = (*sets[:axis], (True,) * len(which), *sets[axis + 1 :])
        sets = wider if pattern_of(*wider).size == pattern_of(*sets).size else sets
    return pattern_of(*sets)


def clause(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def share(count: int, of: int, which: str) -> str:
    """In per cent; in numbers where that would round to none or to all."""
    percent = round(100 * count / of)
    return f"{percent} % of {which} values" if 0 < percent < 100 else f"{count:,} of {of:,} values"


def course(wrong: Tensor, size: Tensor) -> str:
    """How the largest difference of a timestep goes on, if over three or more of them it goes one way."""
    peaks = size.masked_fill(~wrong, 0.0).amax((1, 2))[wrong.any(2).any(1)]
    change = peaks.diff()
    for word, one_way in (("growing", change >= 0), ("fading", change <= 0)):
        if len(peaks) > 2 and bool(one_way.all()) and bool(change.any()):
            return f"{word} with t from {float(peaks[0]):.2g} to {float(peaks[-1]):.2g}"
    return ""
