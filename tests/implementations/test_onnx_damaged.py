"""Damaged and unusual nodes of ONNX files: each is refused or named in the report, and never ignored or a traceback."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install 'rnncheck[onnx]'")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'rnncheck[onnx]'")

GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
UNITS, COLUMNS = 4, 3


def model_of(kind: str = "LSTM", layers: int = 1) -> Any:
    """Nodes in a chain, each with W, R and B, and with a Squeeze behind it."""
    helper, rng, nodes, below = onnx.helper, np.random.default_rng(0), list[Any](), "x"
    held = {"axis": np.array([1])}
    for layer in range(layers):
        rows, width = GATES[kind] * UNITS, COLUMNS if layer == 0 else UNITS
        shapes = {"W": (1, rows, width), "R": (1, rows, UNITS), "B": (1, 2 * rows)}
        held |= {f"{name}{layer}": rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
        inputs = [below, f"W{layer}", f"R{layer}", f"B{layer}"]
        options = {"linear_before_reset": 1} if kind == "GRU" else {}
        nodes.append(
            helper.make_node(kind, inputs, [f"Y{layer}", f"UNITS{layer}"], f"n{layer}", hidden_size=UNITS, **options)
        )
        below = f"flat{layer}"
        nodes.append(helper.make_node("Squeeze", [f"Y{layer}", "axis"], [below]))
    number = onnx.TensorProto.FLOAT
    given = [helper.make_tensor_value_info("x", number, [None, None, COLUMNS])]
    results = [helper.make_tensor_value_info(below, number, [None] * 3)]
    constants = [onnx.numpy_helper.from_array(value, name) for name, value in held.items()]
    graph = helper.make_graph(nodes, "g", given, results, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def attribute(name: str, value: Any) -> Callable[[Any], None]:
    """Sets an attribute of the first node; None takes it away."""

    def damage(model: Any) -> None:
        held = model.graph.node[0].attribute
        kept = [each for each in held if each.name != name]
        del held[:]
        held.extend([*kept, *([] if value is None else [onnx.helper.make_attribute(name, value)])])

    return damage


def constant(name: str, value: Any) -> Callable[[Any], None]:
    """Replaces a constant, or adds one."""

    def damage(model: Any) -> None:
        kept = [each for each in model.graph.initializer if each.name != name]
        del model.graph.initializer[:]
        model.graph.initializer.extend([*kept, onnx.numpy_helper.from_array(np.asarray(value), name)])

    return damage


def inputs(*names: str) -> Callable[[Any], None]:
    """The inputs of the first node."""

    def damage(model: Any) -> None:
        del model.graph.node[0].input[:]
        model.graph.node[0].input.extend(names)

    return damage


def outputs(*names: str) -> Callable[[Any], None]:
    def damage(model: Any) -> None:
        del model.graph.node[0].output[:]
        model.graph.node[0].output.extend(names)

    return damage


def both(*damages: Callable[[Any], None]) -> Callable[[Any], None]:
    return lambda model: [each(model) for each in damages] and None


def ones(*shape: int) -> Any:
    return np.ones(shape, np.float32)


def given(place: int, value: Any) -> Callable[[Any], None]:
    """A constant as the input of the first node at this place."""
    names = ["x", "W0", "R0", "B0", "", "", "", ""][:place]
    return both(constant("extra", value), inputs(*names, "extra"))


def every_constant(dtype: Any) -> Callable[[Any], None]:
    def damage(model: Any) -> None:
        for each in model.graph.initializer:
            if each.data_type == onnx.TensorProto.FLOAT:
                value = onnx.numpy_helper.to_array(each).astype(dtype)
                each.CopyFrom(onnx.numpy_helper.from_array(value, each.name))

    return damage


def opset(version: int | None) -> Callable[[Any], None]:
    def damage(model: Any) -> None:
        del model.opset_import[:]
        model.opset_import.extend([] if version is None else [onnx.helper.make_opsetid("", version)])

    return damage


def twice(model: Any) -> None:
    model.graph.node[0].attribute.append(onnx.helper.make_attribute("hidden_size", UNITS))


def without_names(model: Any) -> None:
    model.graph.node[0].name = ""
    outputs("", "")(model)


def cut_short(model: Any) -> None:
    next(each for each in model.graph.initializer if each.name == "R0").raw_data = b"12345"


def sparse(model: Any) -> None:
    dense = next(each for each in model.graph.initializer if each.name == "B0")
    values = onnx.numpy_helper.from_array(np.ones(1, np.float32), "B0")
    places = onnx.numpy_helper.from_array(np.zeros(1, np.int64), "places")
    model.graph.initializer.remove(dense)
    model.graph.sparse_initializer.append(onnx.helper.make_sparse_tensor(values, places, [32]))


def cycle(model: Any) -> None:
    model.graph.node[0].input[0] = model.graph.node[1].output[0]


def made_twice(model: Any) -> None:
    model.graph.node.insert(0, onnx.helper.make_node("Identity", ["x"], ["W0"]))


def long_way(model: Any) -> None:
    """More moves between two layers than Python can call functions in each other."""
    second = model.graph.node[2]
    for number in range(3000):
        model.graph.node.insert(
            2 + number, onnx.helper.make_node("Identity", [second.input[0]], [f"same{number}"], f"i{number}")
        )
        second.input[0] = f"same{number}"


def from_a_final_state(model: Any) -> None:
    model.graph.node[2].input[0] = "H0"


def in_a_body(kind: str) -> Callable[[Any], None]:
    """All nodes in the body of a Loop or Scan."""

    def damage(model: Any) -> None:
        helper, nodes, result = onnx.helper, list(model.graph.node), model.graph.output[0].name
        infos = {name: helper.make_empty_tensor_value_info(name) for name in ("i", "go", "go_on", "each", result)}
        nodes.append(helper.make_node("Identity", ["go"], ["go_on"]))
        loop = [infos["i"], infos["go"]], [infos["go_on"], infos[result]], ["times", "yes"]
        taken, made, read = loop if kind == "Loop" else ([infos["each"]], [infos[result]], ["xs"])
        body = helper.make_graph(nodes if kind == "Loop" else nodes[:-1], "body", taken, made)
        more = {} if kind == "Loop" else {"num_scan_inputs": 1}
        del model.graph.node[:]
        model.graph.node.append(helper.make_node(kind, read, ["z"], body=body, **more))
        model.graph.output[0].name = "z"

    return damage


def branches_with_the_same_names(model: Any) -> None:
    helper, nodes = onnx.helper, list(model.graph.node)
    ends = [helper.make_empty_tensor_value_info(model.graph.output[0].name)]
    then, other = (helper.make_graph(nodes, name, [], ends) for name in ("then", "else"))
    del model.graph.node[:]
    model.graph.node.append(helper.make_node("If", ["yes"], ["z"], then_branch=then, else_branch=other))
    model.graph.output[0].name = "z"


def calls_itself(model: Any) -> None:
    helper = onnx.helper
    inner = [helper.make_node("Own", ["a"], ["b"], domain="own")]
    opsets = [helper.make_opsetid("own", 1)]
    model.functions.append(helper.make_function("own", "Own", ["a"], ["b"], inner, opsets))
    model.opset_import.extend(opsets)
    model.graph.node.append(helper.make_node("Own", ["x"], ["c"], domain="own"))


# What is done to a model, the exit code, and what is said. Another dtype than float32 is refused as well.
DAMAGE: dict[str, tuple[Callable[[Any], None], int, str]] = {
    "no hidden_size": (attribute("hidden_size", None), 0, "n0 has no hidden_size, which onnxruntime needs"),
    "another hidden_size": (attribute("hidden_size", 5), 4, "the hidden_size of n0 is 5, and its R (1, 16, 4) has 4"),
    "no number": (attribute("hidden_size", "4"), 4, "hidden_size of n0 is of the type STRING; it must be INT"),
    "an attribute twice": (twice, 4, "n0 has the attribute hidden_size twice"),
    "an unknown attribute": (attribute("fo\x1bo", 1), 4, "n0 has the attribute fo\\x1bo, and the LSTM of ONNX has"),
    "of another cell": (attribute("linear_before_reset", 1), 4, "n0 has the attribute linear_before_reset, and the"),
    "of an old opset": (attribute("output_sequence", 1), 4, "n0 has the attribute output_sequence, and the LSTM"),
    "no direction": (attribute("direction", "sideways"), 4, "the direction of n0 is sideways; it must be forward, rev"),
    "no text": (attribute("direction", b"\xff\xfe"), 4, "the direction of n0 is"),
    "directions of one": (attribute("direction", "bidirectional"), 4, "R of n0 has the shape (1, 16, 4); with hidden"),
    "an odd layout": (attribute("layout", 3), 4, "the layout of n0 is 3; it must be 0 or 1"),
    "an odd switch": (attribute("input_forget", -1), 4, "the input_forget of n0 is -1; it must be 0 or 1"),
    "a clip of nothing": (attribute("clip", 0.0), 4, "n0 has clip 0"),
    "a clip that is NaN": (attribute("clip", float("nan")), 4, "n0 has clip nan"),
    "too few activations": (attribute("activations", ["Sigmoid", "Tanh"]), 4, "n0 has the activations Sigmoid, Tanh"),
    "activations in other letters": (attribute("activations", ["sigmoid", "TANH", "tanh"]), 0, ""),
    "a subgraph": (attribute("clip", onnx.helper.make_graph([], "g", [], [])), 4, "clip of n0 is of the type GRAPH"),
    "no W": (inputs("x", "", "R0", "B0"), 4, "n0 lacks its weights W"),
    "no R": (inputs("x", "W0"), 4, "n0 lacks its weights R"),
    "no inputs": (inputs(), 4, "n0 lacks its input X and weights W and weights R"),
    "no X": (inputs("", "W0", "R0", "B0"), 4, "n0 lacks its input X"),
    "a W that is nowhere": (inputs("x", "V", "R0", "B0"), 4, "the weights W of n0 are not constants of the file"),
    "W and R exchanged": (inputs("x", "R0", "W0", "B0"), 4, "the hidden_size of n0 is 4, and its R (1, 16, 3) has 3"),
    "more inputs": (inputs(*["x", "W0", "R0", "B0"], "", "", "", "", "W0"), 4, "n0 has 9 inputs, and the LSTM of ONNX"),
    "more outputs": (outputs("Y0", "H0", "C0", "D0"), 4, "n0 has 4 outputs, and the LSTM of ONNX has at most 3"),
    "no outputs": (outputs(), 4, "n0 has no output"),
    "no names": (without_names, 4, "the LSTM without a name has no output"),
    "a flat W": (constant("W0", ones(16, 3)), 4, "W of n0 has the shape (16, 3); it must have 3 axes"),
    "a number as R": (constant("R0", np.float32(1)), 4, "R of n0 has the shape (); it must have 3 axes"),
    "an empty W": (constant("W0", ones(1, 16, 0)), 4, "is damaged: input_size is 0; it must be at least 1"),
    "an empty R": (constant("R0", ones(1, 0, 0)), 4, "the hidden_size of n0 is 4, and its R (1, 0, 0) has 0"),
    "rows of three gates": (constant("W0", ones(1, 12, 3)), 4, "W of n0 has the shape (1, 12, 3); with hidden_size 4"),
    "half of B": (constant("B0", ones(1, 16)), 4, "B of n0 has the shape (1, 16); with hidden_size 4 and direction"),
    "a flat B": (constant("B0", ones(32)), 4, "B of n0 has the shape (32,); with hidden_size 4"),
    "R of another dtype": (
        constant("R0", ones(1, 16, 4).astype(np.float64)),
        4,
        "R of n0 is float64 and its W",
    ),
    "numbers cut short": (cut_short, 4, "is damaged: R0 cannot be read"),
    "a sparse B": (sparse, 4, "B0 is stored as a sparse tensor, which rnncheck does not read"),
    "float16": (every_constant(np.float16), 4, "its weights are float16, and onnxruntime has recurrent layers in flo"),
    "float64": (every_constant(np.float64), 4, "its weights are float64, and onnxruntime has recurrent layers in flo"),
    "whole numbers": (every_constant(np.int64), 4, "the weights of n0 are int64; export the model in float32"),
    "an initial state": (
        given(5, ones(1, 3, UNITS)),
        0,
        "n0 starts from an initial_h that is constant and not zero; the",
    ),
    "a state of zeros": (given(5, 0 * ones(1, 3, UNITS)), 0, ""),
    "an initial cell state": (
        given(6, ones(1, 7, UNITS)),
        0,
        "n0 starts from an initial_c that is constant and not zero",
    ),
    "a state of another width": (given(6, ones(1, 3, 9)), 4, "its initial_c is (1, 3, 9), and it has 4 units"),
    "a state of two axes": (given(5, ones(3, UNITS)), 4, "its initial_h is (3, 4), and it has 4 units and 1 direction"),
    "lengths": (given(4, np.array([3, 1, 2], np.int32)), 0, "n0 has the constant sequence_lens 3, 1, 2; the check"),
    "lengths of another rank": (given(4, np.array(3, np.int32)), 0, "n0 has the constant sequence_lens 3; the check"),
    "peepholes of another shape": (given(7, ones(1, UNITS)), 4, "P of n0 has the shape (1, 4); with hidden_size 4"),
    "peepholes of zeros": (given(7, 0 * ones(1, 3 * UNITS)), 0, ""),
    "opset 1": (opset(1), 4, "onnxruntime cannot run this layer"),
    "opset 99": (opset(99), 4, "onnxruntime cannot run this layer"),
    "no opset": (opset(None), 4, "does not say of which opset of ONNX it is"),
    "a cycle": (cycle, 4, "is damaged: n0 reads flat0, which is computed after it"),
    "a constant that is computed too": (made_twice, 4, "W0 is computed in two places, which rnncheck does not read"),
    "a layer in a Loop": (in_a_body("Loop"), 0, "n0 stands in the body of a Loop, and was run without it"),
    "a layer in a Scan": (in_a_body("Scan"), 0, "n0 stands in the body of a Scan, and was run without it"),
    "branches with the same names": (branches_with_the_same_names, 4, "do not follow each other: Y0, Y0; name one"),
    "a function that calls itself": (calls_itself, 4, "has local functions that cannot be read"),
}
OF_TWO = {
    "3,000 nodes between two layers": (long_way, 0, ""),
    "a layer on the final state": (
        from_a_final_state,
        4,
        "holds 2 recurrent layers that do not follow each other: n0, n1",
    ),
}


def compared(model: Any, folder: Path, rnncheck: Callable[..., Any]) -> tuple[int, str]:
    """The exit code of a check of this model, and all that it says, in one line."""
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    outcome = rnncheck("compare", path, "--no-witness", "--no-diagnose", "--verbose", "--paths", "none")
    return outcome.code, " ".join((outcome.stdout + outcome.stderr).split())


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_or_unusual_node_is_refused_or_named(what: str, tmp_path: Path, rnncheck: Callable[..., Any]) -> None:
    damage, code, said = DAMAGE[what]
    model = model_of()
    damage(model)
    found, text = compared(model, tmp_path, rnncheck)
    assert (found, said in text, "Traceback" in text) == (code, True, False), text


@pytest.mark.parametrize("what", OF_TWO)
def test_two_layers_with_something_unusual_between_them(
    what: str, tmp_path: Path, rnncheck: Callable[..., Any]
) -> None:
    damage, code, said = OF_TWO[what]
    model = model_of(layers=2)
    damage(model)
    found, text = compared(model, tmp_path, rnncheck)
    assert (found, said in text, "Traceback" in text) == (code, True, False), text


def test_nodes_of_one_name_are_named_by_their_outputs(tmp_path: Path, rnncheck: Callable[..., Any]) -> None:
    model, path = model_of(layers=2), tmp_path / "m.onnx"
    model.graph.node[2].name = "n0"
    onnx.save(model, path)
    outcome = rnncheck("compare", f"{path}:n0")
    assert (outcome.code, "called n0; name one by its output: Y0, Y1" in outcome.stderr) == (4, True)
    assert rnncheck("compare", f"{path}:Y1", "--no-witness").code == 0
    branches_with_the_same_names(model)
    onnx.save(model, path)
    for name in ("n0", "Y0"):
        outcome = rnncheck("compare", f"{path}:{name}")
        assert (outcome.code, "give them names of their own" in outcome.stderr) == (4, True), outcome.stderr


@pytest.mark.parametrize("kind", ["RNN", "GRU"])
@pytest.mark.parametrize("what", [name for name, (_, code, _) in DAMAGE.items() if code == 4])
@pytest.mark.sample(12)
def test_what_an_lstm_is_refused_for_shows_no_traceback_with_another_cell(
    what: str, kind: str, tmp_path: Path, rnncheck: Callable[..., Any]
) -> None:
    model = model_of(kind)
    DAMAGE[what][0](model)
    code, text = compared(model, tmp_path, rnncheck)
    assert (code in (0, 1, 4), "Traceback" in text) == (True, False), text


def test_activations_of_an_rnn_are_read_as_onnxruntime_reads_them(tmp_path: Path, rnncheck: Callable[..., Any]) -> None:
    for given, code in (("Tanh", 0), ("Tanh Tanh", 0), ("Relu", 0), ("Relu Relu", 0), ("tanh", 4), ("RELU", 4)):
        model = model_of("RNN")
        attribute("activations", given.split())(model)
        found, text = compared(model, tmp_path, rnncheck)
        assert found == code, text
        assert code == 0 or "onnxruntime reads those of an RNN only as Tanh and Relu" in text


def computed(kind: str, model: Any) -> None:
    """Initial states that the model makes: zeros of a size of x, or something else."""
    helper = onnx.helper
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.array(value), name)
        for name, value in (("one", [1]), ("units", [UNITS]), ("second", [1]), ("weight", ones(COLUMNS, UNITS)))
    )
    zeros = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "second"], ["rows"]),
        helper.make_node("Concat", ["one", "rows", "units"], ["sizes"], axis=0),
        helper.make_node("ConstantOfShape", ["sizes"], ["start"]),
    ]
    others = [
        helper.make_node("MatMul", ["x", "weight"], ["every"]),
        helper.make_node("ReduceMean", ["every"], ["start"], axes=[0], keepdims=1),
    ]
    for place, node in enumerate(zeros if kind == "zeros" else others if kind == "computed" else []):
        model.graph.node.insert(place, node)
    if kind == "given":
        model.graph.input.append(helper.make_tensor_value_info("start", onnx.TensorProto.FLOAT, [1, None, UNITS]))
    next(each for each in model.graph.node if each.op_type == "LSTM").input.extend(["", "start"])


@pytest.mark.parametrize("kind", ["zeros", "given", "computed"])
def test_an_initial_state_that_the_model_computes_is_named_unless_it_is_zero(
    kind: str, tmp_path: Path, rnncheck: Callable[..., Any]
) -> None:
    model = model_of()
    computed(kind, model)
    code, text = compared(model, tmp_path, rnncheck)
    assert (code, "n0 starts from an initial_h that the model computes" in text) == (0, kind == "computed"), text


def test_constant_lengths_that_cut_no_row_are_not_told(tmp_path: Path, rnncheck: Callable[..., Any]) -> None:
    model = model_of()
    given(4, np.array([5, 5], np.int32))(model)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 5
    code, text = compared(model, tmp_path, rnncheck)
    assert (code, "sequence_lens" in text) == (0, False), text


@pytest.mark.parametrize("how", ["absent", "cut"])
def test_a_file_beside_the_model_that_is_not_whole_is_named(
    how: str, tmp_path: Path, rnncheck: Callable[..., Any]
) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(model_of(), path, save_as_external_data=True, location="m.data", size_threshold=0)
    data = tmp_path / "m.data"
    if how == "absent":
        data.unlink()
    else:
        data.write_bytes(data.read_bytes()[:40])
    outcome = rnncheck("compare", path)
    said = f"needs {data}, which does not exist" if how == "absent" else "damaged"
    assert (outcome.code, said in outcome.stderr) == (4, True), outcome.stderr
