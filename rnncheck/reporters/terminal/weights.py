"""Tables of weights: the content of each tensor of the candidate, and the shapes of a model's parameters."""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.text import Text

from rnncheck.report import Mapped, Report
from rnncheck.reporters.numbers import count
from rnncheck.reporters.terminal.layout import GAP, LABELS, TableColumn, beside, entry, table
from rnncheck.reporters.terminal.screen import Screen

NAME = re.compile(r"(?P<kind>.+?)(?P<layer>_l\d+(_reverse)?)?")
MOST = 16  # rows


def mapping(report: Report, screen: Screen) -> list[Text]:
    """The tensors that do not have torch's name for their weight, and the number of the others."""
    renamed = [each for each in report.mapping if each.candidate != each.from_]
    if not renamed:
        return []
    if all(each.how == "kept" for each in renamed):
        return []
    if all(each.how == "own" for each in renamed):
        own = screen.clean(renamed[0].candidate)
        return entry("", f"filled by its own {own}, proved by changing each weight alone", screen.width)
    lines = _table(renamed[:MOST], screen)
    named = len(report.mapping) - len(renamed)
    left_out = len(renamed) - MOST
    if left_out > 0:
        lines += entry("", f"and {count(left_out)} more, which --format json lists", screen.width)
    if named:
        lines += entry("", f"and {count(named)} by torch's own names", screen.width)
    return lines


def _table(rows: Sequence[Mapped], screen: Screen) -> list[Text]:
    facts = [
        TableColumn("shape", ["" if each.shape is None else str(each.shape) for each in rows], right=False),
        TableColumn("by", [screen.clean(each.how) for each in rows], right=False),
    ]
    room = screen.width - LABELS - sum(GAP + each.width for each in facts)
    names = TableColumn("tensor", [_clipped(screen.clean(each.candidate), room) for each in rows], right=False)
    return beside([names, *facts], "holds", [screen.clean(each.from_, 1000) for each in rows], screen.width, LABELS)


def _clipped(name: str, room: int) -> str:
    """The end of a dotted name, which says most."""
    while cell_len(name) > max(room, len("...")):
        name = "..." + name.removeprefix("...")[1:]
    return name


def parameters(shapes: Mapping[str, tuple[int, ...]], width: int) -> list[Text]:
    """A table of shapes. A parameter's name is that of its column and its row together: `weight_ih` and `_l0`."""
    rows: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        if match := NAME.fullmatch(name):
            rows.setdefault(match["layer"] or "head", {})[match["kind"]] = shape
    lines: list[Text] = []
    for kinds, group in groupby(rows.items(), key=lambda row: tuple(row[1])):  # the head has kinds of its own
        layers = dict(group)
        columns = [TableColumn("", list(layers), right=False)]
        for kind in kinds:
            columns.append(TableColumn(kind, [str(held[kind]) for held in layers.values()], right=False))
        if len(shapes) > len(kinds):  # else the total says it
            counts = [count(sum(map(math.prod, held.values()))) for held in layers.values()]
            columns.append(TableColumn("numbers", counts))
        lines += table(columns, width, LABELS)
    for line in lines:
        line.stylize("dim")
    return lines
