"""From text records to rows of numbers: a fast path for clean data, and a strict one that locates an error."""

import csv
import math
from collections.abc import Callable

import numpy as np

from rnncheck.data.advice import Advice, Place
from rnncheck.data.batching import Group, Tally
from rnncheck.data.columns import MAY_UNDERFLOW, CellKind, ColumnLayout, read_cell
from rnncheck.data.markers import Markers, Rising
from rnncheck.data.options import FileOptions
from rnncheck.data.records import Dialect, Records, UnfinishedRecord
from rnncheck.data.sequences import FloatArray
from rnncheck.errors import DataError
from rnncheck.text import printable


def read_fast(
    text: str, newlines: int, layout: ColumnLayout, dialect: Dialect, options: FileOptions
) -> FloatArray | None:
    """The inputs (rows, I) of a block of whole lines, or None when only the strict way can read it or say why not.

    `newlines` is how many the text has. What it does read, the strict way reads to the same numbers.
    """
    # Quotes may hide a separator (and numpy would read '"1"2' as 12).
    if not text.isascii() or '"' in text or "\0" in text:
        return None
    decimal = options.decimal
    if options.thousands not in (None, dialect.sep) and options.thousands in text:
        return None
    if decimal != ".":
        if "." in text:
            return None
        text = text.replace(decimal, ".")
    lines = text.splitlines()
    # Vertical tabs and their like are spaces to numpy. Here, they end lines; all but one.
    if len(lines) != newlines + (not text.endswith("\n")) or "\x1f" in text:
        return None
    if dialect.comment is not None and dialect.comment in text:
        lines = [line for line in lines if not dialect.is_comment(line)]
    limit = csv.field_size_limit()
    if not any(lines) or (len(text) > limit and max(map(len, lines)) > limit):
        return None
    whole = layout.inputs == tuple(range(layout.width))
    cells = (len(line.split()) if dialect.whitespace else line.count(dialect.sep) + 1 for line in lines)
    if not whole and any(count != layout.width for count in cells):
        return None  # numpy compares the widths of rows only when it reads all columns
    try:
        rows = np.loadtxt(
            lines,
            delimiter=None if dialect.whitespace else dialect.sep,
            comments=None,
            usecols=None if whole else layout.inputs,
            ndmin=2,
            encoding=None,
        )
    except ValueError:
        return None
    # Where numpy passes over a blank line, there are fewer rows.
    if rows.shape != (len(lines), len(layout.inputs)) or not np.isfinite(rows).all():
        return None
    if not rows.all() and MAY_UNDERFLOW.search(text):
        return None
    return rows


class StrictRows:
    """Reads the text of one file from its first row of data to its last, a block at a time.

    `name`, `lines` (the file's first) and `further` (the next two blocks of it) are for messages.
    """

    def __init__(
        self,
        name: str,
        layout: ColumnLayout,
        dialect: Dialect,
        options: FileOptions,
        lines: list[str],
        further: Callable[[], list[str]],
    ) -> None:
        self._name = name
        self._layout = layout
        self._dialect = dialect
        self._options = options
        self._advice = Advice(lines, options, layout)
        self._further = further
        self._records: Records | None = None
        self._seen: dict[str, Group] = {}
        self._markers = Markers.of(options)
        self._rising = None if layout.index is None else Rising(name, layout, options.decimal)
        self.blank_line: int | None = None  # a blank line that only the file's end may follow
        self.last_row: list[float] | None = None  # what --missing ffill carries on

    def read(self, text: str, line: int, tally: Tally) -> tuple[FloatArray, str, int]:
        """The rows (rows, I) of `text`, which begins on line `line`; the text left over and the line it begins on.

        What is left over is a record that the text's end cuts in two.
        """
        rows: list[list[float]] = []
        self._text, self._records = text, (records := Records(text, line, self._dialect, self._name))
        left, next_line = "", line
        try:
            for cells in records:
                row = self._read_record(cells, records.line, tally)
                if row is not None:
                    rows.append(row)
            next_line = records.next_line
        except UnfinishedRecord:
            left, next_line = text[records.offset :], records.line
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self._layout.inputs)), left, next_line

    def _read_record(self, cells: list[str], line: int, tally: Tally) -> list[float] | None:
        """The numbers of one record, or None where it gives no row."""
        if not cells:
            if self.blank_line is None and not self._options.skip_blank:
                self.blank_line = line
            return None
        if self.blank_line is not None:
            way_out = self._advice.of_blank(self.blank_line, self._place(cells, line))
            raise DataError(f"{self._name}:{self.blank_line}: a blank line between rows of data; {way_out}")
        if len(cells) != self._layout.width:
            raise DataError(self._wrong_width(cells, line))
        group = self._group(cells, line)
        if group is not None and (not tally.groups or tally.groups[-1] is not group):
            self.last_row = None  # nothing is carried from one sequence into the next
            if self._rising is not None:
                self._rising.begin()
        if self._rising is not None and self._layout.index is not None:
            self._rising.check(cells[self._layout.index], line)
        row = self._read_cells(cells, line, tally)
        if row is None:
            tally.dropped += 1
            return None
        self.last_row = row
        if group is not None:
            self._count(group, line, tally)
        return row

    def _read_cells(self, cells: list[str], line: int, tally: Tally) -> list[float] | None:
        row: list[float] = []
        options = self._options
        for place, column in enumerate(self._layout.inputs):
            kind, value = read_cell(cells[column], options.decimal, options.thousands, options.strip)
            if self._markers.mark(cells[column], kind, value):
                kind, value = CellKind.MISSING, math.nan
            if kind is CellKind.UNDERFLOW:
                tally.underflowed += 1
            elif kind is not CellKind.NUMBER and not (kind is CellKind.NONFINITE and self._options.allow_nonfinite):
                if not self._is_missing(kind, value):
                    raise DataError(self._refused(kind, cells, column, line))
                if self._options.missing == "drop-row":
                    return None
                value = self._fill(place, column, line)
                tally.filled += 1
            row.append(value)
        return row

    def _is_missing(self, kind: CellKind, value: float) -> bool:
        """Whether --missing decides; a NaN that is not allowed as a number is a missing value."""
        return self._options.missing != "error" and (
            kind is CellKind.MISSING or (kind is CellKind.NONFINITE and math.isnan(value))
        )

    def _fill(self, place: int, column: int, line: int) -> float:
        if self._options.missing == "zero":
            return 0.0
        if self.last_row is None:
            raise DataError(
                f"{self._name}:{line}: {self._layout.describe(column)} is missing in the first row of its "
                f"sequence, and ffill has no earlier value; remove the row or pass --missing drop-row or zero"
            )
        return self.last_row[place]

    def _group(self, cells: list[str], line: int) -> Group | None:
        """The sequence that a record belongs to, where a column says so."""
        if self._layout.sequence_id is None:
            return None
        name = cells[self._layout.sequence_id].strip()
        if not name:
            column = self._layout.describe(self._layout.sequence_id)
            raise DataError(f"{self._name}:{line}: {column} is empty; every row needs the name of its sequence")
        return self._seen.get(name) or Group(name, line)

    def _count(self, group: Group, line: int, tally: Tally) -> None:
        if group.rows and tally.groups[-1] is not group:
            raise DataError(
                f"{self._name}:{line}: sequence '{printable(group.name)}' began on line {group.line} and others "
                f"came since; the rows of a sequence must stand together, so sort the file by --sequence-id"
            )
        if not group.rows:
            self._seen[group.name] = group
            tally.groups.append(group)
        group.rows += 1

    def _place(self, cells: list[str], line: int) -> Place:
        return Place(cells, line, self.last_row is not None, self._rest)

    def _rest(self) -> list[str] | None:
        """The lines behind the record that is being read, or None where more than a block of text follows."""
        assert self._records is not None
        following, more = self._further()
        return None if more else (self._text[self._records.end :] + following).split("\n")

    def _wrong_width(self, cells: list[str], line: int) -> str:
        width, found = self._layout.width, len(cells)
        return (
            f"{self._name}:{line}: {found} {'field' if found == 1 else 'fields'}, expected {width} "
            f"as in the first row; {self._advice.of_width(self._place(cells, line))}"
        )

    def _refused(self, kind: CellKind, cells: list[str], column: int, line: int) -> str:
        cell, place = cells[column], self._place(cells, line)
        start = f"{self._name}:{line}: {self._layout.describe(column)} is"
        shown = f"'{printable(cell)}'"
        match kind:
            case CellKind.MISSING:
                what = shown if cell.strip() else "empty"
                return f"{start} {what}, a missing value; {self._advice.of_missing(column, place)}"
            case CellKind.NONFINITE:
                mark = "" if cell.strip().lstrip("+-").lower().startswith("nan") else f"--na {cell.strip()} "
                how = mark + ("--missing drop-row, zero or ffill" if self._options.missing == "error" else "")
                return (
                    f"{start} {shown}, not a finite number; if it stands for a missing value, pass {how.strip()}; "
                    f"--allow-nonfinite feeds it to both sides, which then cannot be judged everywhere"
                )
            case CellKind.OVERFLOW:
                return f"{start} {shown}, which overflows float64; scale the column down"
            case _:
                return f"{start} {shown}, not a number; {self._advice.of_text(column, place)}"
