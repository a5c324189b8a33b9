"""Reads the recurrent layers of an ONNX file: its RNN, LSTM and GRU nodes, their weights, and their order.

`torch.onnx.export` writes one node for each layer, and between them the transposes and reshapes that make the outputs
of one the input of the next; other exporters write them alike.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rnncheck.errors import CannotRun
from rnncheck.implementations.onnx_layout import Array
from rnncheck.implementations.onnx_node import (
    CALLED,
    DOMAINS,
    PEEPHOLES,
    RECURRENT,
    STATES,
    B,
    OnnxLayer,
    R,
    W,
    X,
    damaged,
    has,
    is_recurrent,
    misshapen,
    shown,
    title,
)
from rnncheck.mistaken import refusal_of
from rnncheck.text import first_of, printable

# What may stand between two layers of one torch.nn module: it moves numbers, and makes none.
MOVES = "Cast Concat Constant Dropout Flatten Gather Identity Reshape Shape Slice Squeeze Transpose Unsqueeze"
BETWEEN = frozenset(MOVES.split())
LOOPS = ("Loop", "Scan")


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
            if absent := re.search(r"should be stored in (.+), but it", str(problem)):
                raise CannotRun(f"{self.name} needs {printable(absent[1], 200)}, which does not exist") from None
            said = refusal_of(path, "candidate", by_suffix=False)
            raise CannotRun(said or f"{self.name} is not an ONNX model, or is damaged: {first_line(problem)}") from None
        if self.model.functions:
            try:
                self.model = onnx.inliner.inline_local_functions(self.model)
            except Exception as problem:  # of a function that calls itself, or that lacks a part
                raise CannotRun(f"{self.name} has local functions that cannot be read: {first_line(problem)}") from None
        self._every = list(nodes_in(self.model.graph))
        graphs = [self.model.graph, *(graph for node in self._every for graph in branches(node))]
        self._initializers = {each.name: each for graph in graphs for each in graph.initializer}
        made = [name for node in self._every for name in node.output if name]
        made += [each.name for graph in graphs for each in graph.initializer]
        self._twice = {name for name, count in Counter(made).items() if count > 1}
        self.makers = {
            output: node for node in self._every for output in node.output if output and output not in self._twice
        }
        self.inputs = {each.name for each in self.model.graph.input}
        self._sparse = {each.values.name for graph in graphs for each in graph.sparse_initializer}
        self._in_loops = {id(node): each.op_type for each in self._every for node in inside_a_loop(each)}
        self._nodes = [node for node in self._every if is_recurrent(node)]
        if not self._nodes:
            raise CannotRun(f"{self.name} has no RNN, LSTM or GRU node{self._instead()}")
        if not any(each.domain in DOMAINS for each in self.model.opset_import):
            raise CannotRun(f"{self.name} does not say of which opset of ONNX it is; export the model again")
        self._refuse_cycles()

    def _refuse_cycles(self) -> None:
        order = {id(node): place for place, node in enumerate(self._every)}
        for node in self._every:
            for name in node.input:
                if name in self.makers and order[id(self.makers[name])] >= order[id(node)]:
                    raise CannotRun(
                        f"{self.name} is damaged: {shown(node)} reads {printable(name, 60)}, which is computed after it"
                    )

    def _instead(self) -> str:
        """What the graph has instead of a recurrent node, as the end of an error."""
        kinds = {printable(node.op_type, 60) for node in self._every}
        if not kinds:
            return "; it has no nodes at all: export the model again"
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
            before = self._sources.get(node.input[X]) if has(node, X) else None
            chain = next((each for each in chains if before is not None and each[-1] is before), None)
            if chain is not None and chain[-1].op_type == node.op_type:
                chain.append(node)
            else:
                chains.append([node])
        return chains

    @cached_property
    def _sources(self) -> dict[str, Any]:
        """Of each tensor that comes from one recurrent node through moves of numbers only, that node."""
        found: dict[str, Any] = {}
        for node in self._every:
            source = None
            if is_recurrent(node):
                source = node
            elif node.op_type in BETWEEN and node.domain in DOMAINS:
                read = {id(found[name]): found[name] for name in node.input if name in found}
                source = next(iter(read.values())) if len(read) == 1 else None
            if source is not None:
                found |= {name: source for name in node.output if name not in self._twice}
        return found

    def chosen(self, name: str | None) -> list[Any]:
        """The node `name`, or those of several names with commas, or all if they are one chain.

        Raises `CannotRun` if there is none, or there are several chains.
        """
        if name is None and len(self.chains) == 1:
            return self.chains[0]
        chains = [",".join(map(self._label, each)) for each in self.chains]
        listed = (", " if len(chains) == len(self._nodes) else "; ").join(chains)
        if name is None:
            raise CannotRun(
                f"{self.name} holds {len(chains)} recurrent layers that do not follow each other: {listed}; "
                f"name one, as in {self.name}:{chains[0]}"
            )
        if found := self._named(name):
            return [found]
        nodes = [self._named(each) for each in name.split(",")]
        if None not in nodes:
            return nodes
        there = ", ".join(map(self._label, self._nodes))
        raise CannotRun(f"{self.name} has no recurrent node {printable(name, 60)}; there are {there}")

    def _named(self, name: str) -> Any:
        """The recurrent node of that name, or with that output; None if there is none."""
        found = [each for each in self._nodes if title(each) == name]
        found = found or [each for each in self._nodes if name and name in each.output]
        if len(found) > 1:
            outputs = list(dict.fromkeys(map(self._label, found)))
            alike = len(outputs) < len(found)
            how = "give them names of their own" if alike else f"name one by its output: {first_of(outputs)}"
            raise CannotRun(f"{self.name} has {len(found)} recurrent nodes called {printable(name, 60)}; {how}")
        return next(iter(found), None)

    def _label(self, node: Any) -> str:
        """A name of the node that no other has, if there is one."""
        alike = sum(title(each) == title(node) for each in self._nodes) > 1
        return printable(next((name for name in node.output if name and alike), title(node)), 60)

    def source(self, tensor: str) -> Any:
        """The recurrent node from which a tensor comes through moves of numbers only, or None."""
        return self._sources.get(tensor)

    def extent(self, tensor: str) -> int | None:
        """The size of its first axis, if the model says it."""
        graph = self.model.graph
        known = next((each for each in (*graph.input, *graph.value_info) if each.name == tensor), None)
        axes = [] if known is None else known.type.tensor_type.shape.dim
        return (axes[0].dim_value or None) if axes else None

    def loop_around(self, node: Any) -> str | None:
        """The Loop or Scan in whose body a node stands."""
        return self._in_loops.get(id(node))

    def read(self, node: Any) -> OnnxLayer:
        """The node with its constants. Raises `CannotRun` if it is damaged, or its weights are not in the file."""
        from onnx.helper import get_attribute_value

        if problem := damaged(node):
            raise CannotRun(f"{self.name}: {problem}")
        options: dict[str, Any] = {each.name: get_attribute_value(each) for each in node.attribute}
        values = {place: self.constant(node, place) for place in (W, R, B, PEEPHOLES) if has(node, place)}
        states = {what: self.known(node.input[place]) for place, what in STATES.items() if has(node, place)}
        layer = OnnxLayer(
            node,
            shown(node),
            RECURRENT[node.op_type],
            options,
            values[W],
            values[R],
            values.get(B),
            values.get(PEEPHOLES),
            {what: value for what, value in states.items() if value is not None},
        )
        if problem := misshapen(layer):
            raise CannotRun(f"{self.name}: {problem}")
        return layer

    def known(self, name: str) -> Array | None:
        """What a tensor is, if it can be computed from constants alone."""
        try:
            return self._value(name)
        except (KeyError, CannotRun):
            return None

    def constant(self, node: Any, place: int) -> Array:
        name = node.input[place]
        try:
            return self._value(name)
        except KeyError as missing:
            raise CannotRun(
                f"{self.name}: the {CALLED[place]} of {shown(node)} are not constants of the file but come from "
                f"its input {printable(str(missing.args[0]), 60)}; export the model with its weights"
            ) from None

    def _value(self, name: str) -> Array:
        """What a tensor is, computed from constants alone. Raises `KeyError` with the input that it depends on."""
        if name in self._initializers and name not in self._twice:
            return self.stored(self._initializers[name])
        nodes, constants = self.slice(name, stop=frozenset())
        from onnx.reference import ReferenceEvaluator

        model = self.part(nodes, constants, [], [name])
        try:
            return np.asarray(ReferenceEvaluator(model).run(None, {})[0])
        except Exception as problem:  # of any operator
            what = f"{self.name}: {printable(name, 60)} cannot be computed from its constants"
            raise CannotRun(f"{what}: {first_line(problem)}") from None

    def stored(self, constant: Any) -> Array:
        """The numbers of an initializer."""
        from onnx import numpy_helper

        try:
            return np.asarray(numpy_helper.to_array(constant))
        except Exception as problem:  # fewer numbers than its shape says, or an unknown type
            name = printable(constant.name, 60)
            raise CannotRun(f"{self.name} is damaged: {name} cannot be read: {first_line(problem)}") from None

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
            if each in self._twice or each in self._sparse:
                how = "computed in two places" if each in self._twice else "stored as a sparse tensor"
                raise CannotRun(f"{self.name}: {printable(each, 60)} is {how}, which rnncheck does not read")
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


def inside_a_loop(node: Any) -> Iterator[Any]:
    """The nodes in the body of a loop."""
    if node.op_type in LOOPS:
        for body in branches(node):
            yield from nodes_in(body)


def first_line(problem: Exception) -> str:
    return printable((str(problem) or type(problem).__name__).splitlines()[0], 200)
