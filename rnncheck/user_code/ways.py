"""The ways to call a candidate that its signature allows, the likeliest first."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from rnncheck.model.spec import Cell
from rnncheck.user_code.convention import Handing, StateForm, XForm
from rnncheck.user_code.own_state import OwnState
from rnncheck.user_code.signatures import Call
from rnncheck.user_code.sizes import Sizes

Kind = Literal[
    "layers",
    "packed",
    "ids",
    "cells",
    "cells of ids",
    "rows",
    "rows of ids",
    "cells of a row",
    "cells of a row of ids",
]
LAYERS: Kind = "layers"
PACKED: Kind = "packed"
ROWS: Kind = "rows"
IDS: Kind = "ids"
CELLS: Kind = "cells"
ID_CELLS: Kind = "cells of ids"
ROW_IDS: Kind = "rows of ids"
ROW_CELLS: Kind = "cells of a row"
ROW_ID_CELLS: Kind = "cells of a row of ids"
KINDS = (PACKED, IDS, CELLS, ID_CELLS, ROWS, ROW_CELLS, ROW_IDS, ROW_ID_CELLS)  # beside layers, in their order
SINGLE_STEPS = (CELLS, ID_CELLS, ROW_CELLS, ROW_ID_CELLS)
SINGLE_ROWS = (ROWS, ROW_IDS, ROW_CELLS, ROW_ID_CELLS)
IN_ONE: tuple[Handing, ...] = ("stacked", "side by side")
OF_IDS = (IDS, ID_CELLS, ROW_IDS, ROW_ID_CELLS)


def inputs(kind: Kind, *, features: int, one_feature: bool, batch_first: bool | None) -> list[tuple[str, XForm]]:
    """The axes and the form of x. `one_feature` says that the constructor takes no input size."""
    if kind == CELLS:
        return [("BF", "array"), ("FB", "array"), ("1BF", "array"), ("B1F", "array")]
    if kind == ROW_CELLS:
        return [("F", "array"), ("F1", "array"), ("1F", "array"), ("11F", "array")]
    one_number: list[tuple[str, XForm]] = [("T", "array")] if features == 1 else []
    if kind == ROWS:
        batch_of_one: list[tuple[str, XForm]] = [("T1F", "array"), ("1TF", "array")]
        return [("TF", "array"), ("TF1", "array"), ("TF1", "list"), ("FT", "array"), *batch_of_one, *one_number]
    if kind in OF_IDS:
        axes = {
            IDS: ("BT", "TB"),
            ID_CELLS: ("B", "1B", "B1"),
            ROW_IDS: ("T", "T1", "1T"),
            ROW_ID_CELLS: ("1", "", "11"),
        }
        return [(each, "ids") for each in axes[kind]]
    if kind == PACKED:
        return [("TBF", "array"), ("BTF", "array")]
    scalars: list[tuple[str, XForm]] = [("BT", "array"), ("TB", "array")] if features == 1 else []
    if batch_first is not None:
        return [("BTF" if batch_first else "TBF", "array"), *scalars]
    arrays: list[tuple[str, XForm]] = [
        ("TBF", "array"),
        ("BTF", "array"),
        ("TBF", "list"),
        ("BFT", "array"),
        ("FBT", "array"),
        ("TFB", "array"),
        ("TFB", "list"),
    ]
    return [*scalars, *arrays] if one_feature else [*arrays, *scalars]


def forms(
    kind: Kind, call: Call, sizes: Sizes, own: Callable[[], Sequence[OwnState]] = tuple
) -> Iterator[StateForm | None]:
    """The axes and the form of the initial state; None to leave it out. `own` are kinds of state of the user's own."""
    lstm = sizes.spec.cell is Cell.LSTM
    if call.state is not None:
        axes = {
            LAYERS: ["KBF", "BF", "BKF", "FB"],
            PACKED: ["KBF", "BF"],
            IDS: ["KBF", "BF", "BKF"],
            ROWS: ["KF", "F", "F1", "K1F"],
            ROW_IDS: ["K1F", "KF", "F"],
            CELLS: ["BF", "FB", "KBF", "B1F", "BFK"],
            ID_CELLS: ["BF", "KBF"],
            ROW_CELLS: ["F", "F1", "1F", "K1F"],
            ROW_ID_CELLS: ["1F", "K1F", "F"],
        }[kind]
        if sizes.states > 1:
            axes = [each for each in axes if "K" in each]
        in_one = IN_ONE if not sizes.spec.proj_size else ()  # of one width alone
        both: list[Handing] = ["h, c"] if call.cell_state else ["(h, c)", *in_one, "h"]
        one: list[Handing] = ["h"]
        for handing in both if lstm else one:
            yield from (
                StateForm(each, handing) for each in axes if handing not in IN_ONE or each in ("KBF", "BF", "BKF")
            )
        if kind in (LAYERS, IDS, CELLS, PACKED) and (lstm or sizes.states > 1 or kind == LAYERS):
            yield StateForm("BF", "[(h, c)]" if lstm else "[h]")
        if kind == LAYERS and lstm and sizes.spec.bidirectional:
            yield StateForm("BF", "[[(h, c)]]")
        if kind in (LAYERS, CELLS) and not lstm and call.state_required:  # what refuses a tensor may be a mistake
            several = ["KBF"] if kind == CELLS and sizes.states == 1 else []
            yield from (StateForm(each, "(h)") for each in [*axes[:2], *several])
        for state in own():
            yield from (StateForm(each, "(h, c)" if lstm else "(h)", kind=state) for each in axes)
            if lstm and kind in (LAYERS, CELLS):
                yield StateForm("BF", "[(h, c)]", kind=state)
    if not (call.state_required and call.state):
        yield None


def in_place_of_ones(axes: str) -> set[str]:
    """The axes that there are with T, B or nothing in place of axes of size 1; none where there are no such axes."""
    if "1" not in axes:
        return set()
    found = {axes.replace("1", each, 1) for each in ("T", "B", "") if not each or each not in axes}
    return found | {each for one in found for each in in_place_of_ones(one)}
