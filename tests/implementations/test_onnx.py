"""onnxruntime as an implementation, and model files as others write them: they agree, or are refused with a reason."""

import warnings
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from implementations.cases import CASES, Case
from implementations.conformance import RULES, refusal, run
from safetensors.torch import save_file
from torch import nn

from rnncheck import check, extras
from rnncheck.errors import CannotRun
from rnncheck.implementations import load
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.weights import draw

onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install 'rnncheck[onnx]'")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'rnncheck[onnx]'")
FAST = ("--no-witness", "--no-diagnose", "--quiet")


def test_onnxruntime_keeps_every_rule_or_says_what_it_lacks() -> None:
    kept, refused = 0, set()
    for case in (case.at(Dtype.FLOAT32) for case in CASES):
        if reason := refusal(load("onnxruntime"), case):
            refused.add(reason)
            continue
        kept += 1
        with torch.no_grad():
            for rule in RULES:
                rule(load("onnxruntime"), case)
    assert (kept, refused) == (22, {"ONNX has no projection of h; leave --proj-size out"})
    assert refusal(load("onnxruntime"), CASES[0]) == "onnxruntime has recurrent layers in float32 only, not in float64"
    assert "not on cuda" in str(load("onnxruntime").refuses(Spec(device="cuda")))


def test_its_tanh_near_zero_is_no_mismatch_and_another_one_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rnncheck: Callable[..., Any]
) -> None:
    drawn = draw(Spec(hidden_size=16), 0).values
    small, smaller = ({name: value / by for name, value in drawn.items()} for by in (1e4, 1e5))
    options: dict[str, Any] = {"cell": "rnn", "hidden_size": 16, "witness": False}
    assert check("onnxruntime", weights=smaller, **options).verdict == "equivalent"
    assert check("onnxruntime", against="fault:parameter-scaled", weights=small, **options).verdict == "mismatch"
    save_file({name: value.float() for name, value in smaller.items()}, tmp_path / "small.safetensors")
    given = ("--hidden-size", 16, "--weights", tmp_path / "small.safetensors")
    assert rnncheck("record", "onnxruntime", *given, "-o", tmp_path / "trace.safetensors").code == 0
    assert check("torch", against=str(tmp_path / "trace.safetensors"), witness=False).verdict == "equivalent"
    monkeypatch.setattr("rnncheck.implementations.onnx_runtime.OnnxRuntime.approximate", 0.0)
    assert check("onnxruntime", weights=smaller, **options).verdict == "mismatch"


@pytest.mark.parametrize(("seq_len", "batch_size"), [(3, 0), (0, 2)])
def test_an_empty_batch_does_not_end_the_process(seq_len: int, batch_size: int) -> None:
    case = Case(Spec(cell=Cell.GRU, bidirectional=True), seq_len, batch_size)
    trace = run(load("onnxruntime"), case)
    assert trace.output.shape == (seq_len, batch_size, 8)
    assert torch.equal(trace.final.h, case.state().h)


def test_what_is_not_installed_is_refused_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    for name in ("onnxruntime", "model.onnx"):
        with pytest.raises(CannotRun, match=r"needs onnx and onnxruntime, which are not installed: pip install 'rnnch"):
            load(name)


class Around(nn.Module):
    """A model as people export them: a layer, and something before and behind it."""

    def __init__(self, layer: nn.Module, width: int) -> None:
        super().__init__()
        self.layer, self.behind = layer, nn.Linear(width, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.behind(self.layer(2 * x)[0])


LAYERS = {
    "lstm": (lambda: nn.LSTM(3, 4, 2, bidirectional=True), 8),
    "gru": (lambda: nn.GRU(3, 4, 3, dropout=0.5, batch_first=True), 4),
    "rnn": (lambda: nn.RNN(3, 4, nonlinearity="relu", bias=False), 4),
}


@pytest.fixture(scope="module", params=LAYERS)
def exported(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A model that torch exported, and the weights of its layer."""
    pytest.importorskip("onnx")
    make, width = LAYERS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    model = Around(make(), width).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (torch.randn(5, 2, 3),), str(folder / "model.onnx"), dynamo=False)
    torch.save(model.layer.state_dict(), folder / "trained.pt")
    return str(folder / "model.onnx"), folder / "trained.pt"


def test_an_exported_layer_is_read_with_its_weights(exported: tuple[str, Path], rnncheck: Callable[..., Any]) -> None:
    model, weights = exported
    trained = torch.load(weights)
    read = load(model)
    assert all(torch.equal(read.weights.values[name].float(), value) for name, value in trained.items())
    assert read.weights.values.keys() == trained.keys()
    outcome = rnncheck("compare", model, "--weights", weights, *FAST)
    assert outcome.code == 0, outcome.stdout + outcome.stderr


def test_an_export_of_another_model_is_a_mismatch_that_names_the_weight(
    exported: tuple[str, Path], rnncheck: Callable[..., Any], tmp_path: Path
) -> None:
    model, weights = exported
    trained = torch.load(weights)
    trained["weight_hh_l0"][3, 2] += 0.01
    torch.save(trained, tmp_path / "other.pt")
    outcome = rnncheck("compare", model, "--weights", tmp_path / "other.pt", "--no-witness", "--no-diagnose")
    assert outcome.code == 1, outcome.stderr
    said = " ".join(outcome.stdout.split())
    assert "weight_hh_l0" in said
    assert "has other values, different by up to 0.01 at [3, 2]" in said


def test_weights_of_another_layer_are_not_answered_with_options_that_cannot_help(
    exported: tuple[str, Path], tmp_path: Path, rnncheck: Callable[..., Any]
) -> None:
    other = tmp_path / "other.pt"
    torch.save(torch.nn.RNN(9, 11).state_dict(), other)
    outcome = rnncheck("compare", exported[0], "--weights", other)
    assert outcome.code == 4
    assert "use --cell" not in outcome.stderr
    assert f"The options are those of {exported[0]}, which cannot change" in outcome.stderr


def written(
    path: Path,
    kind: str,
    options: Mapping[str, Any],
    *,
    between: tuple[str, ...] = (),
    layers: int = 1,
    as_inputs: bool = False,
) -> str:
    """A model of so many nodes with random weights, H = 4; `between` are operators that stand between them."""
    gates, sides = {"RNN": 1, "GRU": 3, "LSTM": 4}[kind], 2 if options.get("direction") == "bidirectional" else 1
    helper, rng = onnx.helper, np.random.default_rng(0)
    held = {"axis": np.array([1])} if sides == 1 else {"flat": np.array([0, 0, -1])}
    nodes, below = [], "x"
    for layer in range(layers):
        shapes = {"W": (sides, gates * 4, 3 if layer == 0 else 4 * sides), "R": (sides, gates * 4, 4)}
        shapes["B"] = (sides, 2 * gates * 4)
        if options.get("peepholes"):
            shapes["P"] = (sides, 12)
        held |= {f"{name}{layer}": rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
        inputs = [below, *(f"{name}{layer}" for name in "WRB")] + (["", "", "", f"P{layer}"] if "P" in shapes else [])
        given = {name: value for name, value in options.items() if name != "peepholes"}
        nodes.append(helper.make_node(kind, inputs, [f"Y{layer}"], name=f"node{layer}", hidden_size=4, **given))
        if sides == 1:
            nodes.append(helper.make_node("Squeeze", [f"Y{layer}", "axis"], [f"flat{layer}"]))
        else:
            nodes.append(helper.make_node("Transpose", [f"Y{layer}"], [f"turned{layer}"], perm=[0, 2, 1, 3]))
            nodes.append(helper.make_node("Reshape", [f"turned{layer}", "flat"], [f"flat{layer}"]))
        below = f"flat{layer}"
        for number, each in enumerate(between if layer < layers - 1 else ()):
            nodes.append(helper.make_node(each, [below], [f"{below}_{number}"]))
            below = f"{below}_{number}"
    number = onnx.TensorProto.FLOAT
    given = [helper.make_tensor_value_info("x", number, [None] * 3)]
    if as_inputs:
        given.append(helper.make_tensor_value_info("W0", number, held.pop("W0").shape))
    constants = [onnx.numpy_helper.from_array(value, name) for name, value in held.items()]
    graph = helper.make_graph(nodes, "g", given, [helper.make_tensor_value_info(below, number, [None] * 3)], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, str(path))
    return str(path)


def test_nodes_of_other_exporters_are_chained(tmp_path: Path, rnncheck: Callable[..., Any]) -> None:
    model = written(tmp_path / "m.onnx", "LSTM", {"direction": "bidirectional"}, layers=2, between=("Identity",))
    assert load(model).spec == Spec(cell=Cell.LSTM, num_layers=2, bidirectional=True)
    assert rnncheck("compare", model, *FAST).code == 0


@pytest.mark.explained
def test_a_reset_gate_before_the_product_is_a_mismatch_and_named(tmp_path: Path, rnncheck: Callable[..., Any]) -> None:
    model = written(tmp_path / "m.onnx", "GRU", {})
    outcome = rnncheck("compare", model, "--no-witness")
    said = " ".join(outcome.stdout.split())
    assert (outcome.code, "gru-reset-before-matmul" in said) == (1, True)
    assert "linear_before_reset is 0" in said


REFUSED = {
    "peepholes": (("LSTM", {"peepholes": True}), "node0 has peepholes"),
    "clip": (("LSTM", {"clip": 0.5}), "node0 has clip 0.5"),
    "coupled gates": (("LSTM", {"input_forget": 1}), "node0 has input_forget"),
    "batchwise": (("GRU", {"layout": 1}), "node0 is batchwise, layout 1"),
    "backward alone": (("RNN", {"direction": "reverse"}), "node0 runs only backward in time"),
    "other activations": (("LSTM", {"activations": ["HardSigmoid", "Tanh", "Tanh"]}), "activations HardSigmoid, Tanh"),
    "a slope": (("RNN", {"activation_alpha": [0.5]}), "node0 has activation_alpha"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_torch_has_not_is_named(what: str, tmp_path: Path) -> None:
    (kind, options), said = REFUSED[what]
    with pytest.raises(CannotRun) as raised:
        load(written(tmp_path / "m.onnx", kind, options))
    assert said in str(raised.value)


def test_layers_with_arithmetic_between_them_are_two_and_can_be_named(tmp_path: Path) -> None:
    model = written(tmp_path / "m.onnx", "GRU", {"linear_before_reset": 1}, layers=2, between=("Relu",))
    with pytest.raises(
        CannotRun, match="holds 2 recurrent layers that do not follow each other: node0, node1; name one"
    ):
        load(model)
    assert load(f"{model}:node1").spec == Spec(cell=Cell.GRU, input_size=4)
    with pytest.raises(CannotRun, match="has no recurrent node node9; there are node0, node1"):
        load(f"{model}:node9")


def test_a_node_of_a_chain_can_be_named_alone_or_with_the_next_ones(
    tmp_path: Path, rnncheck: Callable[..., Any]
) -> None:
    model = written(tmp_path / "m.onnx", "LSTM", {}, layers=3)
    whole = load(model).weights.values
    alone = load(f"{model}:node1")
    assert (alone.spec.num_layers, alone.spec.input_size) == (1, 4)
    assert torch.equal(alone.weights.values["weight_ih_l0"], whole["weight_ih_l1"])
    assert load(f"{model}:node1,node2").spec.num_layers == 2
    outcome = rnncheck("compare", f"{model}:node2", "--no-witness", "--no-diagnose")
    assert (outcome.code, "1 LSTM node, node2, without" in outcome.stdout) == (0, True), outcome.stderr
    with pytest.raises(CannotRun, match=r"node0 and node2 do not follow each other as layers of torch.nn do"):
        load(f"{model}:node0,node2")


def test_the_name_in_an_advice_is_one_that_works(tmp_path: Path) -> None:
    path = Path(written(tmp_path / "m.onnx", "GRU", {"linear_before_reset": 1}, layers=2))
    model = onnx.load(path)
    for each in model.graph.initializer:
        if each.name in ("W1", "R1", "B1"):
            shape = {"W1": (1, 15, 4), "R1": (1, 15, 5), "B1": (1, 30)}[each.name]
            each.CopyFrom(onnx.numpy_helper.from_array(np.ones(shape, np.float32), each.name))
    model.graph.node[2].attribute[0].i = 5
    onnx.save(model, path)
    with pytest.raises(CannotRun) as raised:
        load(str(path))
    assert f"one value for all layers; name one of them, as in {path}:node1" in str(raised.value)
    assert load(f"{path}:node1").spec.hidden_size == 5


def test_layers_with_time_and_batch_exchanged_between_them_do_not_follow_each_other(tmp_path: Path) -> None:
    path = Path(written(tmp_path / "m.onnx", "LSTM", {}, layers=2, between=("Transpose",)))
    model = onnx.load(path)
    turn = next(each for each in model.graph.node if each.op_type == "Transpose")
    turn.attribute.append(onnx.helper.make_attribute("perm", [1, 0, 2]))
    onnx.save(model, path)
    with pytest.raises(CannotRun, match=r"node0 and node1 do not follow each other as layers of torch.nn do: between"):
        load(str(path))
    path = Path(written(tmp_path / "m.onnx", "LSTM", {}, layers=2, between=("Transpose", "Transpose")))
    model = onnx.load(path)
    for each in model.graph.node:
        if each.op_type == "Transpose":
            each.attribute.append(onnx.helper.make_attribute("perm", [1, 0, 2]))
    onnx.save(model, path)
    assert load(str(path)).spec.num_layers == 2


def test_files_that_hold_no_such_layer_say_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    with pytest.raises(CannotRun, match=f"{path} does not exist"):
        load(str(path))
    path.write_bytes(b"\x89PNG and more")
    with pytest.raises(CannotRun, match="is a PNG image"):
        load(str(path))
    with pytest.raises(
        CannotRun, match="the weights W of node0 are not constants of the file but come from its input W0"
    ):
        load(written(path, "RNN", {}, as_inputs=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(nn.Linear(3, 2), (torch.randn(1, 3),), str(path), dynamo=False)
    with pytest.raises(CannotRun, match="has no RNN, LSTM or GRU node; it holds Gemm"):
        load(str(path))
    path.write_bytes(b"")
    with pytest.raises(CannotRun, match="has no RNN, LSTM or GRU node; it has no nodes at all: export the model again"):
        load(str(path))


@pytest.mark.parametrize("between", ["the directions side by side", "something else"])
def test_nodes_between_layers_that_hold_the_sizes_of_the_example_are_read_if_they_only_join_the_directions(
    between: str, tmp_path: Path, rnncheck: Callable[..., Any]
) -> None:
    path = tmp_path / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = Around(nn.LSTM(3, 4, 2, bidirectional=True), 8).eval()
        torch.onnx.export(layer, (torch.randn(5, 2, 3),), str(path), dynamo=False)
    model = onnx.load(path)
    for node in model.graph.node:
        if node.op_type == "Reshape":
            node.input[1] = "sizes"
        if node.op_type == "Transpose" and between == "something else" and list(node.attribute[0].ints) == [0, 2, 1, 3]:
            node.attribute[0].ints[:] = [0, 2, 3, 1]
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([5, 2, 8]), "sizes"))
    onnx.save(model, path)
    outcome = rnncheck("compare", path, *FAST)
    if between == "something else":
        assert outcome.code == 4
        assert "the model computes something else than the input of the next layer" in outcome.stderr
    else:
        assert outcome.code == 0, outcome.stdout + outcome.stderr


@cache
def node_tests() -> dict[str, Any]:
    """The ONNX project's own tests of these operators. Its collector would run the code of every operator first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for operator in ("rnn", "lstm", "gru"):
            import_module(f"onnx.backend.test.case.node.{operator}")
        return {each.name: each for each in onnx.backend.test.case.node._NodeTestCases}


REASONS = ("peepholes", "batchwise, layout 1", "runs only backward in time")


@pytest.mark.parametrize("name", NODE_TESTS := sorted(node_tests()))
def test_the_onnx_projects_own_node_tests_agree_or_are_refused(name: str, tmp_path: Path) -> None:
    """Against torch, and torch's results against those that the test expects. Its weights are inputs of the graph."""
    case, path = node_tests()[name], tmp_path / "model.onnx"
    model, (inputs, expected) = case.model, case.data_sets[0]
    names = [each.name for each in model.graph.input]
    for each, value in zip(names, inputs, strict=True):
        if each in ("W", "R", "B", "P"):
            model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), each))
    kept = [each for each in model.graph.input if each.name not in ("W", "R", "B", "P")]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    onnx.save(model, str(path))
    try:
        read = load(str(path))
    except CannotRun as reason:
        assert any(each in str(reason) for each in REASONS)  # noqa: PT017
        return
    before_reset = read.spec.cell is Cell.GRU and not any(
        each.name == "linear_before_reset" and each.i for each in model.graph.node[0].attribute
    )
    given = dict(zip(names, inputs, strict=True))
    x = torch.from_numpy(np.asarray(given["X"]))
    zeros = torch.zeros(read.spec.directions, x.shape[1], read.spec.hidden_size)
    state = Case(read.spec, len(x), x.shape[1]).state()
    state = type(state)(zeros, None if state.c is None else zeros)
    reference = load("fault:gru-reset-before-matmul" if before_reset else "torch")
    results = [side.build(read.spec, read.weights).run(x, state) for side in (read, reference)]
    torch.testing.assert_close(results[0].output, results[1].output)
    torch.testing.assert_close(results[0].final.h, results[1].final.h)
    wanted = dict(zip((each.name for each in model.graph.output), expected, strict=True))
    last = torch.from_numpy(np.asarray(wanted["Y_h"]))
    if last.shape == zeros.shape and "seq" not in name:
        torch.testing.assert_close(results[1].final.h.detach(), last, rtol=1e-4, atol=1e-5)


def test_a_reset_gate_before_the_product_agrees_with_its_own_equations(
    tmp_path: Path, rnncheck: Callable[..., Any]
) -> None:
    model = written(tmp_path / "m.onnx", "GRU", {})
    assert rnncheck("compare", model, "--against", "variant:gru-reset-before", *FAST).code == 0


def moved_into(model: Any, where: str) -> None:
    """Moves all nodes of a graph into both branches of an If, with W beside it, or into a function of the model."""
    helper, nodes = onnx.helper, list(model.graph.node)
    result = model.graph.output[0].name
    del model.graph.node[:]
    if where == "a function":
        names = [each.name for each in (*model.graph.input, *model.graph.initializer)]
        opsets = list(model.opset_import)
        model.functions.append(helper.make_function("own", "Layer", names, [result], nodes, opsets))
        model.opset_import.append(helper.make_opsetid("own", 1))
        model.graph.node.append(helper.make_node("Layer", names, [result], domain="own"))
        return
    weight = next(each for each in model.graph.initializer if each.name == "W0")
    model.graph.initializer.remove(weight)
    value = helper.make_node("Constant", [], ["W0"], value=weight)
    ends = [helper.make_empty_tensor_value_info(result)]
    then = helper.make_graph(nodes, "then", [], ends)
    other = helper.make_graph([helper.make_node("Identity", ["x"], ["same"])], "else", [], [])
    other.output.append(helper.make_empty_tensor_value_info("same"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.extend([value, helper.make_node("If", ["yes"], ["z"], then_branch=then, else_branch=other)])
    model.graph.output[0].name = "z"


@pytest.mark.parametrize("where", ["a branch", "a function"])
def test_a_layer_in_a_part_of_the_graph_is_read(where: str, tmp_path: Path, rnncheck: Callable[..., Any]) -> None:
    path = Path(written(tmp_path / "m.onnx", "LSTM", {}, layers=2))
    expected = load(str(path))
    model = onnx.load(path)
    moved_into(model, where)
    onnx.save(model, path)
    read = load(str(path))
    assert read.spec == expected.spec
    assert all(torch.equal(value, expected.weights.values[name]) for name, value in read.weights.values.items())
    assert rnncheck("compare", path, *FAST).code == 0


def test_a_node_whose_own_initial_state_has_another_width_is_refused(tmp_path: Path) -> None:
    path = Path(written(tmp_path / "m.onnx", "LSTM", {}))
    model = onnx.load(path)
    model.graph.node[0].input.extend(["", "", "c"])
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros((1, 3, 12), np.float32), "c"))
    onnx.save(model, path)
    with pytest.raises(CannotRun, match=r"node0 cannot run: its initial_c is \(1, 3, 12\), and it has 4 units"):
        load(str(path))


def test_weights_that_onnxruntime_does_not_run_say_what_to_export(tmp_path: Path, rnncheck: Callable[..., Any]) -> None:
    path = Path(written(tmp_path / "m.onnx", "GRU", {"linear_before_reset": 1}))
    model = onnx.load(path)
    for each in model.graph.initializer:
        if each.data_type == onnx.TensorProto.FLOAT:
            each.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(each).astype(np.float64), each.name))
    onnx.save(model, path)
    outcome = rnncheck("compare", path)
    assert outcome.code == 4
    assert "its weights are float64, and onnxruntime has recurrent layers in float32 only; export" in outcome.stderr


def test_record_and_bench_take_the_sizes_of_a_model_file(tmp_path: Path, rnncheck: Callable[..., Any]) -> None:
    path = written(tmp_path / "m.onnx", "LSTM", {})
    assert rnncheck("record", path, "--output", tmp_path / "t.safetensors").code == 0
    assert rnncheck("bench", path, "--seconds", "0.01", "--batch-size", "2", "--seq-len", "3").code == 0
    outcome = rnncheck("bench", path, "--hidden-size", "4,8")
    assert (outcome.code, "has 4; leave --hidden-size out" in outcome.stderr) == (2, True)
