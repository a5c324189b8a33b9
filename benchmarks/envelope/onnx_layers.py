"""onnxruntime's recurrent layers in float32, where onnx and onnxruntime are installed: `pip install onnx onnxruntime`.

Layouts: https://onnx.ai/onnx/operators/onnx__LSTM.html and its neighbours GRU and RNN.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights

try:
    import onnx
    import onnxruntime
except ImportError:
    onnx = None

OPSET = 17
BLOCKS = {Cell.RNN: (0,), Cell.LSTM: (0, 3, 1, 2), Cell.GRU: (1, 0, 2)}  # torch's i, f, g, o and r, z, n


def runner(spec: Spec, weights: Weights) -> Callable[..., Trace] | None:
    """Runs the layer as a graph of one node for each layer; None where onnxruntime has none, or is not installed."""
    if onnx is None or spec.dtype is not Dtype.FLOAT32 or spec.proj_size:
        return None
    sessions: dict[bool, onnxruntime.InferenceSession] = {}

    def run(x: Tensor, state: State, lengths: list[int] | None = None) -> Trace:
        ragged = lengths is not None
        if ragged not in sessions:
            model = graph(spec, weights.cast(spec), ragged)
            quiet = onnxruntime.SessionOptions()
            quiet.log_severity_level, quiet.intra_op_num_threads = 3, 1
            sessions[ragged] = onnxruntime.InferenceSession(model, quiet, providers=["CPUExecutionProvider"])
        feeds = {"x": x, "h0": state.h} | ({} if state.c is None else {"c0": state.c})
        given = {name: value.float().numpy() for name, value in feeds.items()}
        if ragged:
            given["lengths"] = np.array(lengths, dtype=np.int32)
        output, *finals = (torch.from_numpy(each) for each in sessions[ragged].run(None, given))
        return Trace(output, State(*finals), None)

    return run


def graph(spec: Spec, weights: Mapping[str, Tensor], ragged: bool) -> bytes:
    """The whole network. Every layer's outputs (T, D, B, H) become the input (T, B, D*H) of the next."""
    helper, sides = onnx.helper, range(spec.directions)
    states = ["h", "c"] if spec.cell is Cell.LSTM else ["h"]
    held = {"flat": np.array([0, 0, -1], dtype=np.int64)}
    nodes, below = [], "x"
    for name in states:
        parts = [f"{name}0_{layer}" for layer in range(spec.num_layers)]
        held[f"{name}_parts"] = np.full(spec.num_layers, spec.directions, dtype=np.int64)
        nodes.append(helper.make_node("Split", [f"{name}0", f"{name}_parts"], parts, axis=0))
    for layer in range(spec.num_layers):
        suffixes = [f"_l{layer}{'_reverse' * side}" for side in sides]
        for short, kind in (("W", "weight_ih"), ("R", "weight_hh")):
            held[f"{short}{layer}"] = np.stack([blocks(spec, weights[kind + each]) for each in suffixes])
        bias = ""
        if spec.bias:
            both = [[blocks(spec, weights[kind + each]) for kind in ("bias_ih", "bias_hh")] for each in suffixes]
            bias, held[f"B{layer}"] = f"B{layer}", np.stack([np.concatenate(each) for each in both])
        options = {"hidden_size": spec.hidden_size, "direction": "bidirectional" if spec.bidirectional else "forward"}
        if spec.cell is Cell.GRU:
            options["linear_before_reset"] = 1
        if spec.cell is Cell.RNN:
            options["activations"] = [str(spec.nonlinearity).capitalize()] * spec.directions
        inputs = [below, f"W{layer}", f"R{layer}", bias, "lengths" if ragged else ""]
        inputs += [f"{name}0_{layer}" for name in states]
        finals = [f"{name}_n_{layer}" for name in states]
        nodes.append(helper.make_node(spec.cell.upper(), inputs, [f"Y{layer}", *finals], **options))
        nodes.append(helper.make_node("Transpose", [f"Y{layer}"], [f"Z{layer}"], perm=[0, 2, 1, 3]))
        below = "output" if layer == spec.num_layers - 1 else f"below{layer}"
        nodes.append(helper.make_node("Reshape", [f"Z{layer}", "flat"], [below]))
    for name in states:
        finals = [f"{name}_n_{layer}" for layer in range(spec.num_layers)]
        nodes.append(helper.make_node("Concat", finals, [f"{name}_n"], axis=0))
    number, whole = onnx.TensorProto.FLOAT, onnx.TensorProto.INT32
    given = [helper.make_tensor_value_info(name, number, [None] * 3) for name in ("x", *(f"{s}0" for s in states))]
    given += [helper.make_tensor_value_info("lengths", whole, [None])] if ragged else []
    made = [helper.make_tensor_value_info(name, number, [None] * 3) for name in ("output", *(f"{s}_n" for s in states))]
    constants = [onnx.numpy_helper.from_array(value, name) for name, value in held.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "layer", given, made, constants), opset_imports=[helper.make_opsetid("", OPSET)]
    )
    model.ir_version = 8
    return model.SerializeToString()


def blocks(spec: Spec, weight: Tensor) -> np.ndarray:
    """The rows of a weight or bias with its gates in onnx's order: i, o, f, c and z, r, h."""
    gates = weight.float().numpy().reshape(spec.cell.gates, -1, *weight.shape[1:])
    return np.concatenate([gates[gate] for gate in BLOCKS[spec.cell]])
