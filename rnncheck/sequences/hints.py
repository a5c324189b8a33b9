"""The way out of a fault in a data file: what the text most likely is, and the option that reads it."""

import re

from rnncheck.sequences.layout import Layout
from rnncheck.sequences.options import FileOptions

_COMMENT_MARKS = ("#", "%", "//", "!")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_KINDS_OF_TEXT = (
    (re.compile(r"[\u2212\u2013\u2010][0-9.]"), "the sign is U+{sign:04X}, not '-'; write '-'"),
    (re.compile(r"[+-]?0[xXoObB]"), "write it in decimal digits"),
    (
        re.compile(r"[+-]?[0-9]{1,3}(?:([,_' \u00a0\u202f.])[0-9]{3})+(?:[.,][0-9]*)?$"),
        "write it without thousands marks",
    ),
    (re.compile(r"\d+(?:[.,]\d*)?$"), "write it in the digits 0 to 9"),
)
_DATE = re.compile(r"\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{2,4}|\d\d?:\d\d")


def way_out_of_text(cell: str, column: int, layout: Layout, options: FileOptions, sample: list[str]) -> str:
    """What to do about a cell that is not a number. `sample` is the first few lines of the file."""
    cell = cell.strip()
    if structure := _other_structure(cell if column == 0 else "", options, sample):
        return structure
    if options.decimal == "." and options.separator != "," and _DECIMAL_COMMA.fullmatch(cell):
        return "for a decimal comma, pass --decimal ','"
    if options.decimal == "," and re.fullmatch(r"[+-]?[0-9]*\.[0-9]+", cell):
        return "--decimal ',' was given; for a decimal point, leave it out"
    for pattern, advice in _KINDS_OF_TEXT:
        if pattern.match(cell):
            return advice.format(sign=ord(cell[0]))
    if _DECIMAL_COMMA.fullmatch(cell):
        return "write it with a decimal point, or separate the cells by ';' and pass --sep ';' --decimal ','"
    kind = "it looks like a date or a time; " if _DATE.match(cell) else ""
    if options.columns:
        return f"{kind}take it out of --columns"
    return f"{kind}leave the column out with --drop {layout.selector(column)}"


def way_out_of_width(cells: list[str], first_name: str, width: int, options: FileOptions, sample: list[str]) -> str:
    """What to do about a record that has not `width` cells, in a file whose first cell is `first_name`."""
    for start in (first_name, cells[0]):
        if structure := _other_structure(start, options, sample):
            return structure
    if len(cells) == width + 1 and not cells[-1].strip():
        return f"the last is empty: remove the '{options.separator}' at the end of the line"
    if len(cells) == 2 * width and options.separator == ",":
        return "if the comma is a decimal mark, pass --sep ';' --decimal ','"
    return "give every row the same number of cells"


def _other_structure(start: str, options: FileOptions, sample: list[str]) -> str:
    """The options that would make more sense of the whole file, if there are any."""
    mark = next((mark for mark in _COMMENT_MARKS if start.lstrip().startswith(mark)), None)
    if mark and options.comment is None:
        return f"if lines that begin with '{mark}' are comments, pass --comment '{mark}'"
    if options.sep is not None:
        return ""
    spaces = [] if any("," in line for line in sample) else [" "]
    for sep, typed in ((";", ";"), ("\t", "\\t"), ("|", "|"), *((space, space) for space in spaces)):
        counts = {line.count(sep) for line in sample}
        if len(counts) == 1 and counts != {0}:
            decimal = any(_DECIMAL_COMMA.fullmatch(cell.strip(' "')) for line in sample for cell in line.split(sep))
            return f"it looks separated by '{typed}'; pass --sep '{typed}'" + (" --decimal ','" if decimal else "")
    return ""
