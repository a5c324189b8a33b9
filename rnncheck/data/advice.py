"""Advice for a text file that cannot be read: the options that would read it, with their values."""

import itertools
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from rnncheck.data.cells import COMMENT_MARKS, Look, columns_of_numbers, look, rows_of_data, split
from rnncheck.data.columns import CellKind, ColumnLayout, read_cell
from rnncheck.data.markers import moment, rises
from rnncheck.data.number_marks import way_out_of_marks
from rnncheck.data.options import FileOptions
from rnncheck.data.structure import structure
from rnncheck.text import printable

SAMPLE_LINES = 100
FEW_ROWS = 3  # which may still be the keys and values of a preamble
MOST_MARKERS = 6  # different texts in a column of numbers; with more it is a column of text
MARKER_LENGTH = 20  # characters of a marker that are repeated
_KINDS_OF_TEXT = (
    (re.compile(r"[\u2212\u2013\u2010][0-9.]"), "the sign is U+{sign:04X}, not '-'; write '-'"),
    (re.compile(r"[+-]?0[xXoObB]"), "write it in decimal digits"),
    (re.compile(r"\([0-9.,]+\)$"), "if brackets stand for a minus, write '-'"),
    (re.compile(r"[+-]?[0-9.,]+[dD][+-]?[0-9]+$"), "write the exponent with e, as in 1.5e+03"),
    (re.compile(r"\d+(?:[.,]\d*)?$"), "write it in the digits 0 to 9"),
)


@dataclass(frozen=True)
class Place:
    """A record that cannot be read: its cells, its line, and whether rows of data came before it.

    `rest` gives the lines behind it where the file ends soon, and None where it goes on.
    """

    cells: Sequence[str]
    line: int
    begun: bool
    rest: Callable[[], list[str] | None]


@dataclass(frozen=True)
class Advice:
    """What to do about a file with these first lines, read with these options and, once they are known, columns."""

    lines: Sequence[str]
    options: FileOptions
    layout: ColumnLayout

    def of_width(self, place: Place) -> str:
        """What to do about a record that has not as many cells as the first."""
        options, width, cells = self.options, self.layout.width, place.cells
        headed = self.layout.header and options.header_row is None and options.data_row is None
        if headed and len(cells) > width and not place.begun and not any(cell.strip() for cell in cells[width:]):
            mark = printable(options.separator)
            drop = options.dropping(str(each + 1) for each in range(width, len(cells)))
            return f"nothing is behind the last '{mark}': pass --data-row {place.line} --drop {drop}, or remove it"
        pairs = [",".join(pair) for pair in zip(cells[::2], cells[1::2], strict=False)]
        if (
            options.sep is None
            and width == 1
            and len(cells) == 2
            and all(re.fullmatch(r"[^\w\s,]*\d+,\d+[^\w\s,]*", each) for each in pairs)
        ):
            return "if the comma is a decimal mark, pass --sep ';' --decimal ','"
        if said := self._of_file(place):
            return said
        if options.sep == " ":
            return "if any run of blanks separates, pass --sep whitespace"
        quote = f", and quote a cell with '{printable(options.separator)}' in it" if len(cells) > width else ""
        return f"give every row the same number of cells{quote}"

    def of_blank(self, blank: int, place: Place) -> str:
        """What to do about a blank line between records; `place` is the record behind it."""
        return self._of_file(replace(place, line=blank)) or "remove it or pass --skip-blank"

    def of_missing(self, column: int, place: Place) -> str:
        """What to do about a cell without a value."""
        if said := self._of_file(place):
            return said
        if column in self._empty and not self.options.columns and self._left({*self._empty, *self._texts}):
            return f"no value is seen there; {self._without(self._empty)}"
        may_be_header = self.options.header is None and not self.layout.header and not place.begun
        header = ", or --header if this is the header" if may_be_header else ""
        return f"fill it in or pass --missing {self._filling}{header}"

    def of_text(self, column: int, place: Place) -> str:
        """What to do about a cell that is not a number."""
        cell = place.cells[column].strip()
        if said := self._of_file(place):
            return said
        options = self.options
        if read_cell(cell, options.decimal, options.thousands, options.strip)[0] is CellKind.NUMBER:
            return "a blank beside it is none of a keyboard, such as U+00A0; remove it"
        every = [row[each] for row in self._data for each in self._numbers]
        if said := way_out_of_marks(cell, [row[column] for row in self._data], every, self.options):
            return said
        for pattern, advice in _KINDS_OF_TEXT:
            if pattern.match(cell):
                return advice.format(sign=ord(cell[0]))
        if look(cell) is Look.NUMBER and column in self._numbers:
            return f"other columns have other marks in their numbers; {self._without([column])}"
        dated, columns = look(cell) is Look.DATE, sorted({column, *self._texts})
        without = ("it looks like a date or a time; " if dated else "") + self._without(columns)
        markers = self._markers(cell)
        if dated and self._left({*columns}) and self._rises(column):
            selector = self.layout.selector(column)
            return f"{without}, or check that it rises with --index {selector}"
        if dated or column in self._texts or len(markers) > MOST_MARKERS or "," in cell:  # which --na would split
            return without
        if column in self._empty and self._left({*self._empty, *self._texts}) and not self.options.columns:
            return f"no value is seen there; {self._without(self._empty)}"
        listed = shlex.quote(",".join([*self.options.na, *markers]))
        how = "" if self.options.missing != "error" else f" --missing {self._filling}"
        return f"if it stands for a missing value, pass --na {listed}{how}; else {without}"

    def _of_file(self, place: Place) -> str:
        """What the file seems to be, or this line in it."""
        above = split(
            self.lines[: place.line - 1],
            self.options.separator,
            whitespace=self.options.whitespace,
            comment=self.options.comment,
        )
        begun = place.begun and sum(self._is_row(cells) for _, cells in above) > FEW_ROWS
        return structure(self.lines, self.options, begun=begun) or self._of_line(place)

    def _of_line(self, place: Place) -> str:
        """What to do about a line that is no row of data: a comment, the header again, or a footer."""
        start = place.cells[0].lstrip() if place.cells else ""
        mark = next((mark for mark in COMMENT_MARKS if start.startswith(mark)), None)
        if mark and self.options.comment is None and look(start) is Look.TEXT:
            return f"if lines that begin with '{mark}' are comments, pass --comment '{mark}'"
        if not place.begun or self.options.last_row is not None:
            return ""
        if self.layout.header and [cell.strip() for cell in place.cells] == list(self.layout.names):
            return "it is the header again: remove this line"
        rest = place.rest()
        if rest is None or self._is_row(place.cells) or (self.layout.width == 1 and " " not in start):
            return ""
        rows = split(rest, self.options.separator, whitespace=self.options.whitespace, comment=self.options.comment)
        if any(self._is_row(cells) for _, cells in rows):
            return ""
        return f"if the data end on line {place.line - 1}, pass --last-row {place.line - 1}"

    def _is_row(self, cells: Sequence[str]) -> bool:
        """Whether a record may be data: it has all cells, and a number among them."""
        whole = len(cells) == self.layout.width
        return whole and any(look(cells[each]) in (Look.NUMBER, Look.MISSING) for each in self.layout.inputs)

    def _without(self, columns: Sequence[int]) -> str:
        """How to leave out these columns."""
        left = [self.layout.selector(each) for each in self._left({*columns})]
        if self.options.columns:
            return "take it out of --columns" + (f", as in --columns {','.join(left)}" if left else "")
        if not left:
            whole = "every column holds text: write numbers instead" if len(columns) > 1 else "no other column is left"
            return f"{whole}; does the header stand on another line (--header-row N), or is --sep another?"
        drop = self.options.dropping(self.layout.selector(each) for each in columns)
        what = "column" if len(columns) == 1 else "columns of text" if columns == self._texts else "columns"
        return f"leave the {what} out with --drop {drop}"

    def _rises(self, column: int) -> bool:
        """Whether --index can read this column, as far as can be seen, and no other is named."""
        cells = [row[column].strip() for row in self._data]
        if self.options.index is not None or self.options.columns or not all(rises(moment, cell) for cell in cells):
            return False
        moments = [moment(cell) for cell in cells]
        if len({each.tzinfo is None for each in moments}) > 1:
            return False
        return all(after > before for before, after in itertools.pairwise(moments))

    def _left(self, without: set[int]) -> list[int]:
        return [each for each in self.layout.inputs if each not in without]

    def _markers(self, cell: str) -> list[str]:
        """The texts that seem to stand for missing values in the columns of numbers, this cell first."""
        cells = [row[each].strip() for row in self._data for each in self._numbers]
        seen = [
            each for each in cells if self._look(each) is Look.TEXT or (_is_mark(each) and each not in self.options.na)
        ]
        return [each[:MARKER_LENGTH] for each in dict.fromkeys([cell, *seen]) if "," not in each or each == cell]

    @cached_property
    def _filling(self) -> str:
        """What --missing can do, the ways first that work for the first lines."""
        bad = [
            any(self._look(row[each]) is not Look.NUMBER for each in self._left({*self._texts})) for row in self._data
        ]
        if not all(bad) or not bad:
            return "drop-row, zero or ffill"
        return "zero"

    @cached_property
    def _data(self) -> list[list[str]]:
        """The rows of data among the first lines, as far as they can be told apart."""
        return rows_of_data(self.lines, self.options, self.layout.width, header=self.layout.header)

    @cached_property
    def _numbers(self) -> list[int]:
        """The inputs that are numbers for the most part."""
        return [each for each in columns_of_numbers(self._data) if each in self.layout.inputs]

    @cached_property
    def _empty(self) -> list[int]:
        """The inputs without any value."""
        rows = self._data if len(self._data) > 1 else []
        return [
            each for each in self.layout.inputs if rows and all(self._look(row[each]) is Look.MISSING for row in rows)
        ]

    @cached_property
    def _texts(self) -> list[int]:
        """The inputs that are text or dates for the most part."""
        return [each for each in self.layout.inputs if self._data and each not in (*self._numbers, *self._empty)]

    def _look(self, cell: str) -> Look:
        return Look.MISSING if cell.strip() in self.options.na else look(cell)


def _is_mark(cell: str) -> bool:
    """Whether it stands for a missing value in a way that only --na can tell."""
    return look(cell) is Look.MISSING and read_cell(cell)[0] is CellKind.TEXT
