"""The look of a cell to a reader who does not know the options of the file yet: for advice alone."""

import csv
import re
from collections.abc import Iterable, Sequence
from enum import Enum

from rnncheck.data.columns import CellKind, read_cell
from rnncheck.data.options import FileOptions

COMMENT_MARKS = ("#", "%", "//", "!")
_SIGN = r"[^\w\s.,+()'\"<>≤≥\u2212\u2013\u2010-]*"  # such as $ or %; no mark of numbers, or that changes them
_NUMBER = re.compile(
    rf"[+-]?({_SIGN})\s*[+-]?(?:[0-9]{{1,3}}(?:[,_' \u00a0\u202f.][0-9]{{3}})+(?:[.,][0-9]*)?|[0-9]+(?:[.,][0-9]*)?|"
    rf"[.,][0-9]+)(?:[eEdD][+-]?[0-9]+)?\s*({_SIGN})"
)
_DAY = (
    r"[0-9]{4}[-/.][0-9]{1,2}(?:[-/.][0-9]{1,2})?|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}|"
    r"[0-9]{1,2}[- ][A-Za-z]{3,9}[-, ]+[0-9]{2,4}|[A-Za-z]{3,9}\.? [0-9]{1,2}(?:,? [0-9]{4})?|"
    r"[A-Za-z]{3}[- ][0-9]{2,4}|[0-9]{4}-?[QMW][0-9]{1,2}"
)
_TIME = (
    r"[0-9]{1,2}[:.][0-9]{2}(?:[:.][0-9]{2}(?:[.,][0-9]+)?)?(?: ?[AaPp]\.?[Mm]\.?)?(?: ?Z| ?[+-][0-9]{2}:?[0-9]{2})?"
)
_DATE = re.compile(rf"(?:{_DAY})(?:[T ]+{_TIME})?|{_TIME}")
_NO_WORD = re.compile(r"[^\w\s]{1,4}|#(?:DIV/0!|VALUE!|REF!|NAME\?|NUM!|NULL!)")  # as ?, -, .. and Excel's errors


class Look(Enum):
    """What a cell seems to be."""

    NUMBER = "a number, whichever marks and signs it has"
    DATE = "a date or a time"
    MISSING = "a missing value"
    TEXT = "text"


def look(cell: str) -> Look:
    """What the cell seems to be."""
    cell = cell.strip()
    kind, _ = read_cell(cell)
    if kind in (CellKind.MISSING, CellKind.NONFINITE) or _NO_WORD.fullmatch(cell):
        return Look.MISSING
    if kind is not CellKind.TEXT or _NUMBER.fullmatch(cell):
        return Look.NUMBER
    return Look.DATE if _DATE.fullmatch(cell) else Look.TEXT


def signs_around(cell: str) -> str:
    """The signs at the ends of a number, such as $ and %; none of another cell."""
    found = _NUMBER.fullmatch(cell.strip())
    return found[1] + found[2] if found else ""


def columns_of_numbers(rows: Sequence[Sequence[str]]) -> list[int]:
    """The places of those columns where more cells are numbers than text or dates, and at least one is."""
    found = []
    for column, cells in enumerate(zip(*rows, strict=True)):
        looks = [look(cell) for cell in cells]
        numbers = looks.count(Look.NUMBER)
        if numbers > looks.count(Look.TEXT) + looks.count(Look.DATE):
            found.append(column)
    return found


def is_data(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row, which has text, is data as the rows below are, and no header.

    Its cells are of the same kinds, and something says that they are no names: a date above dates, a text that comes
    again, a number that is not whole, or one number twice.
    """
    if not rows:
        return False
    pairs = [[(cell.strip(), row[at].strip()) for row in rows] for at, cell in enumerate(first)]
    for column in pairs:
        above = look(column[0][0])
        below = {look(cell) for _, cell in column} - {Look.MISSING}
        if above is Look.MISSING or not below:
            continue
        if above not in below or (above is not Look.NUMBER and Look.NUMBER in below):
            return False
    texts = [column for column in pairs if look(column[0][0]) is Look.TEXT]
    if texts and all(any(cell == top for top, cell in column) for column in texts):
        return True
    if any(look(column[0][0]) is Look.DATE for column in pairs):
        return True
    numbers = [cell.strip() for cell in first if look(cell) is Look.NUMBER]
    return len(set(numbers)) < len(numbers) or any(not each.isdigit() for each in numbers)


def split(lines: Iterable[str], sep: str, *, whitespace: bool, comment: str | None) -> list[tuple[int, list[str]]]:
    """The cells of each line that is neither blank nor a comment, with its number, from 1."""
    kept = []
    for line in lines:
        left_out = comment is not None and line.lstrip().startswith(comment)
        kept.append("" if left_out or not line.strip() else " ".join(line.split()) if whitespace else line)
    reader = csv.reader(kept, delimiter=sep, skipinitialspace=sep != " ")
    rows, begins = [], 1
    try:
        for cells in reader:
            if cells:
                rows.append((begins, cells))
            begins = reader.line_num + 1
    except csv.Error:
        pass
    return rows


def rows_of_data(lines: Sequence[str], options: FileOptions, width: int, *, header: bool) -> list[list[str]]:
    """Those rows below the header that have so many cells, as the options say now."""
    rows = split(lines, options.separator, whitespace=options.whitespace, comment=options.comment)
    begin = max(options.data_row or 0, (options.header_row or 0) + 1 if header else 0)
    if header and not options.header_row and not options.data_row:
        rows = rows[1:]
    last = options.last_row or len(lines)
    return [cells for line, cells in rows if begin <= line <= last and len(cells) == width]
