"""A recorded run: compared against later, kept readable for good, and refused with plain words when it is damaged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from rnncheck import Verdict, check
from rnncheck.cli.app import command
from rnncheck.errors import CannotRun
from rnncheck.implementations import load

VERSION_1 = Path(__file__).parent / "traces" / "version-1.safetensors"  # never made anew
FAST = ("--no-witness", "--format", "json")


def test_a_trace_of_version_1_is_a_golden_file(rnncheck: Callable[..., Any]) -> None:
    report = json.loads(rnncheck("compare", "scratch", "--against", VERSION_1, *FAST).stdout)
    assert report["verdict"] == "equivalent"
    modes = {each["mode"] for each in report["comparisons"] if each["compared"]}
    assert {"free", "backward"} <= modes <= {"free", "lockstep", "backward"}
    expected = {"cell": "lstm", "num_layers": 2, "bidirectional": True, "proj_size": 2, "dtype": "float32"}
    assert expected.items() <= report["spec"].items()
    assert report["sequences"]["lengths"] == [5, 3, 2]
    assert "recorded of torch on cpu by rnncheck" in report["reference"]["location"]


@pytest.mark.explained
def test_a_fault_is_named_against_a_recorded_run(rnncheck: Callable[..., Any], tmp_path: Path) -> None:
    trace = str(tmp_path / "trace.safetensors")
    assert rnncheck("record", "torch", "-o", trace).code == 0
    again = rnncheck("record", "torch", "-o", trace)
    assert (again.code, f"{trace} is there already; --force replaces it" in again.stderr) == (4, True)
    assert rnncheck("record", "torch", "-o", trace, "--force").code == 0
    report = check("fault:missing-bias", against=trace)
    assert (report.verdict, report.findings[0].slug) == (Verdict.MISMATCH, "missing-bias")


def test_a_trace_is_no_file_of_weights() -> None:
    with pytest.raises(CannotRun, match=r"version-1\.safetensors is a recorded run.*--against .* compares with it"):
        check("scratch", weights=VERSION_1)


@pytest.mark.paths
@pytest.mark.parametrize("arguments", [["numpy", "--cell", "gru", "--head", "softmax"], ["scratch", "--h0", "zeros"]])
def test_what_is_recorded_equals_what_is_run(
    arguments: list[str], tmp_path: Path, rnncheck: Callable[..., Any]
) -> None:
    trace = tmp_path / "trace.safetensors"
    said = rnncheck("record", *arguments, "-o", trace)
    assert (said.code, f"rnncheck compare CANDIDATE --against {trace}" in said.stdout) == (0, True)
    for sides in ([trace], ["torch", "--against", trace]):
        report = json.loads(rnncheck("compare", *sides, *FAST).stdout)
        compared = {each["mode"]: each for each in report["comparisons"] if each["compared"]}
        assert report["verdict"] == "equivalent"
        assert "no path was compared: a recorded run cannot be run again" in report["notes"]
        assert {"free", "lockstep"} <= compared.keys()
        assert ("backward" in compared) == (arguments[0] == "scratch")


@pytest.mark.explained
def test_a_mismatch_of_a_recorded_candidate_says_how_it_would_be_explained(rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("compare", VERSION_1, "--against", "fault:forget-bias-added", *FAST)
    assert outcome.code == 1
    assert "no known fault was tried" in json.loads(outcome.stdout)["notes"][-1]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--hidden-size", "9"], "--hidden-size is 9 and {trace} has 4; leave --hidden-size out"),
        (["--seed", "1"], "--seed cannot be used with {trace}, which has its own data and weights; leave it out"),
        (["--weight-scale", "2"], "--weight-scale cannot be used with"),
    ],
)
def test_options_that_a_trace_decides_are_refused(option: list[str], said: str, rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("compare", VERSION_1, *option)
    assert (outcome.code, said.format(trace=VERSION_1) in outcome.stderr) == (2, True), outcome.stderr


@pytest.fixture(scope="module")
def of_other_options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two traces whose options differ from the defaults."""
    folder, made = tmp_path_factory.mktemp("traces"), {}
    options = ["--num-layers", "2", "--dropout", "0.5", "--batch-first", "--dtype", "float64", "--bidirectional"]
    every = {"rnn": ["--nonlinearity", "relu", "--no-bias"], "lstm": ["--proj-size", "2", "--head", "softmax"]}
    for cell, own in every.items():
        made[cell] = folder / f"{cell}.safetensors"
        words = ["record", "scratch", "--cell", cell, *options, *own, "--output", str(made[cell])]
        assert command()(words, standalone_mode=False) == 0
    return made


@pytest.mark.parametrize(
    ("cell", "option", "said"),
    [
        ("rnn", "--dtype float32", "--dtype is float32 and {trace} has float64; leave --dtype out"),
        ("rnn", "--dropout 0.0", "--dropout is 0.0 and {trace} has 0.5; leave --dropout out"),
        ("rnn", "--bias", "--bias was given and {trace} has bias False; leave --bias out"),
        ("lstm", "--no-bias", "--no-bias was given and {trace} has bias True; leave --no-bias out"),
        ("rnn", "--no-bidirectional", "--no-bidirectional was given and {trace} has bidirectional True"),
        ("rnn", "--nonlinearity tanh", "--nonlinearity is tanh and {trace} has relu; leave --nonlinearity out"),
        ("rnn", "--head softmax", "--head is softmax and {trace} has none; leave --head out"),
        ("rnn", "--hidden-size 5", "--hidden-size is 5 and {trace} has 4; leave --hidden-size out"),
        ("rnn", "--num-layers 1", "--num-layers is 1 and {trace} has 2; leave --num-layers out"),
        ("rnn", "--cell gru", "--cell is gru and {trace} has rnn; leave --cell out"),
        ("lstm", "--proj-size 0", "--proj-size is 0 and {trace} has 2; leave --proj-size out"),
        ("lstm", "--nonlinearity tanh", "--nonlinearity is tanh and {trace} has none; leave --nonlinearity out"),
        ("lstm", "--seed 0", "--seed cannot be used with {trace}, which has its own data and weights; leave it out"),
        ("lstm", "--h0 random", "--h0 cannot be used with {trace}"),
        ("lstm", "--weight-scale 1", "--weight-scale cannot be used with {trace}"),
    ],
)
def test_an_option_that_contradicts_a_trace_is_refused_even_if_it_is_the_default(
    cell: str, option: str, said: str, of_other_options: dict[str, Path], rnncheck: Callable[..., Any]
) -> None:
    trace = of_other_options[cell]
    outcome = rnncheck("compare", "scratch", "--against", trace, *option.split())
    assert (outcome.code, said.format(trace=trace) in outcome.stderr) == (2, True), outcome.stderr


def test_options_that_say_what_a_trace_says_are_taken(
    of_other_options: dict[str, Path], rnncheck: Callable[..., Any]
) -> None:
    same = "--cell lstm --num-layers 2 --dropout 0.5 --batch-first --dtype float64 --bidirectional --proj-size 2 --bias"
    words = ["--against", of_other_options["lstm"], "--head", "softmax", *same.split(), "--no-witness"]
    outcome = rnncheck("compare", "scratch", *words)
    assert outcome.code == 0, outcome.stderr


def test_other_data_than_its_own_are_refused(rnncheck: Callable[..., Any], tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("a,b,c\n1,2,3\n4,5,6\n")
    outcome = rnncheck("run", data, VERSION_1)
    assert (outcome.code, "holds the data of its run" in outcome.stderr) == (2, True), outcome.stderr


def test_a_layer_without_initial_state_is_told_what_to_record(rnncheck: Callable[..., Any], tmp_path: Path) -> None:
    mine, trace = tmp_path / "mine.py", tmp_path / "trace.safetensors"
    mine.write_text(
        "import torch\nclass MyRNN(torch.nn.RNN):\n    def forward(self, x):\n        return super().forward(x)\n"
    )
    assert rnncheck("record", "torch", "-o", trace).code == 0
    with pytest.raises(CannotRun, match=f"{trace} starts from h0, which .* does not take; record --h0 zeros"):
        check(f"{mine}:MyRNN", against=str(trace))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "record writes a file: say which"),
        (["-o", "trace.json"], "a trace is known by its suffix"),
        ([str(VERSION_1), "-o", "again.safetensors"], "is a recorded run already"),
    ],
)
def test_record_says_what_it_cannot_do(arguments: list[str], said: str, rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("record", *arguments)
    assert outcome.code in (2, 4)
    assert said in outcome.stderr


def held() -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    with safe_open(VERSION_1, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


def damaged(damage: Callable[[dict[str, torch.Tensor], dict[str, str]], Any]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        tensors, metadata = held()
        damage(tensors, metadata)
        save_file(tensors, path, metadata)

    return write


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (lambda path: None, "does not exist; rnncheck record writes such a file"),
    "empty": (lambda path: path.write_bytes(b""), "is not a safetensors file, or is damaged"),
    "text": (lambda path: path.write_text("hello, this is no trace"), "is not a safetensors file, or is damaged"),
    "cut in the header": (lambda path: path.write_bytes(VERSION_1.read_bytes()[:500]), "is not a safetensors file"),
    "cut in the data": (lambda path: path.write_bytes(VERSION_1.read_bytes()[:-9]), "cut short"),
    "weights alone": (damaged(lambda tensors, metadata: metadata.clear()), "is safetensors but not a trace"),
    "of a later version": (damaged(lambda _, metadata: metadata.update(schema="rnncheck/trace/2")), "update rnncheck"),
    "of no cell": (damaged(lambda _, metadata: metadata.update(cell="cnn")), "cell is 'cnn', none of rnn, lstm, gru"),
    "of no size": (
        damaged(lambda _, metadata: metadata.update(hidden_size="x")),
        "its metadata do not describe a layer",
    ),
    "of an impossible layer": (damaged(lambda _, metadata: metadata.update(num_layers="0")), "num_layers is 0"),
    "of no number": (damaged(lambda _, metadata: metadata.update(num_layers="{2")), "(num_layers is '{2')"),
    "of no dtype": (damaged(lambda _, metadata: metadata.pop("dtype")), "is damaged: its metadata lack dtype"),
    "of no seed": (damaged(lambda _, metadata: metadata.update(seed="-")), "its seed is '-', not a whole number"),
    "of no run": (damaged(lambda _, metadata: metadata.update(recorded="[]")), "say under recorded is not a JSON"),
    "without x": (damaged(lambda tensors, _: tensors.pop("x")), "it has no x (T, B, I)"),
    "without a weight": (damaged(lambda tensors, _: tensors.pop("bias_hh_l1")), "it lacks bias_hh_l1"),
    "of another size": (
        damaged(lambda _, metadata: metadata.update(input_size="7")),
        "its x is float32 (5, 3, 3), not",
    ),
    "without results": (
        damaged(lambda tensors, _: [tensors.pop(name) for name in ("output", "h_n")]),
        "is damaged: it lacks output, h_n; record it again",
    ),
    "without output": (damaged(lambda tensors, _: tensors.pop("output")), "is damaged: it lacks output; record it"),
    "without c_n": (damaged(lambda tensors, _: tensors.pop("c_n")), "it lacks c_n"),
    "without an initial state": (damaged(lambda tensors, _: tensors.pop("c0")), "it lacks c0"),
    "with a name that is none": (
        damaged(lambda tensors, _: tensors.update({"out put": tensors.pop("output")})),
        "it lacks output and it holds out put, no part of this run",
    ),
    "without a state of its single steps": (
        damaged(lambda tensors, _: [tensors.pop("step.h0"), tensors.pop("step.c_n")]),
        "it lacks step.h0, step.c_n",
    ),
    "with a single step of another width": (
        damaged(lambda tensors, _: tensors.update({"step.h_n": torch.zeros(4, 10, 9)})),
        "its step.h_n is float32 (4, 10, 9), not float32 (4, 10, 2)",
    ),
    "with a gradient of another shape": (
        damaged(lambda tensors, _: tensors.update({"grad.x": torch.zeros(5, 3, 1)})),
        "its grad.x is float32 (5, 3, 1), not float32 (5, 3, 3)",
    ),
    "without the loss of its gradients": (damaged(lambda tensors, _: tensors.pop("grad.h_n")), "it lacks grad.h_n"),
    "with a gradient of its lengths": (
        damaged(lambda tensors, _: tensors.update({"grad.lengths": torch.zeros(3)})),
        "it holds grad.lengths, no part",
    ),
    "without a gradient that its metadata list": (
        damaged(lambda tensors, metadata: metadata.update(tensors=" ".join([*tensors, "grad.bias_hh_l2"]))),
        "it lacks grad.bias_hh_l2",
    ),
    "with a head that its metadata do not name": (
        damaged(lambda tensors, _: tensors.update({"y": torch.zeros(5, 3, 4)})),
        "it holds y, no part",
    ),
    "of long rows": (damaged(lambda tensors, _: tensors["lengths"].add_(9)), "its lengths are not all from 1 to 5"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_file_that_is_no_whole_trace_is_refused(damage: str, tmp_path: Path) -> None:
    make, said = DAMAGE[damage]
    path = tmp_path / "trace.safetensors"
    make(path)
    with pytest.raises(CannotRun) as raised:
        load(str(path))
    assert said in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_result_that_the_layer_does_not_return_is_absent_from_its_trace_and_named_so(
    tmp_path: Path, rnncheck: Callable[..., Any]
) -> None:
    mine, trace = tmp_path / "mine.py", tmp_path / "trace.safetensors"
    mine.write_text("import torch\nclass MyLSTM(torch.nn.LSTM):\n    def forward(self, x, hc):\n        ")
    mine.write_text(mine.read_text() + "return super().forward(x, hc)[0]\n")
    assert rnncheck("record", f"{mine}:MyLSTM", "-o", trace).code == 0
    with safe_open(trace, "pt") as file:
        names, metadata = set(file.keys()), file.metadata()
        held = {name: file.get_tensor(name) for name in names}
    assert set(metadata["tensors"].split()) == names
    assert "c_n" not in names
    outcome = rnncheck("compare", "torch", "--against", trace, "--no-witness", "-v")
    assert (outcome.code, "does not return c_n" in " ".join(outcome.stdout.split())) == (0, True), outcome.stderr
    del metadata["tensors"]
    save_file(held, trace, metadata)
    assert "it lacks c_n" in rnncheck("compare", "torch", "--against", trace).stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.pt", "give this file with --weights"),
        ("a.keras", "is by its name a Keras model"),
        ("a.h5", "is by its name an HDF5 file; if Keras wrote it, name its layer"),
        ("a.csv", "it is data, not a layer: give it to rnncheck run"),
        ("a.txt", "is neither a .py file"),
    ],
)
def test_a_file_given_by_mistake_says_what_it_is(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_text("x")
    monkeypatch.chdir(tmp_path)
    for each in (str(path), f"./{name}", *([] if name.endswith(".txt") else [name])):
        with pytest.raises(CannotRun, match=said):
            load(each)


GRU = "import torch\n\n\nclass MyGRU(torch.nn.GRU):\n    pass\n\n\nlayer = torch.nn.GRU(5, 7)\n"


@pytest.mark.parametrize(
    ("candidate", "recorded", "said"),
    [
        (
            "{own}:MyGRU",
            ["--cell", "lstm"],
            "is read as a GRU, and {trace} holds an LSTM; if it is an LSTM, pass --cell",
        ),
        ("{own}:MyGRU", ["--cell", "rnn"], "is read as a GRU, and {trace} holds an RNN"),
        ("{own}:layer", ["--cell", "gru"], "cannot run this: it has input_size 5"),
        ("flax:GRUCell", ["--cell", "lstm"], "flax:GRUCell is a GRU, and {trace} holds an LSTM"),
        ("variant:ligru", ["--cell", "lstm"], "(the options are those of {trace}, which cannot change them)"),
    ],
)
def test_a_layer_of_another_cell_or_size_than_the_trace_is_refused_at_once(
    candidate: str, recorded: list[str], said: str, rnncheck: Callable[..., Any], tmp_path: Path
) -> None:
    if candidate.startswith("flax"):
        pytest.importorskip("flax")
    own, trace = tmp_path / "own.py", tmp_path / "trace.safetensors"
    own.write_text(GRU)
    assert rnncheck("record", "torch", *recorded, "--output", trace).code == 0
    outcome = rnncheck("compare", candidate.format(own=own), "--against", trace)
    assert outcome.code == 4, outcome.stdout
    assert said.format(trace=trace) in outcome.stderr


def test_two_files_of_other_layers_are_told_apart(rnncheck: Callable[..., Any], tmp_path: Path) -> None:
    one, other = tmp_path / "one.safetensors", tmp_path / "other.safetensors"
    rnncheck("record", "torch", "--cell", "gru", "--output", one)
    rnncheck("record", "torch", "--cell", "gru", "--hidden-size", "5", "--output", other)
    outcome = rnncheck("compare", one, "--against", other)
    assert outcome.code == 2
    assert f"{one} holds a layer with hidden_size 4, and {other} one with 5" in outcome.stderr
    assert "a recorded run, which takes no time" in rnncheck("bench", one).stderr
