"""`model.onnx`: the recurrent layers of an ONNX file, run by onnxruntime, with its own weights unless others are given.

`model.onnx:NODE` names one of several.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnncheck.errors import CannotRun, UsageError
from rnncheck.implementations.extras import needed
from rnncheck.implementations.onnx_file import BETWEEN, C0, H0, LENGTHS, B, OnnxFile, OnnxLayer, R, W, X
from rnncheck.implementations.onnx_graph import Parts, flatten, join_states, model_of, split_states, states_of
from rnncheck.implementations.onnx_layout import packed, unpacked
from rnncheck.implementations.onnx_runtime import SessionLayer, reading, unsupported
from rnncheck.implementations.protocol import OF_ONNXRUNTIME, Reading
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.weights import Weights
from rnncheck.text import printable

SUFFIX = ".onnx"
DEFAULTS = {"RNN": ["Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}
RESET_BEFORE = "linear_before_reset is 0: its reset gate acts before the recurrent product, and that of torch after it"


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
        self.spec = spec_of(self._layers, printable(name, 200))
        self._between = [self._moves(one, other) for one, other in zip(self._layers, self._layers[1:], strict=False)]
        held = dict[str, Tensor]()
        for number, each in enumerate(self._layers):
            held |= unpacked(each.cell, number, each.weight, each.recurrent, each.bias)
        shapes = self.spec.recurrent_shapes()
        for key, value in held.items():
            if tuple(value.shape) != shapes.get(key):
                raise CannotRun(f"{self.name} is damaged: {key} would be {tuple(value.shape)}")
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
        reset = [RESET_BEFORE] if any(resets_before(each) for each in self._layers) else []
        return reading(printable(f"{said}, without the nodes before and after", 200), spec, *reset)

    def build(self, spec: Spec, weights: Weights) -> SessionLayer:
        values = weights.cast(spec)
        return SessionLayer(spec, values, lambda ragged: self._graph(spec, values, ragged))

    def _moves(self, one: OnnxLayer, other: OnnxLayer) -> tuple[list[Any], list[Any]] | None:
        """The nodes between two layers, and their constants; None for nodes that put the directions side by side, and
        hold the sizes of the exported example, or compute them.
        """
        from onnx import numpy_helper

        try:
            nodes, constants = self._file.slice(other.input(X), stop=frozenset(one.node.output))
        except KeyError as other_input:
            raise CannotRun(
                f"{self.name}: between {one.name} and {other.name} the model reads its input {other_input.args[0]} "
                f"again, which no torch.nn layer does; name one of them, as in {SUFFIX}:{one.name}"
            ) from None
        values = {each.name: numpy_helper.to_array(each) for each in constants}
        shapes = [values.get(node.input[1]) for node in nodes if node.op_type == "Reshape"]
        fixed = [tuple(map(int, each)) for each in shapes if each is not None and len(each) == 3 and (each > 0).all()]
        if not fixed and all(node.op_type in BETWEEN for node in nodes):
            return nodes, constants
        if not all(self._joins(one, other, nodes, constants, sizes) for sizes in fixed[:1] or [(3, 2), (2, 5)]):
            raise CannotRun(
                f"{self.name}: between {one.name} and {other.name} the model computes something else than the input of "
                f"the next layer; name one of them, as in {SUFFIX}:{one.name}"
            )
        return None

    def _joins(
        self, one: OnnxLayer, other: OnnxLayer, nodes: list[Any], constants: list[Any], sizes: tuple[int, ...]
    ) -> bool:
        """Whether these nodes only put the directions side by side, for the `sizes` T and B."""
        from onnx import TensorProto, helper
        from onnx.reference import ReferenceEvaluator

        name, (steps, rows) = str(one.node.output[0]), sizes[:2]
        given = np.random.default_rng(0).normal(size=(steps, len(one.weight), rows, one.hidden_size)).astype(np.float32)
        inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)]
        model = self._file.part(nodes, constants, inputs, [other.input(X)])
        try:
            found = ReferenceEvaluator(model).run(None, {name: given})[0]
        except Exception:  # other axes than these
            return False
        return np.array_equal(found, given.transpose(0, 2, 1, 3).reshape(steps, rows, -1))

    def _graph(self, spec: Spec, values: Any, ragged: bool) -> bytes:
        """The file's own nodes, and what moves the outputs of one to the next; data, states and weights put in."""
        from onnx import NodeProto, numpy_helper

        parts = Parts()
        states, below, finals = split_states(parts, spec), "x", []
        for number, each in enumerate(self._layers):
            node = NodeProto()
            node.CopyFrom(each.node)
            inputs = {X: below, LENGTHS: "lengths" if ragged else "", H0: states[0][number]}
            if spec.cell is Cell.LSTM:
                inputs[C0] = states[1][number]
            held = packed(spec, values, number)
            for place, short in ((W, "W"), (R, "R"), (B, "B")):
                inputs[place] = f"rnncheck_{short}{number}" if short in held else ""
                if short in held:
                    parts.constants[inputs[place]] = held[short]
            del node.input[:], node.output[:]
            node.input.extend(inputs.get(place, "") for place in range(max(inputs) + 1))
            outputs = [each.node.output[0] if each.node.output and each.node.output[0] else f"rnncheck_Y{number}"]
            finals.append([f"rnncheck_{name}_n_{number}" for name in states_of(spec)])
            node.output.extend([*outputs, *finals[-1]])
            parts.nodes.append(node)
            if number < len(self._between):
                below = self._layers[number + 1].input(X)
                if (between := self._between[number]) is None:
                    flatten(parts, outputs[0], below)
                    continue
                moves, constants = between
                parts.nodes += moves
                parts.constants |= {constant.name: numpy_helper.to_array(constant) for constant in constants}
        flatten(parts, outputs[0], "output")
        join_states(parts, spec, list(zip(*finals, strict=True)))
        return model_of(spec, parts, ragged, opsets=self._file.model.opset_import, ir=self._file.model.ir_version)


def no_counterpart(layer: OnnxLayer) -> str | None:
    """What the node has that torch.nn lacks, or that onnxruntime does not run; None if nothing."""
    options, name = layer.options, layer.name
    if layer.options.get("peepholes"):
        return f"{name} has peepholes, from the cell state to the gates; torch.nn's LSTM has none"
    if options.get("clip"):
        return f"{name} has clip {options['clip']:g}: it clips the inputs of the activations, and torch.nn does not"
    if options.get("input_forget"):
        return f"{name} has input_forget: its forget gate is 1 - i, and torch.nn computes a separate forget gate"
    if options.get("layout"):
        return f"{name} is batchwise, layout 1; onnxruntime runs only layout 0"
    if options.get("direction", b"forward") == b"reverse":
        return f"{name} runs only backward in time; torch.nn runs forward, or in both directions"
    for what, shape in layer.states.items():
        if shape and shape[-1] != layer.hidden_size:
            return f"{name} cannot run: its {what} is {shape}, and it has {layer.hidden_size} units"
    given = [each.decode() for each in options.get("activations", [])]
    usual = DEFAULTS[layer.node.op_type] * (2 if layer.bidirectional else 1)
    if given and given != usual and not (layer.cell is Cell.RNN and set(given) == {"Relu"}):
        return f"{name} has the activations {', '.join(given)}; torch.nn has {', '.join(usual)}"
    for extra in ("activation_alpha", "activation_beta"):
        if options.get(extra):
            return f"{name} has {extra}, which the activations of torch.nn do not have"
    return None


def resets_before(layer: OnnxLayer) -> bool:
    return layer.cell is Cell.GRU and not layer.options.get("linear_before_reset")


def spec_of(layers: Sequence[OnnxLayer], name: str) -> Spec:
    """The spec of these layers. Raises `CannotRun` if no torch.nn module has all of them."""
    first = layers[0]
    for each in layers[1:]:
        for what in ("hidden_size", "bidirectional", "nonlinearity"):
            if getattr(each, what) != getattr(first, what):
                raise CannotRun(
                    f"{name}: {first.name} has {what} {getattr(first, what)} and {each.name} {getattr(each, what)}, "
                    f"and torch.nn has one value for all layers; name one of them, as in {SUFFIX}:{each.name}"
                )
    if first.weight.dtype.name not in [str(each) for each in Dtype]:
        raise CannotRun(f"{name}: its weights are {first.weight.dtype}")
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
