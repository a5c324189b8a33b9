"""Rows of numbers in the order of their file, before they become sequences."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rnncheck.sequences.base import FloatArray


@dataclass
class Group:
    """Neighbouring rows that belong to one sequence, from line `line` of the file on."""

    name: str
    line: int
    rows: int = 0


@dataclass
class Tally:
    """What one reading of a file met."""

    rows: int = 0
    dropped: int = 0
    filled: int = 0
    underflowed: int = 0
    groups: list[Group] = field(default_factory=list)

    def facts(self) -> dict[str, object]:
        return {
            "rows": self.rows,
            "rows_dropped": self.dropped,
            "cells_filled": self.filled,
            "cells_underflowed": self.underflowed,
        }

    def notes(self, missing: str) -> list[str]:
        notes = []
        if self.dropped:
            notes.append(f"{count_of(self.dropped, 'row')} with a missing value left out (--missing {missing})")
        if self.filled:
            notes.append(f"{count_of(self.filled, 'missing value')} filled (--missing {missing})")
        if self.underflowed:
            notes.append(f"underflow to 0 in {count_of(self.underflowed, 'cell')}")
        return notes


@dataclass
class Table:
    """Rows that can be read from the beginning as often as needed.

    `read` yields blocks (rows, B, I) of any number of rows, keeps the tally it is given, and raises `DataError` where
    the file is at fault. `name` is how messages call the file; `columns` are the names of the I inputs.
    """

    name: str
    read: Callable[[Tally], Iterator[FloatArray]]
    batch_size: int
    columns: list[str]
    facts: dict[str, object]
    notes: list[str]


def count_of(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("s" if number != 1 else "")
