"""Advice for a text file that cannot be read: the options that would read it, with their values."""

import csv
import re
import shlex

from rnncheck.data.columns import ColumnLayout, is_text
from rnncheck.data.options import FileOptions
from rnncheck.text import printable

_COMMENT_MARKS = ("#", "%", "//", "!")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_KINDS_OF_TEXT = (
    (re.compile(r"[\u2212\u2013\u2010][0-9.]"), "the sign is U+{sign:04X}, not '-'; write '-'"),
    (re.compile(r"[+-]?0[xXoObB]"), "write it in decimal digits"),
    (re.compile(r"\d+(?:[.,]\d*)?$"), "write it in the digits 0 to 9"),
)
_DATE = re.compile(r"\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{2,4}|\d\d?:\d\d")


_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:([,_' \u00a0\u202f.])[0-9]{3})(?:\1[0-9]{3})*(?:[.,][0-9]*)?$")
MARKER_LENGTH = 20  # characters of a marker that are repeated
_NO_WORD = re.compile(r"[^\w\s]{1,4}")  # as ?, -, .. and *


def way_out_of_text(
    cell: str, column: int, layout: ColumnLayout, options: FileOptions, sample: list[str], line: int | None = None
) -> str:
    """What to do about a cell that is not a number. `sample` is the first few lines of the file.

    `line` is where the cell stands, if it is in the first row of data.
    """
    cell = cell.strip()
    alone = layout.names[0] if layout.width == 1 and layout.header else ""  # perhaps a comment, and no header
    for start in (alone, cell if column == 0 else ""):
        if structure := _other_structure(start, options, sample):
            return structure
    if line is not None and (second := way_out_of_units(layout, options, sample, line)):
        return second
    rows = _rows_of(sample, options)
    if options.decimal == "." and options.separator != "," and _DECIMAL_COMMA.fullmatch(cell):
        thousands = options.thousands is None and _THOUSANDS.match(cell)
        return "for a decimal comma, pass --decimal ','" + (
            " or, if it stands between thousands, --thousands ," if thousands else ""
        )
    if options.decimal == "," and re.fullmatch(r"[+-]?[0-9]*\.[0-9]+", cell):
        return "--decimal ',' was given; for a decimal point, leave it out"
    if options.thousands is None and (groups := _THOUSANDS.match(cell)):
        mark = groups[1]
        decimal = " --decimal ','" if mark == options.decimal else ""
        return f"if '{printable(mark)}' stands between thousands, pass --thousands {shlex.quote(mark)}{decimal}"
    for pattern, advice in _KINDS_OF_TEXT:
        if pattern.match(cell):
            return advice.format(sign=ord(cell[0]))
    if _DECIMAL_COMMA.fullmatch(cell):
        return "write it with a decimal point, or separate the cells by ';' and pass --sep ';' --decimal ','"
    data = [row for row in (rows[1:] if layout.header else rows) if len(row) == layout.width]
    if layout.header and options.header is None and options.header_row is None and _is_data(layout, options, data):
        texts = _texts(column, layout, options, [list(layout.names), *data])
        places = ",".join(str(each + 1) for each in texts)
        return f"the first row looks like data, not like a header: pass --no-header --drop {places}"
    date = bool(_DATE.match(cell))
    way_out = ("it looks like a date or a time; " if date else "") + _without(column, layout, options, data)
    if _NO_WORD.fullmatch(cell) or (not date and any(not is_text(row[column], options.decimal) for row in data)):
        marker = shlex.quote(",".join([*options.na, cell[:MARKER_LENGTH]]))
        how = "" if options.missing != "error" else " --missing drop-row, zero or ffill"
        return f"if it stands for a missing value, pass --na {marker}{how}; else {way_out}"
    return way_out


def way_out_of_units(layout: ColumnLayout, options: FileOptions, sample: list[str], line: int) -> str:
    """What to do about the first row of data, at `line`, if it is a second header."""
    rows = _rows_of(sample, options)
    if options.data_row or len(rows) < 3 or not layout.header or not _is_second_header(rows, layout, options):
        return ""
    header = options.header_row or line - 1
    return f"if line {line} holds units or a second header, pass --header-row {header} --data-row {line + 1}"


def _without(column: int, layout: ColumnLayout, options: FileOptions, data: list[list[str]]) -> str:
    """How to leave out this column, and all others that hold text alone as far as can be seen."""
    texts = _texts(column, layout, options, data)
    left = [layout.selector(each) for each in layout.inputs if each not in texts]
    if options.columns:
        return "take it out of --columns" + (f", as in --columns {','.join(left)}" if left else "")
    if not left:
        whole = "every column holds text: write numbers instead; or" if len(texts) > 1 else "no other column is left:"
        return f"{whole} does the header stand on another line (--header-row N), or is --sep another?"
    columns = ",".join([*options.drop, *(layout.selector(each) for each in texts)])
    return f"leave the {'column' if len(texts) == 1 else 'columns of text'} out with --drop {columns}"


def _texts(column: int, layout: ColumnLayout, options: FileOptions, data: list[list[str]]) -> list[int]:
    """The column, and all that hold text alone as far as can be seen."""
    return [
        each
        for each in layout.inputs
        if each == column or (data and all(_is_no_number(row[each], options) for row in data))
    ]


def _is_data(layout: ColumnLayout, options: FileOptions, data: list[list[str]]) -> bool:
    """Whether the header is a row of data: it has numbers where the data have, and texts that the data have too."""
    named = [is_text(each, options.decimal) for each in layout.names]
    if options.columns or options.drop or all(named) or not data:
        return False
    alike = all(
        is_text(row[at], options.decimal) == named[at] for row in data for at in layout.inputs if row[at].strip()
    )
    again = [at for at in layout.inputs if named[at] and any(row[at].strip() == layout.names[at] for row in data)]
    return alike and bool(again) and len(again) == sum(named[at] for at in layout.inputs)


def _rows_of(sample: list[str], options: FileOptions) -> list[list[str]]:
    """The cells of the first few lines, as far as they can be told apart."""
    lines = [" ".join(line.split()) if options.whitespace else line for line in sample]
    try:
        return list(csv.reader(lines, delimiter=options.separator, skipinitialspace=True))
    except csv.Error:
        return []


def _is_second_header(rows: list[list[str]], layout: ColumnLayout, options: FileOptions) -> bool:
    """Whether no cell of the line behind the header is a number, and some of the next line are."""
    behind, after = rows[1], rows[2]
    if len(behind) != layout.width or len(after) != layout.width:
        return False
    return all(
        is_text(behind[each], options.decimal) or not behind[each].strip() for each in layout.inputs
    ) and not all(_is_no_number(after[each], options) for each in layout.inputs)


def _is_no_number(cell: str, options: FileOptions) -> bool:
    """Whether it is text, whichever marks stand for the decimal point and between thousands."""
    cell = cell.strip()
    return is_text(cell, options.decimal) and not _THOUSANDS.match(cell) and not _DECIMAL_COMMA.fullmatch(cell)


def way_out_of_width(
    cells: list[str],
    first_name: str,
    width: int,
    options: FileOptions,
    sample: list[str],
    line: int | None = None,
) -> str:
    """What to do about a record that has not `width` cells, in a file whose first cell is `first_name`.

    `line` is where the record stands, if no row of data stands before it.
    """
    for start in (first_name, cells[0]):
        if structure := _other_structure(start, options, sample):
            return structure
    if len(cells) == width + 1 and not cells[-1].strip():
        return f"the last is empty: remove the '{options.separator}' at the end of the line"
    if len(cells) == 2 * width and options.separator == ",":
        return "if the comma is a decimal mark, pass --sep ';' --decimal ','"
    if line is not None and options.header_row is None and len(cells) > width:
        return f"if this line is the header, or the first row of data, pass --header-row {line} or --data-row {line}"
    if options.sep == " ":
        return "if any run of blanks separates, pass --sep whitespace"
    return "give every row the same number of cells"


def _other_structure(start: str, options: FileOptions, sample: list[str]) -> str:
    """The options that would make more sense of the whole file, if there are any."""
    mark = next((mark for mark in _COMMENT_MARKS if start.lstrip().startswith(mark)), None)
    if mark and options.comment is None:
        return f"if lines that begin with '{mark}' are comments, pass --comment '{mark}'"
    if options.sep is not None:
        return ""
    spaces = [] if any("," in line for line in sample) else [" "]
    runs = {len(line.split()) for line in sample}
    for sep, typed in ((";", ";"), ("\t", "\\t"), ("|", "|"), *((space, space) for space in spaces)):
        counts = {line.count(sep) for line in sample}
        if len(counts) == 1 and counts != {0}:
            decimal = any(_DECIMAL_COMMA.fullmatch(cell.strip(' "')) for line in sample for cell in line.split(sep))
            return f"it looks separated by '{typed}'; pass --sep '{typed}'" + (" --decimal ','" if decimal else "")
    if spaces and len(runs) == 1 and runs != {1}:
        return "it looks separated by blanks; pass --sep whitespace"
    return ""
