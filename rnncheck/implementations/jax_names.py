"""The cells of flax and equinox that can be named, each with the cell of torch.nn that it is. Imports neither."""

from collections.abc import Mapping

from rnncheck.errors import UsageError
from rnncheck.model.spec import Cell
from rnncheck.text import nearest, printable

LINEN, NNX, EQUINOX = "flax:", "flax.nnx:", "equinox:"
OF_FLAX = {"LSTMCell": Cell.LSTM, "OptimizedLSTMCell": Cell.LSTM, "GRUCell": Cell.GRU, "SimpleCell": Cell.RNN}
CELLS: Mapping[str, Mapping[str, Cell]] = {
    LINEN: OF_FLAX,
    NNX: OF_FLAX,
    EQUINOX: {"LSTMCell": Cell.LSTM, "GRUCell": Cell.GRU},
}


def names() -> list[str]:
    return [prefix + name for prefix, cells in CELLS.items() for name in cells]


def check(prefix: str, name: str) -> None:
    """Raises `UsageError` for a name that is not in the table."""
    if name not in CELLS[prefix]:
        near = nearest(name, CELLS[prefix])
        hint = f"; did you mean {prefix}{near[0]}?" if near else ""
        raise UsageError(
            f"{prefix}{printable(name, 100)} is not a cell that rnncheck knows; there are {', '.join(names())}, "
            f"and your own as file.py:Class{hint}"
        )
