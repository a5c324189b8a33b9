"""The content of a tensor as an expression of torch's weights: `cat(weight_ih_l0[i,f,o,g].T, ..., dim=1)`.

Every expression can be evaluated, also on tensors that require gradients, and written as text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rnncheck.model.spec import Cell

GATES = {cell: tuple(cell.letters) if cell.gates > 1 else () for cell in Cell}
"""The gates of each cell, in the order in which canonical weights stack them."""


@dataclass(frozen=True)
class Rows:
    """One of torch's weights, or the rows of some of its gates in a given order."""

    weight: str
    gates: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.weight + (f"[{','.join(self.gates)}]" if self.gates else "")


@dataclass(frozen=True)
class Transposed:
    of: "Expression"

    def __str__(self) -> str:
        return f"({self.of}).T" if isinstance(self.of, Sum | Negated) else f"{self.of}.T"


@dataclass(frozen=True)
class Negated:
    of: "Expression"

    def __str__(self) -> str:
        return f"-({self.of})" if isinstance(self.of, Sum) else f"-{self.of}"


@dataclass(frozen=True)
class Sum:
    terms: tuple["Expression", ...]

    def __str__(self) -> str:
        return " + ".join(f"({each})" if isinstance(each, Sum) else str(each) for each in self.terms)


@dataclass(frozen=True)
class Cat:
    parts: tuple["Expression", ...]
    dim: int = 0

    def __str__(self) -> str:
        return f"cat({', '.join(map(str, self.parts))}, dim={self.dim})"


@dataclass(frozen=True)
class Reshaped:
    """The same numbers, row by row, in the shape of the tensor they fill."""

    of: "Expression"

    def __str__(self) -> str:
        return f"reshape({self.of})"


@dataclass(frozen=True)
class Column:
    """A bias as a matrix of one column, next to the columns for x and h."""

    of: "Expression"

    def __str__(self) -> str:
        return f"column({self.of})"


@dataclass(frozen=True)
class Interleaved:
    """The first row of every gate, then the second of every gate, and so on."""

    of: "Expression"

    def __str__(self) -> str:
        return f"interleaved({self.of})"


@dataclass(frozen=True)
class First:
    """Only the first number, for a tensor of one number."""

    of: "Expression"

    def __str__(self) -> str:
        return f"first({self.of})"


@dataclass(frozen=True)
class Zeros:
    """Zeros: torch has no such weight."""

    def __str__(self) -> str:
        return "zeros"


@dataclass(frozen=True)
class Ones:
    """Ones: torch has no such weight, and with zeros its effect would not show."""

    def __str__(self) -> str:
        return "ones"


@dataclass(frozen=True)
class Eye:
    """The identity: a head as wide as the state passes the state on."""

    def __str__(self) -> str:
        return "eye"


@dataclass(frozen=True)
class Unused:
    """Keeps the values from the candidate's constructor."""

    def __str__(self) -> str:
        return "unused"


Expression = (
    Rows | Transposed | Negated | Sum | Cat | Reshaped | Column | Interleaved | First | Zeros | Ones | Eye | Unused
)


def evaluate(expression: Expression, weights: Mapping[str, Tensor], cell: Cell, shape: torch.Size) -> Tensor:
    """The value for a tensor of `shape`. Raises `ValueError` or `RuntimeError` if the parts do not fit together."""
    match expression:
        case Rows(weight, gates):
            value = weights[weight]
            blocks = value.chunk(cell.gates)
            return torch.cat([blocks[GATES[cell].index(gate)] for gate in gates]) if gates else value
        case Transposed(of):
            return evaluate(of, weights, cell, shape).t()
        case Negated(of):
            return -evaluate(of, weights, cell, shape)
        case Sum(terms):
            first, *others = (evaluate(each, weights, cell, shape) for each in terms)
            for each in others:
                if each.shape != first.shape:
                    raise ValueError(f"{tuple(first.shape)} and {tuple(each.shape)} cannot be added")
                first = first + each
            return first
        case Cat(parts, dim):
            return torch.cat([evaluate(each, weights, cell, shape) for each in parts], dim)
        case Reshaped(of):
            return evaluate(of, weights, cell, shape).reshape(shape)
        case Column(of):
            return evaluate(of, weights, cell, shape).reshape(-1, 1)
        case Interleaved(of):
            value = evaluate(of, weights, cell, shape)
            size = len(next(iter(weights.values()))) // cell.gates
            return value.reshape(-1, size, *value.shape[1:]).transpose(0, 1).reshape(value.shape)
        case First(of):
            return evaluate(of, weights, cell, shape).flatten()[:1].reshape(shape)
        case Zeros():
            return next(iter(weights.values())).new_zeros(shape)
        case Ones():
            return next(iter(weights.values())).new_ones(shape)
        case Eye():
            return torch.eye(*shape, dtype=next(iter(weights.values())).dtype)
        case Unused():
            raise ValueError("what is unused has no value")


def rows(expression: Expression) -> Iterator[Rows]:
    """The rows of torch's weights in the expression, from left to right."""
    for part in walk(expression):
        if isinstance(part, Rows):
            yield part


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and everything in it, from left to right."""
    yield expression
    match expression:
        case Transposed(of) | Negated(of) | Reshaped(of) | Column(of) | Interleaved(of) | First(of):
            yield from walk(of)
        case Sum(parts) | Cat(parts):
            for each in parts:
                yield from walk(each)
        case Rows() | Zeros() | Ones() | Eye() | Unused():
            return


def negated(expression: Expression, gate: str, cell: Cell) -> Expression:
    """The expression with the rows of this gate negated."""

    def inside(of: Expression) -> Expression:
        return negated(of, gate, cell)

    match expression:
        case Rows(weight, gates):
            every = gates or GATES[cell]
            parts = [Rows(weight, (each,)) for each in every]
            signed = tuple(Negated(part) if each == gate else part for part, each in zip(parts, every, strict=True))
            if gate not in every:
                return expression
            return signed[0] if len(signed) == 1 else Cat(signed)
        case Sum(terms):
            return Sum(tuple(map(inside, terms)))
        case Cat(parts, dim):
            return Cat(tuple(map(inside, parts)), dim)
        case Transposed(of) | Negated(of) | Reshaped(of) | Column(of) | Interleaved(of) | First(of):
            return replace(expression, of=inside(of))
        case Zeros() | Ones() | Eye() | Unused():
            return expression
