"""What becomes of missing values, and of numbers that are not finite, in blocks of typed rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncheck.data.batching import Tally
from rnncheck.data.columns import CellKind, ColumnLayout, read_cell
from rnncheck.data.markers import Markers
from rnncheck.data.options import FileOptions
from rnncheck.data.sequences import FloatArray
from rnncheck.errors import DataError, UsageError
from rnncheck.text import printable

Mask = NDArray[np.bool_]
_ALLOW = "--allow-nonfinite feeds it to both sides, which then cannot be judged everywhere"
_WAYS = "--missing drop-row, zero or ffill"


@dataclass(frozen=True)
class Gaps:
    """Reads blocks of rows as --missing and --allow-nonfinite say; `name` and `layout` are for messages."""

    name: str
    layout: ColumnLayout
    options: FileOptions
    markers: tuple[float, ...]

    @classmethod
    def of(cls, name: str, layout: ColumnLayout, options: FileOptions) -> "Gaps":
        """Raises `UsageError` for a text as marker."""
        markers = Markers.of(options)
        infinite = {text for text in markers.texts if read_cell(text)[0] is CellKind.NONFINITE}
        if texts := sorted(markers.texts - infinite):
            text = printable(texts[0])
            raise UsageError(f"--na {text}: {name} holds numbers and nulls, no text; name a number, as in --na -200")
        return cls(name, layout, options, (*markers.numbers, *map(float, infinite)))

    def closed(self, rows: FloatArray, nulls: Mask, begin: int, last: FloatArray | None, tally: Tally) -> FloatArray:
        """The rows without gaps. `begin` is the place of the first, from 1, and `last` the row before it.

        A null is missing, and a number of --na. So is a NaN, unless it is allowed as a number. Raises `DataError`
        where a gap stays.
        """
        missing, allowed = self.options.missing, self.options.allow_nonfinite
        marked = nulls | np.isin(rows, self.markers)
        gaps = marked if allowed else marked | np.isnan(rows)
        if not allowed:
            stands = f"if it stands for a missing value, pass --na inf,-inf {_WAYS}"
            self._refuse_any(np.isinf(rows) & ~marked, rows, nulls, begin, f"not a finite number; {stands}; {_ALLOW}")
        if not gaps.any():
            return rows
        if missing == "drop-row":
            keep = ~gaps.any(axis=1)
            tally.dropped += int((~keep).sum())
            return np.ascontiguousarray(rows[keep])
        if missing == "error":
            self._refuse_any(marked, rows, nulls, begin, f"a missing value; pass {_WAYS}")
            self._refuse_any(gaps, rows, nulls, begin, f"which counts as missing; pass {_WAYS}; {_ALLOW}")
        tally.filled += int(gaps.sum())
        if missing == "zero":
            return np.where(gaps, 0.0, rows)
        return self._carried(rows, nulls, gaps, begin, last)

    def _carried(self, rows: FloatArray, nulls: Mask, gaps: Mask, begin: int, last: FloatArray | None) -> FloatArray:
        """Each gap with the value above it."""
        if last is not None:
            rows, gaps = np.vstack([last, rows]), np.vstack([np.zeros_like(gaps[:1]), gaps])
        from_row = np.maximum.accumulate(np.where(gaps, -1, np.arange(len(rows))[:, None]), axis=0)
        reason = "missing, and --missing ffill has no earlier value; pass --missing drop-row or zero"
        self._refuse_any(from_row < 0, rows, nulls, begin, reason)  # which is so only where there is no last row
        rows = np.take_along_axis(rows, from_row, axis=0)
        return rows if last is None else rows[1:]

    def _refuse_any(self, bad: Mask, rows: FloatArray, nulls: Mask, begin: int, reason: str) -> None:
        """Raises `DataError` for the first of these cells, if there are any."""
        if not bad.any():
            return
        row, column = (int(each[0]) for each in np.nonzero(bad))
        what = f"row {begin + row}, {self.layout.describe(self.layout.inputs[column])}"
        shown = "null" if nulls[row, column] else repr(float(rows[row, column])).removesuffix(".0")
        raise DataError(f"{self.name}: {what} is {shown}, {reason}")
