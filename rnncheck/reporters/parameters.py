"""The parameters of a model: names, shapes and counts, as many side by side as fit."""

import math
from collections.abc import Mapping

from rich.text import Text

from rnncheck.reporters.layout import LABELS
from rnncheck.reporters.numbers import count

GAP = 3


def parameters(shapes: Mapping[str, tuple[int, ...]], width: int) -> list[Text]:
    """In torch's order, row by row, so that what belongs to one layer stays together."""
    if not shapes:
        return []
    rows = [(name, f"({', '.join(map(str, shape))})", count(math.prod(shape))) for name, shape in shapes.items()]
    name, shape, number = (max(map(len, column)) for column in zip(*rows, strict=True))
    cells = [f"{row[0]:<{name}} {row[1]:<{shape}} {row[2]:>{number}}" for row in rows]
    across = max(1, (width - LABELS + GAP) // (len(cells[0]) + GAP))
    return [
        Text(" " * LABELS + (" " * GAP).join(cells[start : start + across]), "dim")
        for start in range(0, len(cells), across)
    ]
