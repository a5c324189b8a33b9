"""The ONNX graph of a layer: one node for each layer, each reading the output of the one before.

Every graph here takes x (T, B, I), h0 and for the LSTM c0, and `lengths` if rows end at their own; it yields output and
the final states, all in torch's shapes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from rnncheck.implementations.onnx_layout import Array, packed
from rnncheck.model.spec import Cell, Spec

OPSET, IR_VERSION = 17, 8  # which every onnxruntime of these years reads


@dataclass
class Parts:
    """Nodes and the constants that they read, in the order in which they run."""

    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)


def layer_graph(spec: Spec, values: Mapping[str, Tensor], ragged: bool) -> bytes:
    """The model of a spec with these weights; its head, too. `ragged`: rows have lengths."""
    from onnx import helper

    parts, below = Parts(), "x"
    states = split_states(parts, spec)
    for layer in range(spec.num_layers):
        for short, value in packed(spec, values, layer).items():
            parts.constants[f"{short}{layer}"] = value
        options: dict[str, Any] = {
            "hidden_size": spec.hidden_size,
            "direction": "bidirectional" if spec.bidirectional else "forward",
        }
        if spec.cell is Cell.GRU:
            options["linear_before_reset"] = 1
        if spec.cell is Cell.RNN:
            options["activations"] = [str(spec.nonlinearity).capitalize()] * spec.directions
        bias = f"B{layer}" if spec.bias else ""
        inputs = [below, f"W{layer}", f"R{layer}", bias, "lengths" if ragged else "", *(each[layer] for each in states)]
        finals = [f"{name}_n_{layer}" for name in states_of(spec)]
        parts.nodes.append(helper.make_node(spec.cell.upper(), inputs, [f"Y{layer}", *finals], **options))
        below = "output" if layer == spec.num_layers - 1 else f"below{layer}"
        flatten(parts, f"Y{layer}", below)
    join_states(parts, spec, [[f"{name}_n_{layer}" for layer in range(spec.num_layers)] for name in states_of(spec)])
    if spec.head:
        parts.constants["W_hy"] = values["weight_hy"].cpu().numpy().T
        parts.constants["b_y"] = values["bias_y"].cpu().numpy()
        parts.nodes.append(helper.make_node("MatMul", ["output", "W_hy"], ["scores"]))
        parts.nodes.append(helper.make_node("Add", ["scores", "b_y"], ["biased"]))
        parts.nodes.append(helper.make_node("Softmax", ["biased"], ["y"], axis=-1))
    return model_of(spec, parts, ragged, ["y"] if spec.head else [])


def states_of(spec: Spec) -> list[str]:
    return ["h", "c"] if spec.cell is Cell.LSTM else ["h"]


def split_states(parts: Parts, spec: Spec) -> list[list[str]]:
    """The names of h0, and c0, of every layer."""
    from onnx import helper

    found = []
    for name in states_of(spec):
        found.append([f"{name}0_{layer}" for layer in range(spec.num_layers)])
        parts.constants[f"{name}_parts"] = np.full(spec.num_layers, spec.directions, dtype=np.int64)
        parts.nodes.append(helper.make_node("Split", [f"{name}0", f"{name}_parts"], found[-1], axis=0))
    return found


def join_states(parts: Parts, spec: Spec, finals: Sequence[Sequence[str]]) -> None:
    from onnx import helper

    for name, each in zip(states_of(spec), finals, strict=True):
        parts.nodes.append(helper.make_node("Concat", list(each), [f"{name}_n"], axis=0))


def flatten(parts: Parts, sides: str, output: str) -> None:
    """(T, D, B, H) -> (T, B, D*H)."""
    from onnx import helper

    parts.constants.setdefault("flat", np.array([0, 0, -1], dtype=np.int64))
    parts.nodes.append(helper.make_node("Transpose", [sides], [f"{sides}_by_row"], perm=[0, 2, 1, 3]))
    parts.nodes.append(helper.make_node("Reshape", [f"{sides}_by_row", "flat"], [output]))


def model_of(
    spec: Spec, parts: Parts, ragged: bool, more: Sequence[str] = (), opsets: Sequence[Any] = (), ir: int = IR_VERSION
) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    number, whole = TensorProto.FLOAT, TensorProto.INT32
    given = [
        helper.make_tensor_value_info(name, number, [None] * 3) for name in ("x", *(f"{s}0" for s in states_of(spec)))
    ]
    if ragged:
        given.append(helper.make_tensor_value_info("lengths", whole, [None]))
    results = ["output", *(f"{name}_n" for name in states_of(spec)), *more]
    made = [helper.make_tensor_value_info(name, number, [None] * 3) for name in results]
    constants = [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in parts.constants.items()]
    graph = helper.make_graph(parts.nodes, "layer", given, made, constants)
    model = helper.make_model(graph, opset_imports=list(opsets) or [helper.make_opsetid("", OPSET)])
    model.ir_version = ir
    return bytes(model.SerializeToString())
