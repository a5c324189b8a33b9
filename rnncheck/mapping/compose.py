"""From the roles of a candidate's blocks to an expression for each tensor."""

from collections.abc import Iterable, Mapping

from torch import Tensor

from rnncheck.mapping.expression import GATES, Expression, Rows, Sum, Unused, Zeros
from rnncheck.mapping.found import TensorEntry
from rnncheck.mapping.gates import GateReading, Roles
from rnncheck.mapping.other_tensors import OtherTensors
from rnncheck.mapping.signatures import BIASES, place_suffix
from rnncheck.model.spec import Cell, Spec

_WEIGHTS = {"x": "weight_ih", "h": "weight_hh", "p": "weight_hr"}


def entries(
    reading: GateReading, tensors: Mapping[str, Tensor], live: Iterable[str], others: OtherTensors, spec: Spec
) -> dict[str, TensorEntry]:
    """An entry for each tensor. Where only one of a gate's two biases has a place, it holds their sum; but the two of
    the GRU's n stand on either side of r and cannot be added up."""
    composed = {each.placed.name: each for each in reading.roles}
    lost = {name for name, each in composed.items() if None in each.gates}
    places = {
        (each.placed.k, side, gate)
        for name, each in composed.items()
        if name not in lost
        for side, gate in zip(each.sides, each.gates, strict=False)
    }
    found: dict[str, TensorEntry] = {}
    for name, tensor in tensors.items():
        each = composed.get(name)
        if each is None or name in lost:
            found[name] = TensorEntry(others.without_place(name) if name in live else Unused(), "gradient")
        elif each.sides and not spec.bias:
            found[name] = TensorEntry(Zeros(), _how(each))
        else:
            columns = [_column(each, kind, places, reading.adds_biases, spec) for kind in each.placed.layout.kinds]
            found[name] = TensorEntry(each.placed.layout.expression(columns, tensor.shape), _how(each))
    return found


def _how(each: Roles) -> str:
    if each.placed.pinned:
        return "name"
    return "gradient" if each.placed.live else "shape"


def _column(
    each: Roles, kind: str, places: set[tuple[int, str | None, str | None]], additive: bool, spec: Spec
) -> list[Expression]:
    """The blocks of one kind from top to bottom, those of the same weights in one expression."""
    suffix = place_suffix(each.placed.k, spec)
    runs: list[tuple[tuple[str, ...], list[str]]] = []
    for g, gate in enumerate(each.gates):
        weights: tuple[str, ...] = (_WEIGHTS[kind] + suffix,) if kind != "b" else ()
        if kind == "b":
            side = each.sides[g]
            other = BIASES[side == BIASES[0]]
            alone = (each.placed.k, other, gate) not in places
            addable = additive or gate != "n" or spec.cell is not Cell.GRU
            weights = tuple(bias + suffix for bias in BIASES if bias == side or (alone and addable))
        if runs and runs[-1][0] == weights and not (each.placed.layout.stacked and each.placed.layout.transposed):
            runs[-1][1].append(str(gate))
        else:
            runs.append((weights, [str(gate)]))
    return [_sum(weights, tuple(gates), spec) for weights, gates in runs]


def _sum(weights: tuple[str, ...], gates: tuple[str, ...], spec: Spec) -> Expression:
    chosen = () if gates in (("",), GATES[spec.cell]) else gates
    terms = tuple(Rows(weight, chosen) for weight in weights)
    return terms[0] if len(terms) == 1 else Sum(terms)
