"""Missing-value markers, and the order of an index column."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from rnncheck.data.columns import CellKind, ColumnLayout, read_cell
from rnncheck.data.options import FileOptions
from rnncheck.data.sequences import FloatArray
from rnncheck.errors import DataError
from rnncheck.text import printable


@dataclass(frozen=True)
class Markers:
    """The markers of `--na`: texts in either case, and numbers by their value."""

    texts: frozenset[str]
    numbers: tuple[float, ...]

    @classmethod
    def of(cls, options: FileOptions) -> "Markers":
        read = {each: read_cell(each, options.decimal, options.thousands, options.strip) for each in options.na}
        numbers = tuple(value for kind, value in read.values() if kind is CellKind.NUMBER)
        texts = frozenset(each.strip().casefold() for each, (kind, _) in read.items() if kind is not CellKind.NUMBER)
        return cls(texts, numbers)

    def mark(self, text: str, kind: CellKind, value: float) -> bool:
        """Whether a cell is one of them."""
        return text.strip().casefold() in self.texts or (kind is CellKind.NUMBER and value in self.numbers)

    def among(self, rows: FloatArray) -> bool:
        """Whether any of these numbers is one of them."""
        return bool(self.numbers) and bool(np.isin(rows, self.numbers).any())


class Rising:
    """The column of `--index`, read row by row: every value is larger than the one before.

    A value is a number or a date and time of ISO 8601; one kind in a file.
    """

    def __init__(self, name: str, layout: ColumnLayout, decimal: str) -> None:
        self._name, self._layout, self._decimal = name, layout, decimal
        self._read: Callable[[str], float | datetime] | None = None
        self._last: tuple[float | datetime, str] | None = None

    def begin(self) -> None:
        """Another sequence begins, and may begin anywhere."""
        self._last = None

    def check(self, text: str, line: int) -> None:
        """Raises `DataError` for a value that does not rise, or is neither a number nor a date."""
        column = self._layout.index
        assert column is not None
        where = f"{self._name}:{line}: {self._layout.describe(column)}"
        text = text.strip()
        if self._read is None:
            self._read = next((read for read in (self._number, moment) if rises(read, text)), None)
        if self._read is None or not rises(self._read, text):
            raise DataError(
                f"{where} is '{printable(text)}', neither a number nor a date as 2024-01-31 or 2024-01-31T12:00:00, "
                f"so its order cannot be checked; pass --drop {self._layout.selector(column)} instead of --index"
            )
        value = self._read(text)
        if self._last is not None and not value > self._last[0]:  # type: ignore[operator]
            raise DataError(
                f"{where} is '{printable(text)}' after '{printable(self._last[1])}': it does not rise; sort the rows, "
                f"or pass --drop {self._layout.selector(column)} instead of --index"
            )
        self._last = value, text

    def _number(self, text: str) -> float:
        kind, value = read_cell(text, self._decimal)
        if kind is not CellKind.NUMBER:
            raise ValueError(text)
        return value


def moment(text: str) -> datetime:
    """Without a time zone in any, or with one in all: Python does not compare others."""
    return datetime.fromisoformat(text)


def rises(read: Callable[[str], float | datetime], text: str) -> bool:
    try:
        return not (isinstance(value := read(text), float) and math.isnan(value))
    except ValueError:
        return False
