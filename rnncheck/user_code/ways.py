"""The ways to call a candidate that its signature leaves open, the likeliest first."""

from collections.abc import Iterator
from typing import Literal

from rnncheck.model.spec import Cell
from rnncheck.user_code.convention import Handing, StateForm
from rnncheck.user_code.signatures import Call
from rnncheck.user_code.sizes import Sizes

Kind = Literal["layers", "packed", "rows", "cells"]
LAYERS: Kind = "layers"
PACKED: Kind = "packed"
ROWS: Kind = "rows"
CELLS: Kind = "cells"


def inputs(kind: Kind, *, one_feature: bool, batch_first: bool | None) -> list[tuple[str, bool]]:
    """The axes of x, and whether it is handed over as a list."""
    if kind == CELLS:
        return [("BF", False), ("FB", False), ("F", False), ("F1", False)]
    if kind == ROWS:
        return [("TF", False), ("TF1", False), ("TF1", True)]
    if kind == PACKED:
        return [("TBF", False), ("BTF", False)]
    if one_feature:
        return [("BT", False), ("TB", False), ("BTF", False), ("TBF", False)]
    if batch_first is not None:
        return [("BTF" if batch_first else "TBF", False)]
    return [("TBF", False), ("BTF", False), ("TBF", True), ("FBT", False)]


def forms(kind: Kind, call: Call, sizes: Sizes) -> Iterator[StateForm | None]:
    """The axes of the initial state, and how it is handed over; None to leave it out."""
    lstm = sizes.spec.cell is Cell.LSTM
    if call.state is not None:
        axes = {
            LAYERS: ["KBF", "BF", "BKF", "FB"],
            PACKED: ["KBF", "BF"],
            ROWS: ["KF", "F", "F1"],
            CELLS: ["BF", "FB", "KBF", "F", "F1"],
        }[kind]
        if sizes.states > 1:
            axes = [each for each in axes if "K" in each]
        handings: list[Handing] = ["h"] if not lstm else ["h, c"] if call.cell_state else ["(h, c)", "h"]
        for handing in handings:
            yield from (StateForm(each, handing) for each in axes)
        if kind == LAYERS and (lstm or sizes.states > 1):
            yield StateForm("BF", "[(h, c)]" if lstm else "[h]")
    if not (call.state_required and call.state):
        yield None
