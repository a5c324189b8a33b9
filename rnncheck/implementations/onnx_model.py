"""`model.onnx`: the recurrent layers of an ONNX file, run by onnxruntime, with its own weights unless others are given.

`model.onnx:NODE` names one of several nodes, `model.onnx:NODE,NODE` some that follow each other as layers.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnncheck.errors import CannotRun, UsageError
from rnncheck.extras import needed
from rnncheck.implementations.onnx_around import replaced, require_layers
from rnncheck.implementations.onnx_file import OnnxFile
from rnncheck.implementations.onnx_graph import Parts, flatten, join_states, model_of, split_states, states_of
from rnncheck.implementations.onnx_layout import packed, unpacked
from rnncheck.implementations.onnx_node import C0, H0, LENGTHS, B, OnnxLayer, R, W, X, no_counterpart
from rnncheck.implementations.onnx_runtime import SessionLayer, reading, unsupported
from rnncheck.implementations.protocol import OF_ONNXRUNTIME, Reading
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.weights import Weights
from rnncheck.text import printable

SUFFIX = ".onnx"
RESET_BEFORE = "linear_before_reset is 0: its reset gate acts before the recurrent product, and that of torch after it"
NO_SIZE = "{} has no hidden_size, which onnxruntime needs; it was taken from the shape of R, {}"


def split(name: str) -> tuple[Path, str | None]:
    """The file, and the node behind a colon, if one is named."""
    place, found, node = name.rpartition(SUFFIX + ":")
    return (Path(place + SUFFIX), node or None) if found else (Path(name), None)


class OnnxModel:
    """Raises `CannotRun` if the file cannot be read, or if its layer has something that torch.nn lacks."""

    approximate = OF_ONNXRUNTIME

    def __init__(self, name: str) -> None:
        needed(name, "onnx", "onnx", "onnxruntime")
        path, node = split(name)
        self.name, self.location = name, str(path)
        self._file = OnnxFile(path)
        self._layers = [self._file.read(each) for each in self._file.chosen(node)]
        if lacks := next((found for each in self._layers if (found := no_counterpart(each))), None):
            raise CannotRun(f"{printable(name, 200)}: {lacks}")
        self.spec = spec_of(self._layers, self._file.name)
        require_layers(self._file, self._layers)
        held = dict[str, Tensor]()
        for number, each in enumerate(self._layers):
            held |= unpacked(each.cell, number, each.weight, each.recurrent, each.bias)
        shapes = self.spec.recurrent_shapes()
        for key, value in held.items():
            if tuple(value.shape) != shapes.get(key):
                raise CannotRun(
                    f"{self._file.name} is damaged: {key} would be {tuple(value.shape)}, not {shapes.get(key)}"
                )
        # A layer without biases beside one that has them has zeros.
        self.weights = Weights({key: held.get(key, torch.zeros(shape).double()) for key, shape in shapes.items()})

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        if self.spec.dtype is not Dtype.FLOAT32:
            only = "onnxruntime has recurrent layers in float32 only"
            return f"its weights are {self.spec.dtype}, and {only}; export the model in float32"
        if reason := unsupported(spec):
            return reason
        if spec.head:
            return "rnncheck runs only its recurrent nodes, without a head; leave --head out"
        for name in ("cell", "input_size", "hidden_size", "num_layers", "bias", "bidirectional", "nonlinearity"):
            if getattr(spec, name) != getattr(self.spec, name):
                return f"its {name} is {getattr(self.spec, name)}"
        return None

    def read(self, spec: Spec) -> Reading:
        names = ", ".join(each.name for each in self._layers)
        said = f"{len(self._layers)} {spec.cell.upper()} {'node' if len(self._layers) == 1 else 'nodes'}, {names}"
        notes = [RESET_BEFORE] if any(each.resets_before for each in self._layers) else []
        sizeless = [each for each in self._layers if "hidden_size" not in each.options]
        notes += [NO_SIZE.format(each.name, each.hidden_size) for each in sizeless]
        others = [said for each in self._layers for said in replaced(self._file, each)]
        return reading(printable(f"{said}, without the nodes before and after", 200), spec, notes, others)

    def build(self, spec: Spec, weights: Weights) -> SessionLayer:
        values = weights.cast(spec)
        return SessionLayer(spec, values, lambda ragged: self._graph(spec, values, ragged))

    def _graph(self, spec: Spec, values: Any, ragged: bool) -> bytes:
        """The file's own nodes, one on the other; data, states and weights put in."""
        from onnx import NodeProto, helper

        parts = Parts()
        states, below, finals = split_states(parts, spec), "x", []
        for number, each in enumerate(self._layers):
            node = NodeProto()
            node.CopyFrom(each.node)
            if "hidden_size" not in each.options:
                node.attribute.append(helper.make_attribute("hidden_size", each.hidden_size))
            inputs = {X: below, LENGTHS: "lengths" if ragged else "", H0: states[0][number]}
            if spec.cell is Cell.LSTM:
                inputs[C0] = states[1][number]
            held = packed(spec, values, number)
            for place, short in ((W, "W"), (R, "R"), (B, "B")):
                inputs[place] = f"{short}{number}" if short in held else ""
                if short in held:
                    parts.constants[inputs[place]] = held[short]
            finals.append([f"{name}_n_{number}" for name in states_of(spec)])
            del node.input[:], node.output[:]
            node.input.extend(inputs.get(place, "") for place in range(max(inputs) + 1))
            node.output.extend([f"Y{number}", *finals[-1]])
            parts.nodes.append(node)
            below = "output" if each is self._layers[-1] else f"below{number}"
            flatten(parts, f"Y{number}", below)
        join_states(parts, spec, list(zip(*finals, strict=True)))
        return model_of(spec, parts, ragged, opsets=self._file.model.opset_import, ir=self._file.model.ir_version)


def spec_of(layers: Sequence[OnnxLayer], name: str) -> Spec:
    """The spec of these layers. Raises `CannotRun` if no torch.nn module has all of them."""
    first = layers[0]
    for each in layers[1:]:
        for what in ("hidden_size", "bidirectional", "nonlinearity"):
            if getattr(each, what) != getattr(first, what):
                raise CannotRun(
                    f"{name}: {first.name} has {what} {getattr(first, what)} and {each.name} {getattr(each, what)}, "
                    f"and torch.nn has one value for all layers; name one of them, as in {name}:{each.name}"
                )
    if first.weight.dtype.name not in [str(each) for each in Dtype]:
        raise CannotRun(f"{name}: the weights of {first.name} are {first.weight.dtype}; export the model in float32")
    try:
        return Spec(
            cell=first.cell,
            input_size=int(first.weight.shape[2]),
            hidden_size=first.hidden_size,
            num_layers=len(layers),
            nonlinearity=first.nonlinearity,
            bias=any(each.bias is not None for each in layers),
            bidirectional=first.bidirectional,
            dtype=Dtype(first.weight.dtype.name),
        )
    except UsageError as problem:
        raise CannotRun(f"{name} is damaged: {problem}") from None
