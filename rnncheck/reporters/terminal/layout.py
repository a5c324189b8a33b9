"""Lines of styled text: wrapping, hanging indents and tables, which never cut a number.

Rich would shorten `1.23e-07` to `1.23…` where a column is too narrow; so widths are computed here, from the texts.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells
from rich.text import Text

NO_BREAK = "\u00a0"  # holds words together on one line; shown as a space
HELD = re.compile(r"\([\d, ]+\)|\b[a-z](?:, [a-z])+\b|\S+ %|\b(t =|batch row|unit|layer|seed|h0|[TBI]) \w")
GAP = 2
LABELS = 15  # where the text behind a label begins
NARROWEST_TEXT = 28  # columns for a text beside a table


@dataclass(frozen=True)
class TableColumn:
    """A column of a table."""

    header: str
    cells: Sequence[str]
    right: bool = True
    styles: Sequence[str] = ()

    @property
    def width(self) -> int:
        return max(cell_len(each) for each in (self.header, *self.cells))

    def cell(self, index: int) -> tuple[str, str]:
        """A cell's text at the column's width, and its style."""
        return self.aligned(self.cells[index]), self.styles[index] if self.styles else ""

    def aligned(self, text: str) -> str:
        padding = " " * (self.width - cell_len(text))
        return padding + text if self.right else text + padding


def table(columns: Sequence[TableColumn], width: int, indent: int = 2) -> list[Text]:
    """The columns side by side under dim headers. Columns beyond the width continue below, after the first column."""
    first, *rest = columns
    room = width - indent - first.width
    pieces = [rest] if _spread(rest) <= room else _balanced(rest, room)
    lines: list[Text] = []
    for piece in pieces:
        lines += [Text(), *_piece([first, *piece], indent)] if lines else _piece([first, *piece], indent)
    return lines


def _spread(columns: Iterable[TableColumn]) -> int:
    return sum(GAP + each.width for each in columns)


def _balanced(columns: Sequence[TableColumn], room: int) -> list[list[TableColumn]]:
    """As few pieces as fit, of about equal width, so that the last piece is not a single column."""
    fewest = len(_fitting(columns, room))
    return next(pieces for narrower in range(room + 1) if len(pieces := _fitting(columns, narrower)) <= fewest)


def _fitting(columns: Sequence[TableColumn], room: int) -> list[list[TableColumn]]:
    pieces: list[list[TableColumn]] = [[]]
    for each in columns:
        if pieces[-1] and _spread([*pieces[-1], each]) > room:
            pieces.append([])
        pieces[-1].append(each)
    return pieces


def _piece(columns: Sequence[TableColumn], indent: int) -> list[Text]:
    lines = [_row([(each.aligned(each.header), "dim") for each in columns], indent)]
    for index in range(len(columns[0].cells)):
        lines.append(_row([each.cell(index) for each in columns], indent))
    return lines


def _row(cells: Sequence[tuple[str, str]], indent: int) -> Text:
    line = Text(" " * indent)
    for index, (text, style) in enumerate(cells):
        line.append(" " * GAP if index else "").append(text, style)
    line.rstrip()
    return line


def hanging(label: Text, body: Text, width: int, column: int) -> list[Text]:
    """`label` at the left and `body` from `column` on, wrapped to `width`."""
    start = Text().append_text(label).append(" " * (column - label.cell_len))
    lines = wrapped(body, width - column)
    return [(Text(" " * column) if index else start).append_text(line) for index, line in enumerate(lines)]


def entry(label: str, text: str, width: int, style: str = "") -> list[Text]:
    """A dim label and its value."""
    return hanging(Text(f"  {label}", "dim"), Text(unbroken(text), style), width, LABELS)


def unbroken(text: str) -> str:
    """`text` with unbreakable spaces in shapes, percentages and the like: `(1, 3, 4)`, `0.5 %`, `unit 2`."""
    return HELD.sub(lambda match: match[0].replace(" ", NO_BREAK), text)


def wrapped(text: Text, width: int) -> list[Text]:
    """`text` wrapped at spaces. A word is broken only if it is wider than a line."""
    cuts: list[int] = []
    position, used = 0, -1  # -1: nothing is on the first line yet, not even a space
    for word in text.plain.split(" "):
        used += 1
        if used and used + cell_len(word) > width:
            cuts.append(position)
            used = 0
        *full, last = chop_cells(word, width) or [""]
        for piece in full:
            position += len(piece)
            cuts.append(position)
            used = 0
        position += len(last) + 1
        used += cell_len(last)
    lines = list(text.divide(cuts))
    for line in lines:
        line.rstrip()
        line.plain = line.plain.replace(NO_BREAK, " ")
    return lines


def beside(columns: Sequence[TableColumn], header: str, texts: Sequence[str], width: int, indent: int) -> list[Text]:
    """The columns under dim headers, and a text for each row: beside them, or below where that leaves little room."""
    column = indent + sum(each.width + GAP for each in columns)
    below = width - column < NARROWEST_TEXT
    column = indent + 2 * GAP if below else column
    headers = [(each.aligned(each.header), "dim") for each in columns]
    lines = [_row(headers if below else [*headers, (header, "dim")], indent)]
    for index, text in enumerate(texts):
        label = _row([each.cell(index) for each in columns], indent)
        lines += [label] if below else []
        lines += hanging(Text() if below else label, Text(text), width, column)
    return lines
