"""How the cells of flax and equinox hold torch's weights: one table for each cell.

A parameter is rows of torch's weights, gate by gate; flax stores matrices transposed, (inputs, outputs). Where several
names are joined, it is their sum: most of these cells have one bias for the two of torch.

    linen LSTMCell, OptimizedLSTMCell   a kernel for each gate, ii if ig io and hi hf hg ho; bias = b_ih + b_hh
    linen GRUCell                       ir iz in and hr hz hn; b_n on both sides of the product with r: all of torch's
    linen SimpleCell                    i and h; bias = b_ih + b_hh
    nnx LSTMCell                        as linen's, `if` is called `if_`
    nnx OptimizedLSTMCell               dense_i and dense_h for all gates in the order i, f, g, o
    nnx GRUCell                         dense_i and dense_h in the order r, z, n; no b_hn
    nnx SimpleCell                      dense_i and dense_h; bias = b_ih + b_hh
    equinox LSTMCell                    as torch, with one bias
    equinox GRUCell                     as torch, with one bias, and b_hn as bias_n

Sources: the `__call__` of each cell in flax.linen.recurrent, flax.nnx.nn.recurrent (0.12) and equinox.nn._rnn (0.13).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.implementations.jax_names import EQUINOX, LINEN, NNX
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.weights import Weights


@dataclass(frozen=True)
class GateRows:
    """These gates of a weight, or of the sum of several."""

    of: tuple[str, ...]
    gates: str


@dataclass(frozen=True)
class CellParameter:
    """One parameter of a cell: rows one below the other, and whether they are stored as columns."""

    rows: tuple[GateRows, ...]
    transposed: bool = False


BOTH = ("bias_ih", "bias_hh")


def of_x(gates: str, *, transposed: bool = True) -> CellParameter:
    return CellParameter((GateRows(("weight_ih",), gates),), transposed)


def of_h(gates: str, *, transposed: bool = True) -> CellParameter:
    return CellParameter((GateRows(("weight_hh",), gates),), transposed)


def summed(gates: str) -> CellParameter:
    return CellParameter((GateRows(BOTH, gates),))


def own(bias: str, gates: str) -> CellParameter:
    return CellParameter((GateRows((bias,), gates),))


RESET_APART = CellParameter((GateRows(BOTH, "rz"), GateRows(("bias_ih",), "n")))  # one bias of a GRU, without b_hn


def by_gate(forget: str) -> dict[str, CellParameter]:
    called = {"i": "i", "f": forget, "g": "g", "o": "o"}
    return (
        {f"i{called[gate]}.kernel": of_x(gate) for gate in "ifgo"}
        | {f"h{gate}.kernel": of_h(gate) for gate in "ifgo"}
        | {f"h{gate}.bias": summed(gate) for gate in "ifgo"}
    )


LAYOUTS: Mapping[str, Mapping[str, CellParameter]] = {
    LINEN + "LSTMCell": by_gate("f"),
    LINEN + "OptimizedLSTMCell": by_gate("f"),
    LINEN + "GRUCell": {f"i{gate}.kernel": of_x(gate) for gate in "rzn"}
    | {f"h{gate}.kernel": of_h(gate) for gate in "rzn"}
    | {"ir.bias": summed("r"), "iz.bias": summed("z"), "in.bias": own("bias_ih", "n"), "hn.bias": own("bias_hh", "n")},
    LINEN + "SimpleCell": {"i.kernel": of_x("h"), "i.bias": summed("h"), "h.kernel": of_h("h")},
    NNX + "LSTMCell": by_gate("f_"),
    NNX + "OptimizedLSTMCell": {
        "dense_i.kernel": of_x("ifgo"),
        "dense_h.kernel": of_h("ifgo"),
        "dense_h.bias": summed("ifgo"),
    },
    NNX + "GRUCell": {"dense_i.kernel": of_x("rzn"), "dense_i.bias": RESET_APART, "dense_h.kernel": of_h("rzn")},
    NNX + "SimpleCell": {"dense_i.kernel": of_x("h"), "dense_i.bias": summed("h"), "dense_h.kernel": of_h("h")},
    EQUINOX + "LSTMCell": {
        "weight_ih": of_x("ifgo", transposed=False),
        "weight_hh": of_h("ifgo", transposed=False),
        "bias": summed("ifgo"),
    },
    EQUINOX + "GRUCell": {
        "weight_ih": of_x("rzn", transposed=False),
        "weight_hh": of_h("rzn", transposed=False),
        "bias": RESET_APART,
        "bias_n": own("bias_hh", "n"),
    },
}


def parameters(
    layout: Mapping[str, CellParameter], values: Mapping[str, Tensor], cell: Cell, suffix: str
) -> dict[str, Tensor]:
    """The cell's own parameters by their dotted names, from torch's of one layer and direction, whose names end in
    `suffix`; differentiable by these. Without biases in `values` there are none.
    """
    return {
        name: _value(held, values, cell, suffix)
        for name, held in layout.items()
        if all(weight + suffix in values for rows in held.rows for weight in rows.of)
    }


def _value(held: CellParameter, values: Mapping[str, Tensor], cell: Cell, suffix: str) -> Tensor:
    parts = []
    for rows in held.rows:
        first, *others = (values[name + suffix] for name in rows.of)
        whole = sum(others, first)
        gates = dict(zip(cell.letters, whole.chunk(cell.gates), strict=True))
        parts += [gates[gate] for gate in rows.gates]
    value = torch.cat(parts)
    return value.t() if held.transposed else value


def absent(layout: Mapping[str, CellParameter], cell: Cell) -> dict[str, str]:
    """The biases of torch that no parameter holds, each with its gates."""
    held = {(name, gate) for each in layout.values() for rows in each.rows for name in rows.of for gate in rows.gates}
    missing = {name: "".join(gate for gate in cell.letters if (name, gate) not in held) for name in BOTH}
    return {name: gates for name, gates in missing.items() if gates}


def restricted(layout: Mapping[str, CellParameter], spec: Spec, weights: Weights) -> Weights:
    """The weights that these cells can hold: a bias without a parameter is zero."""
    values = dict(weights.values)
    for name, gates in _absent(layout, spec):
        values[name] = values[name].clone()
        for gate, block in zip(spec.cell.letters, values[name].chunk(spec.cell.gates), strict=True):
            if gate in gates:
                block.zero_()
    return Weights(values)


def restrictions(layout: Mapping[str, CellParameter], spec: Spec) -> tuple[str, ...]:
    """The same in words."""
    said = [f"{name}[{','.join(gates)}]" for name, gates in _absent(layout, spec)]
    are = "which are" if len(said) > 1 else "which is"
    return (f"it has no parameter for {', '.join(said)}, {are} zero on both sides",) if said else ()


def without_place(layout: Mapping[str, CellParameter], spec: Spec) -> frozenset[str]:
    """The biases of torch of which some gates have no parameter, and so no gradient."""
    return frozenset(name for name, _ in _absent(layout, spec))


def _absent(layout: Mapping[str, CellParameter], spec: Spec) -> Iterator[tuple[str, str]]:
    missing = absent(layout, spec.cell)
    for name in spec.recurrent_shapes():
        if name.startswith(tuple(missing)):
            yield name, missing[name.partition("_l")[0]]
