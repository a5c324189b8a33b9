"""The consequences of a mapping for the comparison, in words."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from rnncheck.mapping import names
from rnncheck.mapping.expression import GATES, Eye, Negated, Ones, Rows, Unused, Zeros, rows, walk
from rnncheck.mapping.found import FoundMapping, in_words
from rnncheck.model.spec import Spec
from rnncheck.model.weights import own_at_rest
from rnncheck.text import printable


def explained(mapping: FoundMapping) -> FoundMapping:
    """The mapping with its conventions, its restrictions and its notes."""
    return replace(
        mapping,
        conventions=[*_gate_order(mapping), *_against_names(mapping), *_opposite(mapping)],
        restrictions=[*_restrictions(mapping), *_held(mapping)],
        notes=_without_place(mapping),
    )


def _gate_order(mapping: FoundMapping) -> list[str]:
    letters = GATES[mapping.spec.cell]
    orders: dict[tuple[str, ...], list[str]] = {}
    for name, entry in mapping.entries.items():
        if len(order := _order(list(rows(entry.expression)), letters)) > 1:
            orders.setdefault(order, []).append(name)
    own = [order for order in orders if list(order) != [each for each in letters if each in order]]
    if own and len(orders) == 1 and len(own[0]) == len(letters):
        return [f"its gate order is {', '.join(own[0])}"]
    return [f"the gate order of {', '.join(map(printable, orders[order]))} is {', '.join(order)}" for order in own]


def _order(found: list[Rows], letters: tuple[str, ...]) -> tuple[str, ...]:
    """The gates in their order, each once."""
    return tuple(dict.fromkeys(gate for row in found for gate in row.gates or letters))


def _against_names(mapping: FoundMapping) -> list[str]:
    """The convention that the names of the tensors for x and h are exchanged."""
    held = {name: {row.weight[:9] for row in rows(each.expression)} for name, each in mapping.entries.items()}
    of_x = [printable(name) for name, of in held.items() if of == {"weight_ih"} and names.side(name) == "h"]
    of_h = [printable(name) for name, of in held.items() if of == {"weight_hh"} and names.side(name) == "x"]
    if not of_x or not of_h:
        return []
    return [f"unlike their names say, x is multiplied by {', '.join(of_x)} and h by {', '.join(of_h)}"]


def _opposite(mapping: FoundMapping) -> list[str]:
    """The convention that one minus the variant's gate is computed instead of the gate."""
    parts = [part for entry in mapping.entries.values() for part in walk(entry.expression) if isinstance(part, Negated)]
    gates = {gate for part in parts for row in rows(part) for gate in row.gates}
    return [f"its gate is 1 - {gate}, so the weights of {gate} have the opposite sign" for gate in sorted(gates)]


def _restrictions(mapping: FoundMapping) -> list[str]:
    absent, rest, every = mapping.absent_biases(), own_at_rest(mapping.spec), list(GATES[mapping.spec.cell] or ("",))
    own = [
        f"it has no tensor for {in_words({name: gates}, mapping.spec)}, which is "
        f"{'one' if rest[name] else 'zero'} on both sides"
        for name, gates in mapping.absent_own().items()
    ]
    if not absent:
        return own
    if all(absent.get(name) == every for name in mapping.spec.recurrent_shapes() if name.startswith("bias")):
        return [*own, "it has no tensor for any bias, so all biases are zero on both sides"]
    said = in_words(absent, mapping.spec)
    number = "which are" if "," in said else "which is"
    return [*own, f"it has no tensor for {said}, {number} zero on both sides"]


def _without_place(mapping: FoundMapping) -> list[str]:
    absent = {name: gates for name, gates in mapping.absent().items() if name.startswith("weight")}
    if not absent:
        return []
    return [f"It has no tensor for {in_words(absent, mapping.spec)}, which the reference has."]


def _held(mapping: FoundMapping) -> list[str]:
    """What the candidate was not compared with as its class makes it. With --no-bias, that its biases are zero was
    asked for."""
    zeros = [name for name, entry in mapping.entries.items() if isinstance(entry.expression, Zeros)]
    heads = [name for name, entry in mapping.entries.items() if isinstance(entry.expression, Eye)]
    ones = [name for name, entry in mapping.entries.items() if isinstance(entry.expression, Ones)]
    kinds = (
        ("zero", [name for name in zeros if mapping.spec.bias or names.is_start(name)]),
        ("one", ones),
        ("the identity", heads),
    )
    return [
        f"{', '.join(map(printable, held))}, which torch.nn does not have, {'is' if len(held) == 1 else 'are'} {said}"
        for said, held in kinds
        if held
    ]


def unused(mapping: FoundMapping, trained: Collection[str]) -> list[str]:
    """The trained tensors that hold no weight."""
    return [name for name, each in mapping.entries.items() if isinstance(each.expression, Unused) and name in trained]


def kept(found: Iterable[str]) -> list[str]:
    """The restriction to weights that the candidate has besides torch's, with the values that it was made with."""
    said = [printable(name) for name in found]
    keeps = "keeps its own value" if len(said) == 1 else "keep their own values"
    return [f"{', '.join(said)}, which torch.nn does not have, {keeps}"] if said else []


def another_layer(mapping: FoundMapping, shapes: Mapping[str, Sequence[int]]) -> list[str]:
    """The tensors that hold no weight and have the shapes of those that do: the weights of a layer or direction more.

    None where the matrices of the first layer's first direction, for x and for h, are not all there once more, as they
    are or with the sizes of a layer above.
    """
    first = ("weight_ih_l0", "weight_hh_l0")
    held = {name: {row.weight for row in rows(entry.expression)} for name, entry in mapping.entries.items()}
    if not {weight for of in held.values() for weight in of}.issuperset(first):
        return []
    beside = [tuple(shapes[name]) for name, of in held.items() if of & {*first} and name in shapes]
    unused = {
        name: tuple(shapes[name])
        for name, entry in mapping.entries.items()
        if isinstance(entry.expression, Unused) and name in shapes
    }
    for needed in (Counter(beside), Counter(above(each, mapping.spec) for each in beside)):
        left = {name: shape for name, shape in unused.items() if shape in needed}
        if needed <= Counter(left.values()):
            return list(left)
    return []


def above(shape: tuple[int, ...], spec: Spec) -> tuple[int, ...]:
    """The shape of the same matrix in the second layer, which reads the output of the first, alone or beside h."""
    wider = {spec.input_size: spec.output_size, spec.input_size + spec.state_size: spec.output_size + spec.state_size}
    return tuple(wider.get(size, size) for size in shape)


def uncompared(mapping: FoundMapping, live: Collection[str], made: Mapping[str, Tensor]) -> list[str]:
    """The restriction that the weights of a whole layer or direction affect nothing that is compared."""
    every = another_layer(mapping, {name: value.shape for name, value in made.items()})
    found = [name for name in every if name not in live and not names.is_gradient(name)]
    shown = ", ".join(map(printable, found))
    said = f"{shown}, with the shapes of one more layer or direction, affect nothing that is compared"
    return [said] if found and found == every else []


def unread(found: Iterable[str]) -> list[str]:
    """The note on trained tensors on which nothing that is compared depends."""
    said = [printable(name) for name in found]
    return [f"No compared result depends on {', '.join(said)}."] if said else []
