"""The inverse of a mapping: torch's weights from the tensors of a candidate."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from rnncheck.errors import WeightsError
from rnncheck.mapping.expression import (
    GATES,
    Cat,
    Column,
    Expression,
    First,
    Interleaved,
    Negated,
    Ones,
    Reshaped,
    Rows,
    Sum,
    Transposed,
    Unused,
    Zeros,
    evaluate,
    rows,
)
from rnncheck.model.spec import Spec
from rnncheck.text import printable

Piece = tuple[Rows, Tensor]


def inverse(expressions: Mapping[str, Expression], tensors: Mapping[str, Tensor], spec: Spec) -> dict[str, Tensor]:
    """Each of torch's weights in float64. `expressions` give the content of each of the `tensors`.

    A bias that is stored as a sum goes into bias_ih, and bias_hh is zero. A bias in no tensor is zero.
    Raises `WeightsError` where the tensors hold what no weights of torch's layer can be: numbers where the mapping has
    zeros, two values of one weight, or a weight that stands nowhere.
    """
    shapes, size = spec.recurrent_shapes(), spec.hidden_size
    found = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in shapes.items()}
    known = {name: torch.zeros(shape[0], dtype=torch.bool) for name, shape in shapes.items()}
    for name, expression in expressions.items():
        if isinstance(expression, Unused):
            continue
        for row, part in pieces(name, expression, tensors[name].detach().cpu().double(), spec):
            gates = [GATES[spec.cell].index(gate) for gate in row.gates]
            at = torch.cat([torch.arange(g * size, (g + 1) * size) for g in gates] or [torch.arange(len(part))])
            target, seen = found[row.weight], known[row.weight][at]
            if not torch.equal(target[at][seen], part[seen]):
                raise WeightsError(
                    f"{printable(name)} and an earlier tensor hold different values of {row}, which torch's layer has "
                    "only once"
                )
            target[at] = part
            known[row.weight][at] = True
    if missing := [name for name in shapes if name.startswith("weight") and not known[name].all()]:
        raise WeightsError(f"none of its tensors holds {', '.join(missing)}")
    return found


def pieces(name: str, expression: Expression, value: Tensor, spec: Spec) -> Iterator[Piece]:
    """The rows of torch's weights in the expression, each with its part of the tensor `name`."""
    shapes = spec.recurrent_shapes()
    none = {each: torch.zeros(1, dtype=torch.float64).expand(shape) for each, shape in shapes.items()}

    def shape(of: Expression) -> torch.Size:
        return evaluate(of, none, spec.cell, value.shape).shape

    def taken_apart(of: Expression, part: Tensor) -> Iterator[Piece]:
        match of:
            case Rows():
                yield of, part
            case Transposed(inner):
                yield from taken_apart(inner, part.t())
            case Negated(inner):
                yield from taken_apart(inner, -part)
            case Sum(terms):
                first = max(terms, key=lambda each: any(row.weight.startswith("bias_ih") for row in rows(each)))
                for each in terms:
                    yield from taken_apart(each, part if each is first else torch.zeros_like(part))
            case Cat(parts, dim):
                sizes = [shape(each)[dim] for each in parts]
                for each, own in zip(parts, torch.split(part, sizes, dim), strict=True):
                    yield from taken_apart(each, own)
            case Reshaped(inner) | Column(inner):
                yield from taken_apart(inner, part.reshape(shape(inner)))
            case Interleaved(inner):
                wanted = shape(inner)
                blocks = wanted[0] // spec.hidden_size
                apart = part.reshape(wanted[0] // blocks, blocks, *wanted[1:]).transpose(0, 1)
                yield from taken_apart(inner, apart.reshape(wanted))
            case First():
                raise WeightsError(f"{printable(name)} holds only the first number of {of.of}; the others are unknown")
            case Zeros() | Ones():
                if not torch.equal(part, torch.full_like(part, float(isinstance(of, Ones)))):
                    raise WeightsError(
                        f"{printable(name)} holds numbers that torch's layer has no weight for (the mapping says {of})"
                    )
            case Unused():
                return

    yield from taken_apart(expression, value)
