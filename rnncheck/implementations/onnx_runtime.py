"""`onnxruntime`: the layer as an ONNX graph, run on the CPU in float32, its only dtype."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnncheck.errors import CannotRun
from rnncheck.extras import needed
from rnncheck.implementations.onnx_graph import OPSET, layer_graph
from rnncheck.implementations.protocol import OF_ONNXRUNTIME, Reading, no_place_for_own
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights
from rnncheck.text import printable

HIDES_NAN = (
    "the LSTM and GRU of onnxruntime turn NaN into finite numbers, so a NaN in the data does not show in the results"
)

MARKS = re.compile(r"\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : |/onnxruntime_src/\S+ |Exception during \w+: ")

Graph = Callable[[bool], bytes]  # the model, for rows with lengths or without


class OnnxRuntime:
    """One RNN, LSTM or GRU node for each layer. Raises `CannotRun` where onnx or onnxruntime is not installed."""

    name = "onnxruntime"
    location = "onnxruntime"
    approximate = OF_ONNXRUNTIME

    def __init__(self) -> None:
        needed(self.name, "onnx", "onnx", "onnxruntime")

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        return unsupported(spec)

    def read(self, spec: Spec) -> Reading:
        return reading(f"a graph of {spec.num_layers} {spec.cell.upper()} nodes, opset {OPSET}", spec)

    def build(self, spec: Spec, weights: Weights) -> "SessionLayer":
        values = weights.cast(spec)
        return SessionLayer(spec, values, lambda ragged: layer_graph(spec, values, ragged))


def unsupported(spec: Spec) -> str | None:
    """Why onnxruntime cannot run this spec, or None."""
    if reason := no_place_for_own(spec):
        return reason
    if spec.dtype is not Dtype.FLOAT32:
        return f"onnxruntime has recurrent layers in float32 only, not in {spec.dtype}"
    if spec.device != "cpu":
        return f"rnncheck runs it on the cpu only, not on {spec.device}"
    if spec.proj_size:
        return "ONNX has no projection of h; leave --proj-size out"
    return None


def reading(read_as: str, spec: Spec, notes: Sequence[str] = (), restrictions: Sequence[str] = ()) -> Reading:
    hides = [] if spec.cell is Cell.RNN else [HIDES_NAN]
    return Reading(read_as, notes=(*notes, *hides), restrictions=tuple(restrictions))


@contextmanager
def said_plainly() -> Iterator[None]:
    """Turns what onnxruntime raises into `CannotRun`, without its own marks and places."""
    try:
        yield
    except Exception as problem:  # its errors have no class in common but this
        said = printable(MARKS.sub("", str(problem)), 300)
        raise CannotRun(f"onnxruntime cannot run this layer: {said}") from None


class SessionLayer:
    """A graph in a session of onnxruntime; one session for rows with lengths and one for those without."""

    def __init__(self, spec: Spec, values: Mapping[str, Tensor], graph: Graph) -> None:
        self._spec, self._values, self._graph = spec, values, graph
        self._sessions: dict[bool, Any] = {}

    def parameters(self) -> Mapping[str, Tensor]:
        return self._values

    def leaves(self) -> None:
        """onnxruntime has no gradients."""

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        if not x.numel():  # on which onnxruntime ends the process: of nothing, nothing is computed
            y = x.new_empty(*x.shape[:2], self._spec.hidden_size) if self._spec.head else None
            return Trace(x.new_empty(*x.shape[:2], self._spec.output_size), state.map(torch.clone), y)
        feeds = {"x": x} | dict(zip(("h0", "c0"), state.tensors(), strict=False))
        # A state of another dtype is rounded to that of x, the only one that the graph takes.
        given = {name: np.ascontiguousarray(value.detach().to(x.dtype).numpy()) for name, value in feeds.items()}
        if lengths is not None:
            given["lengths"] = np.array(lengths, dtype=np.int32)
        session = self._session(lengths is not None)
        with said_plainly():
            found = session.run(None, given)
        output, *results = map(torch.from_numpy, found)
        states = len(state.tensors())
        return Trace(output, State(*results[:states]), results[states] if self._spec.head else None)

    def _session(self, ragged: bool) -> Any:
        if ragged not in self._sessions:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.log_severity_level, options.intra_op_num_threads = 4, 1
            providers = ["CPUExecutionProvider"]
            graph = self._graph(ragged)
            with said_plainly():
                self._sessions[ragged] = onnxruntime.InferenceSession(graph, options, providers=providers)
        return self._sessions[ragged]
