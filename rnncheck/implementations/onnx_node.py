"""One recurrent node of an ONNX file: whether it is whole, and what it has that torch.nn or onnxruntime lacks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rnncheck.implementations.onnx_layout import Array
from rnncheck.model.spec import Cell, Nonlinearity
from rnncheck.text import printable

RECURRENT = {"RNN": Cell.RNN, "LSTM": Cell.LSTM, "GRU": Cell.GRU}
DOMAINS = ("", "ai.onnx")
X, W, R, B, LENGTHS, H0, C0, PEEPHOLES = range(8)  # the inputs of a node, in order
CALLED = ("input X", "weights W", "weights R", "biases B", "sequence_lens", "initial_h", "initial_c", "peepholes P")
STATES = {H0: "initial_h", C0: "initial_c"}
USUAL = {"RNN": ["Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}
DIRECTIONS = ("forward", "reverse", "bidirectional")
# The type of each attribute, in the words of ONNX.
TYPES = {
    "activations": "STRINGS",
    "activation_alpha": "FLOATS",
    "activation_beta": "FLOATS",
    "clip": "FLOAT",
    "direction": "STRING",
    "hidden_size": "INT",
    "layout": "INT",
}
MORE = {"RNN": {}, "LSTM": {"input_forget": "INT"}, "GRU": {"linear_before_reset": "INT"}}
SWITCHES = ("input_forget", "layout", "linear_before_reset")  # 0 or 1


@dataclass(frozen=True)
class OnnxLayer:
    """One recurrent node, its constants read."""

    node: Any
    name: str
    cell: Cell
    options: Mapping[str, Any]
    weight: Array
    recurrent: Array
    bias: Array | None
    peepholes: Array | None
    states: Mapping[str, Array]  # initial states that are constants of the file

    @property
    def hidden_size(self) -> int:
        return int(self.recurrent.shape[2])

    @property
    def direction(self) -> str:
        return text(self.options.get("direction", b"forward"))

    @property
    def bidirectional(self) -> bool:
        return self.direction == "bidirectional"

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def activations(self) -> list[str]:
        return [text(each) for each in self.options.get("activations", [])]

    @property
    def nonlinearity(self) -> Nonlinearity | None:
        if self.cell is not Cell.RNN:
            return None
        return "relu" if "Relu" in self.activations else "tanh"

    @property
    def resets_before(self) -> bool:
        return self.cell is Cell.GRU and not self.options.get("linear_before_reset")

    def input(self, place: int) -> str:
        return str(self.node.input[place]) if has(self.node, place) else ""


def text(value: bytes) -> str:
    return printable(value.decode(errors="replace"), 60)


def is_recurrent(node: Any) -> bool:
    return node.op_type in RECURRENT and node.domain in DOMAINS


def has(node: Any, place: int) -> bool:
    return place < len(node.input) and bool(node.input[place])


def title(node: Any) -> str:
    """What a node is called: by its name, or else by its first output."""
    return str(node.name or next((each for each in node.output if each), f"the {node.op_type} without a name"))


def shown(node: Any) -> str:
    return printable(title(node), 60)


def damaged(node: Any) -> str | None:
    """Which attribute, input or output of the node is none that ONNX has, or is missing; None if nothing."""
    from onnx import AttributeProto

    name, kind, seen = shown(node), node.op_type, set[str]()
    types = TYPES | MORE[kind]
    for each in node.attribute:
        called, given = printable(each.name, 60), AttributeProto.AttributeType.Name(each.type)
        if each.name not in types:
            return f"{name} has the attribute {called}, and the {kind} of ONNX has only {', '.join(types)}"
        if each.name in seen:
            return f"{name} has the attribute {called} twice; leave one out"
        if given != types[each.name] or each.ref_attr_name:
            return f"the attribute {called} of {name} is of the type {given}; it must be {types[each.name]}"
        seen.add(each.name)
    inputs, outputs = (8, 3) if kind == "LSTM" else (6, 2)
    for what, most, held in (("inputs", inputs, len(node.input)), ("outputs", outputs, len(node.output))):
        if held > most:
            return f"{name} has {held} {what}, and the {kind} of ONNX has at most {most}"
    lacking = [CALLED[place] for place in (X, W, R) if not has(node, place)]
    if lacking:
        return f"{name} lacks its {' and '.join(lacking)}; export the model again"
    return None if any(node.output) else f"{name} has no output; export the model again"


def misshapen(layer: OnnxLayer) -> str | None:
    """Which constant does not fit the attributes of the node, or the other constants; None if they fit."""
    name, gates = layer.name, layer.cell.gates
    if layer.direction not in DIRECTIONS:
        return f"the direction of {name} is {layer.direction}; it must be forward, reverse or bidirectional"
    for what, weight in (("W", layer.weight), ("R", layer.recurrent)):
        if weight.ndim != 3:
            return f"{what} of {name} has the shape {weight.shape}; it must have 3 axes, the directions first"
    size = layer.hidden_size
    if (said := layer.options.get("hidden_size", size)) != size:
        return f"the hidden_size of {name} is {said}, and its R {layer.recurrent.shape} has {size} units"
    for what, value, shape in shapes(layer, gates, size):
        if value is not None and value.shape != shape:
            needs = f"with hidden_size {size} and direction {layer.direction} it must be {shape}"
            return f"{what} of {name} has the shape {value.shape}; {needs}"
        if value is not None and value.dtype != layer.weight.dtype:
            return f"{what} of {name} is {value.dtype} and its W {layer.weight.dtype}; export the model in one dtype"
    for what, state in layer.states.items():
        if state.ndim != 3 or (state.shape[0], state.shape[2]) != (layer.directions, size):
            return (
                f"{name} cannot run: its {what} is {state.shape}, and it has {size} units and "
                f"{layer.directions} direction{'s' * (layer.directions > 1)}"
            )
    return None


def shapes(layer: OnnxLayer, gates: int, size: int) -> Iterator[tuple[str, Array | None, tuple[int, ...]]]:
    """Each constant with the shape that it must have."""
    sides, rows = layer.directions, gates * size
    yield "R", layer.recurrent, (sides, rows, size)
    yield "W", layer.weight, (sides, rows, layer.weight.shape[2])
    yield "B", layer.bias, (sides, 2 * rows)
    yield "P", layer.peepholes, (sides, 3 * size)


def no_counterpart(layer: OnnxLayer) -> str | None:
    """What the node has that torch.nn lacks, or that onnxruntime does not run; None if nothing."""
    options, name = layer.options, layer.name
    if layer.peepholes is not None and layer.peepholes.any():
        return f"{name} has peepholes, from the cell state to the gates; torch.nn's LSTM has none"
    if "clip" in options:
        return f"{name} has clip {options['clip']:g}: it clips the inputs of the activations, and torch.nn does not"
    for each in SWITCHES:
        if options.get(each, 0) not in (0, 1):
            return f"the {each} of {name} is {options[each]}; it must be 0 or 1"
    if options.get("input_forget"):
        return f"{name} has input_forget: its forget gate is 1 - i, and torch.nn computes a separate forget gate"
    if options.get("layout"):
        return f"{name} is batchwise, layout 1; onnxruntime runs only layout 0"
    if layer.direction == "reverse":
        return f"{name} runs only backward in time; torch.nn runs forward, or in both directions"
    for extra in ("activation_alpha", "activation_beta"):
        if options.get(extra):
            return f"{name} has {extra}, which the activations of torch.nn do not have"
    return other_activations(layer)


def other_activations(layer: OnnxLayer) -> str | None:
    """Activations that torch.nn lacks. onnxruntime reads those of the RNN as they are written, others in any case."""
    given, usual = layer.activations, USUAL[layer.node.op_type] * layer.directions
    has_them = f"{layer.name} has the activations {', '.join(given)}"
    if not given or given == usual:
        return None
    if layer.cell is not Cell.RNN:
        alike = [each.lower() for each in given] == [each.lower() for each in usual]
        return None if alike else f"{has_them}; torch.nn has {', '.join(usual)}"
    # ONNX writes two of them by default, also where there is one direction.
    if len(set(given)) == 1 and given[0] in ("Tanh", "Relu") and layer.directions <= len(given) <= 2:
        return None
    if {each.lower() for each in given} <= {"tanh", "relu"} and not set(given) <= {"Tanh", "Relu"}:
        return f"{has_them}; onnxruntime reads those of an RNN only as Tanh and Relu: write them so"
    both = f", for {layer.directions} directions" if len(given) != len(usual) else ""
    return f"{has_them}; torch.nn has {', '.join(usual)}, or Relu in place of Tanh{both}"
