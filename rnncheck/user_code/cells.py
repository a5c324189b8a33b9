"""Infers the cell of a candidate from its name and docstring, and proves it by the gates in its weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from torch import nn

from rnncheck.errors import CannotRun, UsageError
from rnncheck.model.spec import Cell, Spec
from rnncheck.user_code.loading import Loaded, written

BY_GATES: Mapping[int, Cell] = {cell.gates: cell for cell in Cell}
RNN_WORDS = ("rnn", "elman", "recurrent")  # which many an LSTM is called too
TORCH_CELLS: Mapping[type[nn.Module], Cell] = {nn.LSTMCell: Cell.LSTM, nn.GRUCell: Cell.GRU, nn.RNNCell: Cell.RNN}
DOCSTRING = "its docstring"
TensorShapes = Sequence[tuple[int, ...]]


@dataclass(frozen=True)
class Built:
    """A candidate built for a spec: the shapes of its weights, and the cell of torch's modules in it."""

    spec: Spec
    shapes: TensorShapes
    torch_cell: Cell | None = None


@dataclass(frozen=True)
class Inferred:
    """The cell, and what says so. `twice` if its name or that of a base class and its weights both do."""

    cell: Cell
    because: str
    twice: bool = False


def inferred(loaded: Loaded, held: Callable[[], Built | None], takes_cell_state: bool) -> Inferred:
    """`held` builds it and says what it holds at which sizes; None where that depends on the cell.

    Raises `UsageError` where nothing says which cell it is, or where what it says and what it holds contradict.
    """
    said, where = named(loaded)
    if said is None and takes_cell_state:
        said, where = Cell.LSTM, "the cell state that it takes"
    try:
        built = held()
    except CannotRun:
        if said is None:
            raise
        built = None
    if built and built.torch_cell is not None and said in (None, built.torch_cell, Cell.RNN):
        return Inferred(built.torch_cell, f"the torch.nn layer of the {built.torch_cell} in it")
    gates = gates_of(built.spec, built.shapes, said) if built else None
    if (
        built and gates not in BY_GATES and built.spec.bidirectional
    ):  # it may have one direction, whatever it is asked for
        gates = gates_of(replace(built.spec, bidirectional=False), built.shapes, said) or gates
    cell = BY_GATES.get(gates or 0)
    if cell is None and said is not None:
        return Inferred(said, where)  # with decoys, peepholes, or weights whose sizes say nothing
    if gates is None:
        raise UsageError(f"rnncheck cannot tell which cell {loaded.called} is; add --cell rnn, lstm or gru")
    if cell is not None and said in (None, cell, Cell.RNN):
        proof = f"the {gates} gates in its weights" if gates > 1 else "its weights, which are of one gate"
        twice = said is cell and said is not Cell.RNN and where != DOCSTRING
        return Inferred(cell, f"{where} and {proof}" if said is cell else proof, twice)
    held_gates = f"the weights of {loaded.called} hold {gates} gate{'s' * (gates > 1)}"
    like = f"which fits {'no cell' if cell is None else f'the {cell}'}"
    claim = f"{where} says {said}, but " if said is not None else ""
    raise UsageError(f"{claim}{held_gates}, {like}; set the cell with --cell rnn, lstm or gru")


def torch_cell(thing: object) -> Cell | None:
    """The cell of torch's recurrent modules inside it, if all of them have the same cell."""
    if not isinstance(thing, nn.Module):
        return None
    inside = [each for each in thing.modules() if type(each).__module__.startswith("torch.nn")]
    found = {Cell(each.mode.partition("_")[0].lower()) for each in inside if isinstance(each, nn.RNNBase)}
    found |= {TORCH_CELLS[type(each)] for each in inside if type(each) in TORCH_CELLS}
    return found.pop() if len(found) == 1 else None


def named(loaded: Loaded) -> tuple[Cell | None, str]:
    """The cell by the candidate's name, its base classes' names or its docstring, and which of these named it."""
    code = written(loaded.thing)
    bases = [each.__name__ for each in code.__mro__[1:]] if isinstance(code, type) else []
    sources = {"its name": loaded.called, "its base class": " ".join(bases), DOCSTRING: code.__doc__ or ""}
    for source, text in sources.items():
        lower = text.lower()
        gated = [cell for cell in (Cell.LSTM, Cell.GRU) if str(cell) in lower]
        if len(gated) == 1:
            return gated[0], source
        if not gated and source != DOCSTRING and any(word in lower for word in RNN_WORDS):
            return Cell.RNN, source
    return None, ""


def gates_of(spec: Spec, shapes: TensorShapes, said: Cell | None = None) -> int | None:
    """How many blocks of H the weights that multiply x, alone or beside h, have in each direction; None if that is no
    whole number.

    A head or an embedding may look like a weight for x, or be as wide; those that multiply h alone tell it from a gate
    in one layer. Where the two numbers differ, that of the cell that was `said` counts.
    """
    inputs, units = spec.input_size, spec.hidden_size
    alone = sum(blocks(shape, inputs, units) for shape in shapes)
    beside = sum(blocks(shape, inputs + units, units) for shape in shapes)
    if inputs == units:  # then those that multiply h look alike, and those of upper layers
        alone, beside = alone / (2 * spec.num_layers), beside / spec.num_layers
    gates = (alone + beside) / spec.directions
    if inputs != units and spec.num_layers == 1:
        recurrent = sum(blocks(shape, units, units) for shape in shapes if inputs not in shape) / spec.directions
        if recurrent in BY_GATES and (gates not in BY_GATES or (said is not None and recurrent == said.gates)):
            gates = recurrent
    return int(gates) if gates and gates == int(gates) else None


def blocks(shape: tuple[int, ...], inputs: int, units: int) -> float:
    """How many blocks of `units` outputs a weight for `inputs` inputs has; 0 if its shape does not fit."""
    if len(shape) < 2 or inputs not in shape:
        return 0
    outputs = prod(shape) // inputs
    return outputs / units if outputs % units == 0 else 0
