"""What stands around the recurrent nodes of an ONNX file: between two layers, and before their states and lengths."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from rnncheck.errors import CannotRun
from rnncheck.implementations.onnx_file import BETWEEN, OnnxFile
from rnncheck.implementations.onnx_layout import Array
from rnncheck.implementations.onnx_node import DOMAINS, LENGTHS, STATES, OnnxLayer, X
from rnncheck.text import printable

SIZES = ((3, 2), (2, 5))  # T and B with which it is tried whether nodes only join the directions
ZERO, GIVEN, CONSTANT, SIZE, COMPUTED = "zero", "given", "constant", "size", "computed"
PASSES = BETWEEN | {"Expand", "Tile"}  # of what they read first, they move or repeat the numbers
INSTEAD = "the check gave both sides its own {} instead"


def require_layers(file: OnnxFile, layers: Sequence[OnnxLayer]) -> None:
    """Raises `CannotRun` unless each of these layers reads the outputs of the one before, as in torch.nn."""
    for one, other in pairwise(layers):
        if problem := between(file, one, other):
            raise CannotRun(
                f"{file.name}: {one.name} and {other.name} do not follow each other as layers of torch.nn do: "
                f"{problem}; name one of them, as in {file.name}:{other.name}"
            )


def between(file: OnnxFile, one: OnnxLayer, other: OnnxLayer) -> str | None:
    """What the model does between two layers that torch.nn does not do; None if nothing."""
    if file.source(other.input(X)) is not one.node:
        return f"{other.name} does not read the outputs of {one.name} alone"
    try:
        nodes, constants = file.slice(other.input(X), stop=frozenset(one.node.output))
    except KeyError as others:
        return f"between them the model reads its input {printable(str(others.args[0]), 60)} again"
    shapes = {each.name: each for each in constants}
    read = [shapes.get(node.input[1]) for node in nodes if node.op_type == "Reshape" and len(node.input) > 1]
    sizes = [[int(each) for each in file.stored(shape)] for shape in read if shape is not None and len(shape.dims) == 1]
    fixed = next((each[:2] for each in sizes if len(each) == 3), [0, 0])
    tried = {tuple(own if own > 0 else free for own, free in zip(fixed, each, strict=True)) for each in SIZES}
    if all(joins(file, one, other, nodes, constants, each) for each in sorted(tried)):
        return None
    kinds = ", ".join(dict.fromkeys(printable(node.op_type, 40) for node in nodes))
    return f"between them the model computes something else than the input of the next layer ({kinds})"


def joins(
    file: OnnxFile, one: OnnxLayer, other: OnnxLayer, nodes: list[Any], constants: list[Any], sizes: tuple[int, ...]
) -> bool:
    """Whether these nodes only put the directions side by side, for the `sizes` T and B."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    name, (steps, rows) = str(one.node.output[0]), sizes
    given = np.random.default_rng(0).normal(size=(steps, one.directions, rows, one.hidden_size)).astype(np.float32)
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)]
    model = file.part(nodes, constants, inputs, [other.input(X)])
    try:
        found = ReferenceEvaluator(model).run(None, {name: given})[0]
    except Exception:  # other axes than these
        return False
    return np.array_equal(found, given.transpose(0, 2, 1, 3).reshape(steps, rows, -1))


def replaced(file: OnnxFile, layer: OnnxLayer) -> Iterator[str]:
    """What the file gives to a layer, and the check replaces by its own, in sentences without an end."""
    for place, what in STATES.items():
        if layer.input(place) and (how := told(file, layer.input(place))):
            yield f"{layer.name} starts from an {what} that {how}; {INSTEAD.format('initial states')}"
    name = layer.input(LENGTHS)
    ends = file.known(name) if name else None
    if ends is not None and not full(file, layer, ends):
        listed = printable(", ".join(map(str, ends.ravel()[:8])), 60)
        yield f"{layer.name} has the constant sequence_lens {listed}; {INSTEAD.format('lengths')}"
    elif ends is None and name and origin(file, name) == COMPUTED:
        yield f"{layer.name} has sequence_lens that the model computes; {INSTEAD.format('lengths')}"
    if loop := file.loop_around(layer.node):
        yield f"{layer.name} stands in the body of a {loop}, and was run without it"


def told(file: OnnxFile, name: str) -> str | None:
    """Why an initial state of the file is another than zeros or one that the caller gives; None if it is not."""
    how = {CONSTANT: "is constant and not zero", COMPUTED: "the model computes", SIZE: "the model computes"}
    return how.get(origin(file, name))


def origin(file: OnnxFile, name: str) -> str:
    """Where the numbers of a tensor come from."""
    found, wanted, seen = set[str](), [name], set[str]()
    while wanted:
        each = wanted.pop()
        if not each or each in seen:
            continue
        seen.add(each)
        value, maker = file.known(each), file.makers.get(each)
        if value is not None:
            found.add(CONSTANT if value.any() else ZERO)
        elif maker is None:
            found.add(GIVEN if each in file.inputs else COMPUTED)
        elif maker.op_type == "ConstantOfShape":
            found.add(CONSTANT if filling(maker) else ZERO)
        elif maker.op_type in ("Shape", "Size"):
            found.add(SIZE)
        elif maker.op_type in PASSES and maker.domain in DOMAINS and maker.input:
            wanted += maker.input if maker.op_type == "Concat" else maker.input[:1]
        else:
            found.add(COMPUTED)
    return next((each for each in (COMPUTED, CONSTANT, SIZE, GIVEN) if each in found), ZERO)


def filling(node: Any) -> bool:
    """Whether the value of a ConstantOfShape, 0 by default, is another."""
    from onnx import numpy_helper

    return any(bool(np.any(numpy_helper.to_array(each.t))) for each in node.attribute if each.name == "value")


def full(file: OnnxFile, layer: OnnxLayer, ends: Array) -> bool:
    """Whether no row is known to end before the last timestep."""
    steps = file.extent(layer.input(X))
    return steps is not None and bool((ends == steps).all())
