"""Every option of compare and run takes effect, and what no layer can have is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def report(rnncheck: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """The JSON report of a command that must find both sides equivalent; what the witness says is not looked at."""

    def made(*arguments: object) -> dict[str, Any]:
        outcome = rnncheck(*arguments, "--no-witness", "--format", "json")
        assert outcome.code == 0, outcome.stderr
        return json.loads(outcome.stdout)

    return made


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text("name,a,b\nx,1,2.5\nx,3,4\ny,5,6\n")
    return path


SPEC_OPTIONS = [
    (["--cell", "LSTM"], {"cell": "lstm"}),
    (["--cell", "gru", "--num-layers", "2"], {"cell": "gru", "num_layers": 2}),
    (["--nonlinearity", "relu"], {"nonlinearity": "relu"}),
    ([], {"nonlinearity": "tanh", "bias": True, "batch_first": False, "bidirectional": False, "device": "cpu"}),
    (["--hidden-size", "7"], {"hidden_size": 7}),
    (["--input-size", "5"], {"input_size": 5}),
    (["--no-bias"], {"bias": False}),
    (["--bidirectional"], {"bidirectional": True}),
    (["--cell", "lstm", "--proj-size", "2"], {"proj_size": 2}),
    (["--num-layers", "2", "--dropout", "0.5"], {"dropout": 0.5}),
    (["--batch-first"], {"batch_first": True}),
    (["--head", "softmax"], {"head": "softmax"}),
    (["--dtype", "float64"], {"dtype": "float64"}),
    (["--dtype", "bfloat16"], {"dtype": "bfloat16"}),
    (["-d", "cpu"], {"device": "cpu"}),
]


@pytest.mark.sample(8)
@pytest.mark.parametrize(("arguments", "expected"), SPEC_OPTIONS, ids=lambda value: " ".join(value) or "defaults")
def test_model_options_reach_the_spec(
    report: Callable[..., dict[str, Any]], arguments: list[str], expected: dict[str, object]
) -> None:
    spec = report("compare", *arguments)["spec"]
    assert {name: spec[name] for name in expected} == expected


@pytest.mark.paths
def test_the_defaults_hide_no_bug(rnncheck: Callable[..., Any]) -> None:
    facts = json.loads(rnncheck("compare", "--format", "json").stdout)
    seq_len, batch_size, input_size = facts["sequences"]["shape"]
    sizes = [seq_len, batch_size, input_size, facts["spec"]["hidden_size"]]
    assert min(sizes) > 1
    assert facts["sequences"]["h0"] == "random"
    assert facts["notes"] == []
    assert seq_len != batch_size
    assert input_size != facts["spec"]["hidden_size"]


def test_every_quantity_of_an_lstm_with_a_head_is_compared(report: Callable[..., dict[str, Any]]) -> None:
    facts = report("compare", "--cell", "lstm", "--head", "softmax", "--num-layers", "2")
    compared = {mode: {} for mode in ("free", "lockstep", "backward", "backward float64")}
    for each in facts["comparisons"]:
        if each["mode"] in compared:
            compared[each["mode"]][each["quantity"]] = each["compared"]
    assert compared["free"] == {"output": 12 * 3 * 4, "h_n": 2 * 3 * 4, "c_n": 2 * 3 * 4, "y": 12 * 3 * 4}
    assert compared["lockstep"] == {"h": 2 * 12 * 3 * 4, "c": 2 * 12 * 3 * 4}


@pytest.mark.parametrize(
    ("arguments", "shape", "lengths"),
    [
        (["--seq-len", "5", "--batch-size", "2"], [5, 2, 3], None),
        (["--lengths", "7,5,2"], [7, 3, 3], [7, 5, 2]),
        (["--lengths", "2, 7", "--seq-len", "9"], [9, 2, 3], [2, 7]),
    ],
)
def test_random_data_has_the_shape_asked_for(
    report: Callable[..., dict[str, Any]], arguments: list[str], shape: list[int], lengths: list[int] | None
) -> None:
    sequences = report("compare", *arguments)["sequences"]
    assert (sequences["shape"], sequences["lengths"]) == (shape, lengths)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "changed",
    [
        ["--seed", "1"],
        ["--init", "uniform"],
        ["--h0", "zeros"],
        ["--weight-scale", "3"],
        ["--nonlinearity", "relu"],
        ["--no-bias"],
    ],
    ids=" ".join,
)
def test_options_that_change_the_numbers_change_the_states(
    report: Callable[..., dict[str, Any]], changed: list[str]
) -> None:
    def states(facts: dict[str, Any]) -> list[list[float]]:
        return [step["reference"] for step in facts["comparisons"][0]["per_timestep"]]

    assert states(report("compare")) != states(report("compare", *changed))
    assert states(report("compare", *changed)) == states(report("compare", *changed))


def test_any_implementation_is_held_against_any(report: Callable[..., dict[str, Any]]) -> None:
    facts = report("compare", "numpy", "--against", "scratch")
    assert (facts["candidate"]["name"], facts["reference"]["name"]) == ("numpy", "scratch")


def test_a_stated_tolerance_replaces_the_envelope(
    rnncheck: Callable[..., Any], report: Callable[..., dict[str, Any]]
) -> None:
    by_default = report("compare")["tolerance"]
    assert (by_default["kind"], by_default["atol"], by_default["horizon"], by_default["extent"]) == (
        "envelope",
        None,
        12,
        12,
    )
    stated = report("compare", "--rtol", "1e-3")
    assert (stated["tolerance"]["kind"], stated["tolerance"]["atol"], stated["tolerance"]["rtol"]) == (
        "stated",
        0.0,
        1e-3,
    )
    outcome = rnncheck("compare", "--atol", "0", "--hidden-size", "64", "--seq-len", "50")
    assert outcome.code == 1


@pytest.mark.parametrize(("arguments", "modes"), [([], {"free", "lockstep"}), (["--no-lockstep"], {"free"})])
def test_every_step_is_judged_by_itself_unless_that_is_declined(
    report: Callable[..., dict[str, Any]], arguments: list[str], modes: set[str]
) -> None:
    told = {each["mode"] for each in report("compare", *arguments)["comparisons"]}
    assert told & {"free", "lockstep"} == modes


@pytest.mark.parametrize(("rows", "shown"), [("0", 0), ("4", 4), ("30", 30), ("all", 100)])
def test_rows_are_how_many_timesteps_are_shown(report: Callable[..., dict[str, Any]], rows: str, shown: int) -> None:
    facts = report("compare", "--seq-len", "100", "--rows", rows)
    assert len(facts["comparisons"][0]["per_timestep"]) == shown


def test_weights_saved_and_given_again_give_the_same_run(report: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    saved = report("compare", "--cell", "gru", "--save-weights", path)
    given = report("compare", "--cell", "gru", "--weights", path)
    assert given["weights"]["source"] == str(path)
    assert given["comparisons"] == saved["comparisons"]


def test_an_output_file_gets_the_report_and_quiet_leaves_the_verdict(
    rnncheck: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    outcome = rnncheck("compare", "--format", "json", "-o", path, "-q")
    assert json.loads(path.read_text())["verdict"] == "equivalent"
    assert outcome.stdout.count("\n") == 1
    assert "equivalent" in outcome.stdout
    assert rnncheck("compare", "-o", path).stdout == ""
    assert "equivalent" in path.read_text().splitlines()[0]


def test_json_and_the_verdict_line_alone_cannot_both_be_on_stdout(rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("compare", "-q", "--format", "json")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "add --output FILE" in outcome.stderr


def test_file_options_reach_the_reader(report: Callable[..., dict[str, Any]], data: Path) -> None:
    assert report("run", data, "--columns", "b,a")["sequences"]["shape"] == [3, 1, 2]
    assert report("run", data, "--drop", "name", "--window", "2", "--stride", "1")["sequences"]["shape"] == [2, 2, 2]
    grouped = report("run", data, "--sequence-id", "name")
    assert (grouped["sequences"]["shape"], grouped["sequences"]["lengths"]) == ([2, 2, 2], [2, 1])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--hidden-size", "0"], "hidden_size is 0; it must be at least 1"),
        (["--hidden-size", "2.5"], "--hidden-size"),
        (["--num-layers", "0"], "num_layers is 0"),
        (["--input-size", "0"], "input_size is 0"),
        (
            ["--cell", "lstm", "--proj-size", "4"],
            "proj_size is 4; it must be at least 0 and smaller than hidden_size, 4",
        ),
        (["--cell", "gru", "--proj-size", "2"], "proj_size is for the lstm cell only"),
        (["--cell", "gru", "--nonlinearity", "relu"], "nonlinearity is for the rnn cell only"),
        (["--dropout", "0.5"], "raise num_layers"),
        (["--dropout", "1", "--num-layers", "2"], "below 1"),
        (["--device", "gpu"], "cpu, cuda, cuda:N"),
        (["--lengths", "3,0"], "whole numbers from 1"),
        (["--lengths", "3,2", "--batch-size", "3"], "--lengths has 2 numbers and --batch-size is 3"),
        (["--lengths", "3,2", "--seq-len", "2"], "raise --seq-len"),
        (["--rows", "-1"], "a number, or all"),
        (["--seed", "-1"], "--seed"),
        (["--atol", "-1"], "--atol"),
        (["--weight-scale", "nan"], "--weight-scale"),
        (["--read-seconds", "nan"], "--read-seconds"),
        (["--timeout", "inf"], "--timeout"),
        (["--seq-len", "0"], "--seq-len"),
        (["--cell", "elman"], "'rnn', 'lstm', 'gru'"),
        (["tourch"], "did you mean torch?"),
        (["--paths", "none,default"], "--paths is 'none,default'; 'none' cannot be combined with other paths"),
        (["--against", "keras"], "there are scratch, torch, numpy"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_impossible_command_is_exit_2_and_says_what_was_allowed(
    rnncheck: Callable[..., Any], arguments: list[str], said: str
) -> None:
    outcome = rnncheck("compare", *arguments)
    assert outcome.code == 2
    assert outcome.stdout == ""
    assert said in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_columns_that_do_not_fit_the_input_size_asked_for_are_exit_4(rnncheck: Callable[..., Any], data: Path) -> None:
    outcome = rnncheck("run", data, "--drop", "name", "--input-size", "3")
    assert outcome.code == 4
    assert "2 columns and --input-size is 3" in outcome.stderr


def test_an_implementation_that_lacks_an_option_refuses_it(rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("compare", "numpy", "--dtype", "bfloat16")
    assert outcome.code == 4
    assert "numpy cannot run this" in outcome.stderr
    assert "float64 or float32" in outcome.stderr


def test_what_is_read_is_not_replaced_by_what_is_written(rnncheck: Callable[..., Any], data: Path) -> None:
    before = data.read_bytes()
    for option in ("--output", "--save-weights"):
        outcome = rnncheck("run", data, "--drop", "name", option, data)
        assert outcome.code == 2
        assert "write to another file" in outcome.stderr
    assert data.read_bytes() == before


def test_weights_that_no_machine_holds_are_exit_4(rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("compare", "--input-size", "99999999999")
    assert outcome.code == 4
    assert "choose smaller sizes" in outcome.stderr


def test_gradients_are_compared_unless_told_otherwise(report: Callable[..., dict[str, Any]]) -> None:
    def modes(*arguments: str) -> set[str]:
        return {each["mode"] for each in report("compare", *arguments)["comparisons"]}

    assert modes() == {"free", "lockstep", "backward", "backward float64"}
    assert modes("--no-backward") == {"free", "lockstep"}
    assert modes("--no-backward", "--no-lockstep") == {"free"}
    assert modes("--backward", "--dtype", "float64") == {"free", "lockstep", "backward"}


def test_gradients_that_were_asked_for_and_cannot_be_had_are_refused(rnncheck: Callable[..., Any]) -> None:
    assert rnncheck("compare", "numpy").code == 0
    outcome = rnncheck("compare", "numpy", "--backward")
    assert outcome.code == 4
    assert "cannot be differentiated; leave --backward out" in outcome.stderr
