"""The columns of a file, the choice of those to read, and the syntax of a number.

number = [spaces] [+ or -] digits [mark digits] [e [+ or -] digits] [spaces]

with at least one digit on one side of the decimal mark. Python's and numpy's own readers take more (1_000,
other scripts' digits, 1e400 as infinity); what they take and this grammar does not is refused, not guessed at.
"""

import math
import re
import shlex
from collections import Counter
from dataclasses import dataclass
from enum import Enum

from rnncheck.data.options import FileOptions
from rnncheck.errors import DataError
from rnncheck.text import nearest, printable

BLANKS = " \t"
MISSING_TOKENS = frozenset({"", "na", "n/a", "#n/a", "#na", "<na>", "null", "none"})

# Each of these runs in linear time: no two neighbouring parts can match the same digit.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NONFINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_NOT_ZERO = re.compile(r"[+-]?[0.]*[1-9]")

# Only text like this can be a number other than zero and yet round to zero in float64.
MAY_UNDERFLOW = re.compile(r"[eE]-[0-9]{3}|0{200}")


class CellKind(Enum):
    """The kind of a cell."""

    NUMBER = "a number"
    UNDERFLOW = "a number other than zero that float64 rounds to zero"
    OVERFLOW = "a number that overflows float64"
    NONFINITE = "NaN or infinity"
    MISSING = "a missing value"
    TEXT = "not a number"


def read_cell(text: str, decimal: str = ".", thousands: str | None = None, strip: str = "") -> tuple[CellKind, float]:
    """The kind of a cell and its value, NaN if it has none. `thousands` is the mark between groups of three digits,
    and `strip` holds signs that are left out at its ends.
    """
    text = text.strip(BLANKS)
    if strip:
        minus = text[:1] if text[:1] in "+-" else ""
        text = minus + text[len(minus) :].strip(strip + BLANKS)
    if thousands is not None and thousands in text:
        mark = re.escape(thousands)
        if not re.match(rf"[+-]?[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+(?![0-9{mark}])", text):
            return CellKind.TEXT, math.nan
        text = text.replace(thousands, "")
    if decimal != ".":
        # A full stop is no decimal mark here, so it must not become one.
        text = text.replace(".", "\0").replace(decimal, ".")
    if _NUMBER.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            return CellKind.OVERFLOW, math.nan
        if value == 0 and _NOT_ZERO.match(text):
            return CellKind.UNDERFLOW, value
        return CellKind.NUMBER, value
    if _NONFINITE.fullmatch(text):
        return CellKind.NONFINITE, float(text)
    if text.casefold() in MISSING_TOKENS or not text.strip():
        return CellKind.MISSING, math.nan
    return CellKind.TEXT, math.nan


def is_text(text: str, options: FileOptions) -> bool:
    """Whether a cell can only be a name: no number, and no value that is missing or not finite."""
    kind, _ = read_cell(text, options.decimal, options.thousands, options.strip)
    return kind is CellKind.TEXT and text.strip() not in options.na


@dataclass(frozen=True)
class ColumnLayout:
    """The columns of a file by name (by place, from 1, without a header) and the places, from 0, of those read."""

    names: tuple[str, ...]
    header: bool
    header_chosen: str
    inputs: tuple[int, ...]
    sequence_id: int | None
    index: int | None = None

    @property
    def width(self) -> int:
        return len(self.names)

    @property
    def input_names(self) -> list[str]:
        return [self.names[column] for column in self.inputs]

    def describe(self, column: int) -> str:
        """The description of a column for messages."""
        return f"column {column + 1}" + (f" ('{printable(self.names[column])}')" if self.header else "")

    def selector(self, column: int) -> str:
        """The text for --columns or --drop that names this column."""
        name, place = self.names[column], str(column + 1)
        if name and self.names.count(name) == 1 and printable(name) == name and "," not in name:
            return shlex.quote(name)
        return place if not self.header or place not in self.names else shlex.quote(f"#{place}")


def lay_out(first: list[str], options: FileOptions, where: str) -> ColumnLayout:
    """The layout of a file whose first record is `first`, found at `where`.

    Raises `DataError` for columns that are not there or cannot be told apart.
    """
    names_itself = next((cell for cell in first if is_text(cell, options)), None)
    header = names_itself is not None if options.header is None else options.header
    if options.header_row is not None:
        header, chosen = True, f"--header-row {options.header_row}"
    elif options.header is not None:
        chosen = "--header" if header else "--no-header"
    elif names_itself is not None:
        chosen = f"'{printable(names_itself)}' in the first row is not a number"
        if any(read_cell(cell, options.decimal)[0] is CellKind.NUMBER for cell in first):
            chosen += " (others are: if the row is data, pass --no-header)"
    else:
        chosen = "the first row is all numbers"
    names = tuple(cell.strip() for cell in first) if header else tuple(str(i + 1) for i in range(len(first)))

    finder = _Finder(names, where, chosen if not header else None, options.header_row)
    sequence_id = None if options.sequence_id is None else finder.find(options.sequence_id)
    index = None if options.index is None else finder.find(options.index)
    if options.columns:
        inputs = tuple(finder.find(name) for name in options.columns)
    else:
        dropped = {finder.find(name) for name in options.drop} | {sequence_id, index}
        inputs = tuple(column for column in range(len(names)) if column not in dropped)
        finder.check_distinct(inputs)
    if len(set(inputs)) < len(inputs):
        raise DataError(f"{where}: --columns names a column twice, by its name and by its place; name it once")
    if index in inputs:
        raise DataError(
            f"{where}: --columns names the column of --index, which is not an input: only its order is checked"
        )
    if sequence_id in inputs:
        raise DataError(f"{where}: --columns names the column of --sequence-id, which is not an input")
    if not inputs:
        raise DataError(f"{where}: no column is left to read; --drop names all {len(names)}")
    return ColumnLayout(names, header, chosen, inputs, sequence_id, index)


@dataclass(frozen=True)
class _Finder:
    names: tuple[str, ...]
    where: str
    headless: str | None  # why the file was taken to have no header, if it was
    header_row: int | None

    def find(self, wanted: str) -> int:
        """The place of a column that the user named."""
        count = self.names.count(wanted)
        if count == 1:
            return self.names.index(wanted)
        if count > 1:
            raise DataError(f"{self.where}: {count} columns are named '{printable(wanted)}'; give the place, from 1")
        place = re.fullmatch("#?([0-9]{1,9})", wanted)
        if place and 1 <= int(place[1]) <= len(self.names):
            return int(place[1]) - 1
        if self.headless is not None:
            raise DataError(
                f"{self.where}: no column '{printable(wanted)}': the file has no header ({self.headless}), so a column "
                f"is named by its place, from 1 to {len(self.names)}; if the first row is a header, pass --header"
            )
        near = nearest(wanted, self.names)[:1] or self.names[:8]
        known = ", ".join(f"'{printable(name)}'" for name in near)
        raise DataError(
            f"{self.where}: no column '{printable(wanted)}' among {len(self.names)}; "
            f"{'did you mean' if len(near) == 1 else 'there are'} {known}; a place from 1 to {len(self.names)} will do"
        )

    def check_distinct(self, columns: tuple[int, ...]) -> None:
        """Raises `DataError` where two of these columns have one name, which would then not say which is meant."""
        named = Counter(self.names[column] for column in columns)
        name = next((name for name, count in named.items() if count > 1), None)
        if name is None:
            return
        places = ",".join(str(column + 1) for column in columns if self.names[column] == name)
        if read_cell(name)[0] is CellKind.NUMBER:  # which as a place would be another column
            instead = f" --data-row {self.header_row}, not --header-row" if self.header_row else ""
            way_out = f"if the row is data, pass --no-header{instead}"
        else:
            first = {self.names[column]: column for column in reversed(columns)}
            again = [column for column in columns if first[self.names[column]] != column or not self.names[column]]
            drop = ",".join(str(column + 1) for column in again)
            way_out = f"rename them, leave these out with --drop {drop}, or choose by place, as in --columns {places}"
        raise DataError(f"{self.where}: columns {places} are all named '{printable(name)}'; {way_out}")
