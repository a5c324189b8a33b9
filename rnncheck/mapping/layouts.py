"""The layouts in which a tensor of a given shape can hold blocks of torch's weights.

A block is what one gate of one layer reads with: H rows of an input weight ("x"), of a recurrent weight ("h"), a bias
of H numbers ("b"), or a projection ("p", R rows). A tensor holds `count` of them from top to bottom, each of one kind
or of several side by side (a bias, where it multiplies [1; x; h], in any place), and may be stored transposed, with the
gates on an axis of their own, anywhere, or with their rows dealt out in turn.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

import torch
from torch import Tensor

from rnncheck.mapping.expression import Cat, Column, Expression, First, Interleaved, Reshaped, Transposed
from rnncheck.model.spec import Spec

SIDES = (("x",), ("h",), ("x", "h"), ("h", "x"))
WITH_BIAS = tuple(kinds for of in ("xb", "hb", "xhb") for kinds in permutations(of))


@dataclass(frozen=True)
class Layout:
    kinds: tuple[str, ...]
    count: int
    widths: tuple[int, ...]
    transposed: bool = False
    stacked: bool = False
    interleaved: bool = False

    @property
    def scalar(self) -> bool:
        """Whether it is one number instead of H."""
        return self.kinds == ("b",) and self.widths == (0,)

    @property
    def reads(self) -> tuple[str, ...]:
        """What its weights multiply, without the column of a bias."""
        return tuple(kind for kind in self.kinds if kind != "b")

    def blocks(self, tensor: Tensor) -> list[dict[str, Tensor]]:
        """The parts of each row block by kind: matrices (H, width), biases (H,)."""
        if self.kinds == ("b",):
            vectors = tensor.reshape(-1, self.count).t() if self.interleaved else tensor.reshape(self.count, -1)
            return [{"b": block} for block in vectors]
        if self.stacked:
            matrices = tensor.reshape(-1, *tensor.shape[-2:])
            matrix = (matrices.mT if self.transposed else matrices).reshape(-1, sum(self.widths))
        else:
            matrix = (
                tensor.reshape(sum(self.widths), -1).t() if self.transposed else tensor.reshape(-1, sum(self.widths))
            )
        rows = [matrix[g :: self.count] for g in range(self.count)] if self.interleaved else matrix.chunk(self.count)
        return [dict(zip(self.kinds, torch.split(block, list(self.widths), 1), strict=True)) for block in rows]

    def joined(self, blocks: list[dict[str, Tensor]], shape: torch.Size) -> Tensor:
        """The tensor of `shape` that holds these blocks; the inverse of `blocks`."""
        if self.kinds == ("b",):
            return torch.stack([block["b"] for block in blocks], int(self.interleaved)).reshape(shape)
        rows = [torch.cat([block[kind] for kind in self.kinds], 1) for block in blocks]
        if self.stacked:
            return torch.stack([each.t() if self.transposed else each for each in rows]).reshape(shape)
        matrix = torch.stack(rows, int(self.interleaved)).flatten(0, 1)
        return (matrix.t() if self.transposed else matrix).reshape(shape)

    def expression(self, columns: list[list[Expression]], shape: torch.Size) -> Expression:
        """The expression for the tensor, from one for each kind (or, if `stacked` and transposed, for each block of
        each kind), the rows of all blocks being in one."""
        if len(self.kinds) > 1:
            columns = [
                [Column(each) for each in rows] if kind == "b" else rows
                for kind, rows in zip(self.kinds, columns, strict=True)
            ]
        if self.scalar:
            return First(_cat(columns[0], 0))
        if self.stacked and self.transposed:
            blocks: list[Expression] = [Transposed(_cat(list(block), 1)) for block in zip(*columns, strict=True)]
            return Reshaped(_cat(blocks, 0))
        whole = [_cat(rows, 0) for rows in columns]
        matrix = _cat([Interleaved(each) for each in whole] if self.interleaved else whole, 1)
        if self.transposed:
            matrix = Transposed(matrix)
        expected = 1 if self.kinds == ("b",) else 2
        return Reshaped(matrix) if len(shape) != expected else matrix


def layouts(shape: torch.Size, spec: Spec, layer: int) -> Iterator[Layout]:
    """Every layout in which a tensor of this shape can hold weights of this layer."""
    size, gates = spec.hidden_size, spec.cell.gates
    yield from _biases(shape, size, gates)
    widths = {"x": spec.layer_input_size(layer), "h": spec.state_size, "b": 1}
    *leading, a, b = (1, 1, *shape)
    leading = [axis for axis in leading if axis != 1]
    if len(shape) < 2:
        return
    yield from _between(tuple(axis for axis in shape if axis != 1), spec, widths)
    if len(leading) > 1 or (leading and leading[0] > gates):
        return
    for transposed, (rows, columns) in ((False, (a, b)), (True, (b, a))):
        if spec.proj_size and not leading and (rows, columns) == (spec.proj_size, size):
            yield Layout(("p",), 1, (size,), transposed)
        if rows % size or rows // size > (1 if leading else gates):
            continue
        for kinds in (*SIDES, *WITH_BIAS) if spec.bias else SIDES:
            held = tuple(widths[kind] for kind in kinds)
            if sum(held) == columns:
                count = leading[0] if leading else rows // size
                yield Layout(kinds, count, held, transposed, bool(leading))


def _between(shape: tuple[int, ...], spec: Spec, widths: Mapping[str, int]) -> Iterator[Layout]:
    """With the gates on an axis of their own that is not the first, as einsum reads them: (H, G, W), (W, G, H) or
    (W, H, G)."""
    size, gates = spec.hidden_size, spec.cell.gates
    if len(shape) != 3 or gates == 1:
        return
    for kinds in (*SIDES, *WITH_BIAS) if spec.bias else SIDES:
        held = tuple(widths[kind] for kind in kinds)
        for axes, transposed, interleaved in (
            ((size, gates, sum(held)), False, True),
            ((sum(held), gates, size), True, False),
            ((sum(held), size, gates), True, True),
        ):
            if shape == axes:
                yield Layout(kinds, gates, held, transposed, interleaved=interleaved)


def _biases(shape: torch.Size, size: int, gates: int) -> Iterator[Layout]:
    *others, last = [axis for axis in shape if axis != 1] or [1]
    if shape.numel() == 1 and size != 1:
        yield Layout(("b",), 1, (0,))
    elif last % size == 0 and shape.numel() // size <= 2 * gates and len(others) <= 2:
        yield Layout(("b",), shape.numel() // size, (size,))
    elif others == [size] and last == gates:
        yield Layout(("b",), gates, (size,), interleaved=True)


def _cat(parts: list[Expression], dim: int) -> Expression:
    return parts[0] if len(parts) == 1 else Cat(tuple(parts), dim)


@dataclass(frozen=True)
class Placed:
    """A tensor, how it is laid out, and its place k = layer * D + direction.

    `pinned` is the kind that torch gives its name; of a bias, `adds` says that it acts as one, whatever its name; of a
    weight, `rearranged` says that its gradient shows it to multiply x and the state in another order than this layout.
    """

    name: str
    layout: Layout
    k: int
    live: bool
    pinned: str | None = None
    adds: bool = False
    rearranged: bool = False
