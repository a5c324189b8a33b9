"""The parameters of a model as a table: a row for each layer and direction, a column for each kind of parameter."""

import math
import re
from collections.abc import Mapping
from itertools import groupby

from rich.text import Text

from rnncheck.reporters.layout import LABELS, Column, table
from rnncheck.reporters.numbers import count

NAME = re.compile(r"(?P<kind>.+?)(?P<layer>_l\d+(_reverse)?)?")


def parameters(shapes: Mapping[str, tuple[int, ...]], width: int) -> list[Text]:
    """A parameter's name is its column's and its row's together: `weight_ih` and `_l0`."""
    rows: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        if match := NAME.fullmatch(name):
            rows.setdefault(match["layer"] or "head", {})[match["kind"]] = shape
    lines: list[Text] = []
    for kinds, group in groupby(rows.items(), key=lambda row: tuple(row[1])):  # the head has kinds of its own
        layers = dict(group)
        columns = [Column("", list(layers), right=False)]
        for kind in kinds:
            columns.append(Column(kind, [str(held[kind]) for held in layers.values()], right=False))
        if len(shapes) > len(kinds):  # else the total says it
            counts = [count(sum(map(math.prod, held.values()))) for held in layers.values()]
            columns.append(Column("numbers", counts))
        lines += table(columns, width, LABELS)
    for line in lines:
        line.stylize("dim")
    return lines
