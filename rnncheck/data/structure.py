"""The structure that a text file seems to have, found from its first lines: for advice alone.

No file is read in this way: an error names the options that say what was found, and the user gives them or not.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rnncheck.data.cells import COMMENT_MARKS, Look, columns_of_numbers, is_data, look, split
from rnncheck.data.columns import is_text
from rnncheck.data.options import FileOptions
from rnncheck.text import in_words

_SEPARATORS = (",", ";", "\\t", "|", "whitespace")
_CLOSE = 0.15  # a separator explains a file about as well as another, which is then taken if it is more usual
_DECIMAL_COMMA = re.compile(r"[+-]?(?:[0-9]+,(?:[0-9]{1,2}|[0-9]{4,})|0,[0-9]+)")  # not 1,200, which may be thousands
_DECIMAL_POINT = re.compile(r"[+-]?[0-9]*\.[0-9]+")
_BOTH_MARKS = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+")

Finding = tuple[str, str]  # what the file seems to be, and the option that says so


@dataclass(frozen=True)
class _Rows:
    """The lines of a file as cells, and those among them that are one table: the longest run of one width."""

    sep: str
    every: list[tuple[int, list[str]]]
    table: list[tuple[int, list[str]]]

    @property
    def width(self) -> int:
        return len(self.table[0][1])

    @property
    def explained(self) -> float:
        """Which share of the lines is in the table, times which share of its cells is no text."""
        cells = [cell.strip() for _, row in self.table for cell in row]
        clear = sum(look(cell) is not Look.TEXT and not (" " in cell and look(cell) is Look.NUMBER) for cell in cells)
        return len(self.table) / len(self.every) * clear / len(cells) if cells else 0.0


def structure(lines: Sequence[str], options: FileOptions, *, begun: bool = False) -> str:
    """What the file seems to be, and the options that say so; nothing where they are given already, or not needed.

    `begun` says that rows of data were read, so that the header and the beginning of the data are known.
    """
    comment = options.comment or _comment_mark(lines, options)
    tries = [_rows(lines, each, comment) for each in ((options.sep,) if options.sep else _SEPARATORS)]
    tries = [tries[0], *(each for each in tries[1:] if each.table and each.width > 1)]
    best = max(each.explained for each in tries)
    rows = next(each for each in tries if each.explained >= best - _CLOSE)
    if not rows.table:
        return ""
    found = list[Finding]()
    if comment is not None and comment != options.comment:
        found.append((f"'{comment}' begins comments", f"--comment '{comment}'"))
    if rows.sep != (options.sep or ","):
        shown = "blanks separate" if rows.sep == "whitespace" else f"'{rows.sep}' separates"
        found.append((f"{shown} the cells", f"--sep {rows.sep}" if rows.sep == "whitespace" else f"--sep '{rows.sep}'"))
    found += [*_decimal_marks(rows, options), *([] if begun else _header(rows, lines, options))]
    if not found:
        return ""
    return f"it looks as if {in_words([what for what, _ in found])}; pass {' '.join(flag for _, flag in found)}"


def _rows(lines: Sequence[str], sep: str, comment: str | None) -> _Rows:
    mark = {"\\t": "\t", "tab": "\t", "whitespace": " "}.get(sep, sep)
    every = split(lines, mark, whitespace=sep == "whitespace", comment=comment)
    runs = [list(run) for _, run in groupby(every, key=lambda row: len(row[1]))]
    return _Rows(sep, every, max(reversed(runs), key=len, default=[]))


def _comment_mark(lines: Sequence[str], options: FileOptions) -> str | None:
    """The mark that lines begin with, unless it is only the first sign of a header."""
    marked = [(mark, line) for line in lines for mark in COMMENT_MARKS if line.lstrip().startswith(mark)]
    if not marked:
        return None
    rows = _rows(lines, options.sep or ",", None)
    within = [row for _, row in rows.table if row[0].lstrip().startswith(COMMENT_MARKS)]
    return None if len(marked) == len(within) and rows.width > 1 else marked[0][0]


def _decimal_marks(rows: _Rows, options: FileOptions) -> Iterator[Finding]:
    if options.decimal != "." or rows.sep == ",":
        return
    cells = [cell.strip() for _, row in rows.table for cell in row]
    if options.thousands is None and any(_BOTH_MARKS.fullmatch(cell) for cell in cells):
        yield "'.' stands between thousands", "--thousands ."
    elif any(_DECIMAL_POINT.fullmatch(cell) for cell in cells):
        return
    if any(_DECIMAL_COMMA.fullmatch(cell) or _BOTH_MARKS.fullmatch(cell) for cell in cells):
        yield "commas are decimal marks", "--decimal ','"


def _header(rows: _Rows, lines: Sequence[str], options: FileOptions) -> Iterator[Finding]:
    """Which line is the header, and where the data begin, where the first line and the next are not."""
    if options.header_row is not None or options.data_row is not None:
        return
    table, places = rows.table, [line for line, _ in rows.every]
    above = 0 if options.header is False else _rows_of_names([row for _, row in table])
    if above == 0 and len(table) > 1 and _is_title(table[0][1]):
        table = table[1:]
    begin, first = table[0]
    if above == 0:
        texts = any(look(cell) in (Look.TEXT, Look.DATE) for cell in first)
        if texts and options.header is None and not is_data(first, [row for _, row in table[1:]]):
            above = 1  # names beside numbers that are names too, such as years
    if above == len(table):
        return
    if above == 0:
        named = not all(each.isdigit() for each in (*options.columns, *options.drop))
        bare = options.header is None and not named and (texts or _only_look_like_names(first, options))
        more_than_names = rows.sep == "," and 1 < len(rows.every[0][1]) < rows.width and places[1:2] == [begin]
        if options.header is None and _are_numbers_of_columns(first):
            yield "the first row is the header", "--header"
        elif begin != places[0] and not more_than_names:  # numbers may have commas
            headless = (", without a header", " --no-header") if bare else ("", "")
            yield f"the data begin on line {begin}{headless[0]}", f"--data-row {begin}{headless[1]}"
        elif bare:
            yield "the first row is data", "--no-header"
        return
    data = table[above][0]
    names = max(table[:above], key=lambda row: (len({cell.strip() for cell in row[1]} - {""}), -row[0]))[0]
    between = lines[names : data - 1] if places.index(data) == places.index(names) + 1 else [""]
    apart = any(not line.strip() for line in between)
    if names != places[0] or apart:
        yield f"line {names} is the header", f"--header-row {names}"
    if apart:
        yield f"the data begin on line {data}", f"--data-row {data}"


def _rows_of_names(table: Sequence[Sequence[str]]) -> int:
    """How many of the first rows hold names or units, not data: no number where the others have numbers."""
    numbers = columns_of_numbers(table)
    dates = [
        column
        for column, cells in enumerate(zip(*table, strict=True))
        if 2 * sum(look(cell) is Look.DATE for cell in cells) > len(cells)
    ]
    count = 0
    for above, row in enumerate(table, start=1):
        looks = [look(cell) for cell in row]
        if any(looks[each] is Look.NUMBER for each in numbers) or any(looks[each] is Look.DATE for each in dates):
            break
        if _is_title(row):
            continue
        if any(looks[each] is Look.TEXT for each in (*numbers, *dates)):
            count = above
        elif any(cell.strip() for cell in row):
            break
    return count if numbers else min(1, count)


def _only_look_like_names(cells: Sequence[str], options: FileOptions) -> bool:
    """Whether all are numbers, though some have marks that the options do not say yet."""
    numbers = [cell for cell in cells if look(cell) is not Look.MISSING]
    return all(look(cell) is Look.NUMBER for cell in numbers) and any(is_text(cell, options) for cell in numbers)


def _is_title(cells: Sequence[str]) -> bool:
    """Whether only one of several cells has a text, as a title has that a spreadsheet saved."""
    return len(cells) > 1 and [look(cell) for cell in cells if cell.strip()] == [Look.TEXT]


def _are_numbers_of_columns(cells: Sequence[str]) -> bool:
    """Whether they count columns from 0 behind an empty cell, as pandas writes them."""
    return len(cells) > 1 and [cell.strip() for cell in cells] == ["", *map(str, range(len(cells) - 1))]
