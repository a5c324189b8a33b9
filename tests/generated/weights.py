"""How the weights of one cell are cut up: the tensors that the source names, and what each of them should hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from generated.kind import Kind
from torch import Tensor

GATES = {"rnn": "a", "lstm": "ifgo", "gru": "rzn"}
OWN_ORDER = {"rnn": "a", "lstm": "fogi", "gru": "znr"}

Canonical = Mapping[str, Tensor]
"""w_ih, w_hh, b_ih and b_hh of one cell, as torch has them."""


@dataclass(frozen=True)
class Piece:
    """One tensor of a cell: its name, its rows and columns as source text, and the numbers that belong there.

    `rows` is None for a bias. With `turned` the tensor is stored the other way round.
    """

    name: str
    columns: str
    rows: str | None
    holds: Callable[[Canonical], Tensor]
    turned: bool = False

    @property
    def shape(self) -> str:
        if self.rows is None:
            return self.columns
        return f"{self.rows}, {self.columns}" if self.turned else f"{self.columns}, {self.rows}"

    def value(self, canonical: Canonical) -> Tensor:
        held = self.holds(canonical)
        return held.T if self.turned and self.rows is not None else held


def order_of(kind: Kind) -> str:
    return (GATES if kind.order == "torch" else OWN_ORDER)[kind.cell]


def pieces(kind: Kind) -> list[Piece]:
    """The tensors of one cell, weights before biases."""
    made = {"fused": _fused, "per gate": _per_gate}.get(kind.packing, _joint)(kind)
    return [Piece(p.name, p.columns, p.rows, p.holds, kind.turned) for p in made]


def _fused(kind: Kind) -> list[Piece]:
    order = order_of(kind)
    columns = "hidden" if len(order) == 1 else f"{len(order)} * hidden"
    made = [
        Piece("W", columns, "width", lambda c: _gates(c["w_ih"], kind, order)),
        Piece("U", columns, "hidden", lambda c: _gates(c["w_hh"], kind, order)),
    ]
    if kind.biases == 2:
        made.append(Piece("b", columns, None, lambda c: _gates(c["b_ih"], kind, order)))
        made.append(Piece("v", columns, None, lambda c: _gates(c["b_hh"], kind, order)))
    if kind.biases == 1:
        made.append(Piece("b", columns, None, lambda c: _gates(c["b_ih"] + c["b_hh"], kind, order)))
    return made


def _per_gate(kind: Kind) -> list[Piece]:
    made = []
    for g in GATES[kind.cell]:
        made.append(Piece(f"W{g}", "hidden", "width", lambda c, g=g: _gates(c["w_ih"], kind, g)))
        made.append(Piece(f"U{g}", "hidden", "hidden", lambda c, g=g: _gates(c["w_hh"], kind, g)))
    for g in GATES[kind.cell] if kind.biases else "":
        if kind.biases == 2:
            made.append(Piece(f"b{g}", "hidden", None, lambda c, g=g: _gates(c["b_ih"], kind, g)))
            made.append(Piece(f"v{g}", "hidden", None, lambda c, g=g: _gates(c["b_hh"], kind, g)))
        else:
            made.append(Piece(f"b{g}", "hidden", None, lambda c, g=g: _gates(c["b_ih"] + c["b_hh"], kind, g)))
    return made


def _joint(kind: Kind) -> list[Piece]:
    """One matrix over x and h beside each other. The new gate of a GRU keeps them apart: r comes between."""
    order = order_of(kind).replace("n", "") if kind.cell == "gru" else order_of(kind)
    columns = "hidden" if len(order) == 1 else f"{len(order)} * hidden"

    def beside(c: Canonical) -> Tensor:
        both = [_gates(c["w_ih"], kind, order), _gates(c["w_hh"], kind, order)]
        return torch.cat(both if kind.packing == "[x;h]" else both[::-1], 1)

    rows = "width + hidden" if kind.packing == "[x;h]" else "hidden + width"
    made = [Piece("A", columns, rows, beside)]
    if kind.cell == "gru":
        made.append(Piece("Wn", "hidden", "width", lambda c: _gates(c["w_ih"], kind, "n")))
        made.append(Piece("Un", "hidden", "hidden", lambda c: _gates(c["w_hh"], kind, "n")))
    if kind.biases:
        made.append(Piece("b", columns, None, lambda c: _gates(c["b_ih"] + c["b_hh"], kind, order)))
        if kind.cell == "gru":
            made.append(Piece("bn", "hidden", None, lambda c: _gates(c["b_ih"] + c["b_hh"], kind, "n")))
    return made


def _gates(tensor: Tensor, kind: Kind, order: str) -> Tensor:
    """The gates of a canonical tensor in `order`."""
    every = dict(zip(GATES[kind.cell], tensor.chunk(len(GATES[kind.cell])), strict=True))
    return torch.cat([every[g] for g in order])


def products(kind: Kind) -> tuple[list[str], dict[str, tuple[str, str]]]:
    """Source of one step's products: lines that come first, and for each gate what of x and of h goes into it."""
    made = {piece.name: piece for piece in pieces(kind)}
    if kind.packing == "per gate":
        return [], {g: (_times("x", f"W{g}", f"b{g}", kind, made), _times("h", f"U{g}", f"v{g}", kind, made))
                    for g in GATES[kind.cell]}  # fmt: skip
    order = order_of(kind)
    if kind.packing == "fused":
        lines = [f"ax = {_times('x', 'W', 'b', kind, made)}", f"ah = {_times('h', 'U', 'v', kind, made)}"]
        if len(order) == 1:
            return lines, {order: ("ax", "ah")}
        lines += [f"{', '.join(f'{side}{g}' for g in order)} = {split(kind, f'a{side}', len(order))}" for side in "xh"]
        return lines, {g: (f"x{g}", f"h{g}") for g in order}
    both = "x, h" if kind.packing == "[x;h]" else "h, x"
    joint = order.replace("n", "") if kind.cell == "gru" else order
    lines = [f"xh = {joined(kind, both)}", f"a = {_times('xh', 'A', 'b', kind, made)}"]
    if len(joint) == 1:
        return lines, {joint: ("a", "")}
    lines.append(f"{', '.join(f'a{g}' for g in joint)} = {split(kind, 'a', len(joint))}")
    gates = {g: (f"a{g}", "") for g in joint}
    if kind.cell == "gru":
        gates["n"] = (_times("x", "Wn", "bn", kind, made), _times("h", "Un", "", kind, made))
    return lines, gates


def _times(what: str, matrix: str, bias: str, kind: Kind, made: Mapping[str, Piece]) -> str:
    if kind.storage == "linears":
        return f"{linear_name(matrix)}({what})"
    product = f"{what} @ {matrix}" if kind.turned else f"{what} @ {matrix}.T"
    return f"{product} + {bias}" if bias in made else product


def linear_name(matrix: str) -> str:
    """What an nn.Linear is called that holds a matrix and its bias."""
    return {"W": "from_x", "U": "from_h", "A": "gates"}.get(matrix[0], "") + matrix[1:]


def split(kind: Kind, what: str, count: int) -> str:
    return f"{what}.chunk({count}, -1)" if kind.framework == "torch" else f"np.split({what}, {count}, -1)"


def joined(kind: Kind, what: str, axis: int = -1) -> str:
    cat = "torch.cat" if kind.framework == "torch" else "np.concatenate"
    return f"{cat}([{what}], {axis})"
