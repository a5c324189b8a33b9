"""Reads the recurrent layers of an ONNX file: its RNN, LSTM and GRU nodes, their weights, and their order.

`torch.onnx.export` writes one node for each layer, and between them the transposes and reshapes that make the outputs
of one the input of the next; other exporters write them alike.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rnncheck.errors import CannotRun
from rnncheck.implementations.onnx_layout import Array
from rnncheck.model.spec import Cell, Nonlinearity
from rnncheck.text import printable

RECURRENT = {"RNN": Cell.RNN, "LSTM": Cell.LSTM, "GRU": Cell.GRU}
X, W, R, B, LENGTHS, H0, C0, PEEPHOLES = range(8)  # the inputs of a node, in order
# What may stand between two layers of one torch.nn module: it moves numbers, and makes none.
MOVES = "Cast Concat Constant Dropout Flatten Gather Identity Reshape Shape Slice Squeeze Transpose Unsqueeze"
BETWEEN = frozenset(MOVES.split())


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
    states: Mapping[str, tuple[int, ...]]  # the shapes of initial states that are constants of the file

    @property
    def hidden_size(self) -> int:
        return int(self.recurrent.shape[2])

    @property
    def bidirectional(self) -> bool:
        return len(self.weight) == 2

    @property
    def nonlinearity(self) -> Nonlinearity | None:
        if self.cell is not Cell.RNN:
            return None
        return "relu" if b"Relu" in self.options.get("activations", []) else "tanh"

    def input(self, place: int) -> str:
        return str(self.node.input[place]) if place < len(self.node.input) else ""


class OnnxFile:
    """The graph in a file. Raises `CannotRun` if it cannot be read, or has no recurrent node."""

    def __init__(self, path: Path) -> None:
        import onnx
        import onnx.inliner

        self.name = printable(str(path), 200)
        try:
            self.model = onnx.load(str(path))
        except FileNotFoundError as problem:
            beside = problem.filename and Path(str(problem.filename)).name != path.name
            what = f"needs {printable(str(problem.filename), 200)}, which" if beside else ""
            raise CannotRun(f"{self.name} {what} does not exist".replace("  ", " ")) from None
        except Exception as problem:  # of protobuf, of onnx, of the file system
            first = printable((str(problem) or type(problem).__name__).splitlines()[0], 200)
            raise CannotRun(f"{self.name} is not an ONNX model, or is damaged: {first}") from None
        if self.model.functions:
            self.model = onnx.inliner.inline_local_functions(self.model)
        self._every = list(nodes_in(self.model.graph))
        graphs = [self.model.graph, *(graph for node in self._every for graph in branches(node))]
        self.makers = {output: node for node in self._every for output in node.output}
        self._initializers = {each.name: each for graph in graphs for each in graph.initializer}
        nodes = [node for node in self._every if node.op_type in RECURRENT and node.domain in ("", "ai.onnx")]
        if not nodes:
            raise CannotRun(f"{self.name} has no RNN, LSTM or GRU node{self._instead()}")
        self._nodes = nodes

    def _instead(self) -> str:
        """What the graph has instead of a recurrent node, as the end of an error."""
        kinds = {node.op_type for node in self._every}
        if kinds & {"Loop", "Scan"}:
            return "; its layer is a loop, which rnncheck cannot read; export a torch.nn layer with dynamo=False"
        products = sum(node.op_type in ("MatMul", "Gemm") for node in self._every)
        if products and (kinds & {"Tanh", "Sigmoid"} or ("Relu" in kinds and products > 1)):
            return (
                "; its layer seems to be unrolled over the timesteps; torch.onnx.export with dynamo=False writes LSTM, "
                "GRU or RNN nodes"
            )
        return f"; it holds {', '.join(sorted(kinds)[:8])}"

    @cached_property
    def chains(self) -> list[list[Any]]:
        """Its recurrent nodes in chains: in a chain each reads the output of the one before, up to moves."""
        chains: list[list[Any]] = []
        for node in self._nodes:
            before = self._before(node.input[X])
            chain = next((each for each in chains if before is not None and each[-1] is before), None)
            if chain is not None and chain[-1].op_type == node.op_type:
                chain.append(node)
            else:
                chains.append([node])
        return chains

    def _before(self, tensor: str) -> Any:
        """The recurrent node from which a tensor comes through moves of numbers only, or None."""
        maker = self.makers.get(tensor)
        if maker is None or maker.op_type in RECURRENT:
            return maker
        if maker.op_type not in BETWEEN:
            return None
        found = {id(each): each for name in maker.input if (each := self._before(name)) is not None}
        return next(iter(found.values())) if len(found) == 1 else None

    def chosen(self, name: str | None) -> list[Any]:
        """The chain with the node `name`, or the only chain. Raises `CannotRun` if there is none, or several."""
        if name is None and len(self.chains) == 1:
            return self.chains[0]
        listed = ", ".join(printable(title(each[0]), 60) for each in self.chains)
        if name is None:
            raise CannotRun(
                f"{self.name} holds {len(self.chains)} recurrent layers that do not follow each other: {listed}; "
                f"name one, as in model.onnx:{printable(title(self.chains[0][0]), 60)}"
            )
        for chain in self.chains:
            if name in [title(each) for each in chain]:
                return chain
        raise CannotRun(f"{self.name} has no recurrent node {printable(name, 60)}; there are {listed}")

    def read(self, node: Any) -> OnnxLayer:
        """The node with its constants. Raises `CannotRun` if its weights are not constants of the file."""
        from onnx.helper import get_attribute_value

        options: dict[str, Any] = {each.name: get_attribute_value(each) for each in node.attribute}
        values = {place: self.constant(node, place) for place in (W, R, B, PEEPHOLES) if has(node, place)}
        peepholes = values.get(PEEPHOLES)
        if peepholes is not None and peepholes.any():
            options["peepholes"] = True
        given = {"initial_h": H0, "initial_c": C0}
        states = {
            what: tuple(self._initializers[node.input[place]].dims)
            for what, place in given.items()
            if has(node, place) and node.input[place] in self._initializers
        }
        cell = RECURRENT[node.op_type]
        return OnnxLayer(node, title(node), cell, options, values[W], values[R], values.get(B), states)

    def constant(self, node: Any, place: int) -> Array:
        name = node.input[place]
        try:
            return self._value(name)
        except KeyError as missing:
            what = {W: "weights W", R: "weights R", B: "biases B", PEEPHOLES: "peepholes P"}[place]
            raise CannotRun(
                f"{self.name}: the {what} of {printable(title(node), 60)} are not constants of the file but come from "
                f"its input {printable(str(missing.args[0]), 60)}; export the model with its weights"
            ) from None

    def _value(self, name: str) -> Array:
        """What a tensor is, computed from constants alone. Raises `KeyError` with the input that it depends on."""
        from onnx import numpy_helper

        if name in self._initializers:
            return np.asarray(numpy_helper.to_array(self._initializers[name]))
        nodes, constants = self.slice(name, stop=frozenset())
        from onnx.reference import ReferenceEvaluator

        model = self.part(nodes, constants, [], [name])
        try:
            return np.asarray(ReferenceEvaluator(model).run(None, {})[0])
        except Exception as problem:  # of any operator
            what = printable((str(problem) or type(problem).__name__).splitlines()[0], 200)
            raise CannotRun(
                f"{self.name}: {printable(name, 60)} cannot be computed from its constants: {what}"
            ) from None

    def slice(self, name: str, stop: frozenset[str]) -> tuple[list[Any], list[Any]]:
        """The nodes and initializers that a tensor is made of, back to those in `stop`.

        Raises `KeyError` with the name of an input of the graph that it takes besides.
        """
        wanted, nodes, constants = [name], list[Any](), list[Any]()
        seen = set(stop)
        while wanted:
            each = wanted.pop()
            if not each or each in seen:
                continue
            seen.add(each)
            if each in self._initializers:
                constants.append(self._initializers[each])
            elif each in self.makers:
                maker = self.makers[each]
                if not any(maker is node for node in nodes):
                    nodes.append(maker)
                wanted += read_by(maker)
            else:
                raise KeyError(each)
        order = {id(node): place for place, node in enumerate(self._every)}
        return sorted(nodes, key=lambda node: order[id(node)]), constants

    def part(
        self, nodes: Sequence[Any], constants: Iterable[Any], inputs: Sequence[Any], outputs: Sequence[str]
    ) -> Any:
        """A model of these nodes, of the file's opsets."""
        from onnx import helper

        results = [helper.make_empty_tensor_value_info(name) for name in outputs]
        graph = helper.make_graph(list(nodes), "part", list(inputs), results, list(constants))
        model = helper.make_model(graph, opset_imports=self.model.opset_import)
        model.ir_version = self.model.ir_version
        return model


def branches(node: Any) -> list[Any]:
    """The graphs in a node, such as the two of an If."""
    return [each.g for each in node.attribute if each.HasField("g")]


def nodes_in(graph: Any) -> Iterator[Any]:
    """Its nodes in order, each behind those in its branches, so that each comes behind what it reads."""
    for node in graph.node:
        for branch in branches(node):
            yield from nodes_in(branch)
        yield node


def read_by(node: Any) -> list[str]:
    """The tensors that a node reads, also in its branches."""
    found = list[str](node.input)
    for each in branches(node):
        own = {name for inner in each.node for name in inner.output}
        own |= {inner.name for inner in (*each.initializer, *each.input)}
        read = [name for inner in each.node for name in read_by(inner)]
        found += [name for name in (*read, *(result.name for result in each.output)) if name not in own]
    return found


def has(node: Any, place: int) -> bool:
    return place < len(node.input) and bool(node.input[place])


def title(node: Any) -> str:
    """What a node is called: by its name, or else by its first output."""
    return str(node.name or next(each for each in node.output if each))
