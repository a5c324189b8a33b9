"""`exec:COMMAND`: a program in another language keeps the rules of the kit; its mistakes are told in plain words."""

import json
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import EXAMPLES, compiled
from implementations.cases import CASES, Case
from implementations.conformance import RULES, refusal, run

from rnncheck.envelope import rounding_of
from rnncheck.errors import CannotRun, UsageError
from rnncheck.evidence.gradients import backward_comparisons
from rnncheck.implementations import check_name, load
from rnncheck.model import trace_file, trace_metadata
from rnncheck.model.spec import Cell, Dtype, Spec

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "trace.schema.json").read_text())
NUMPY_RNN = f"exec:{sys.executable} {EXAMPLES / 'rnn.py'} {{inputs}} {{outputs}}"


@pytest.fixture(scope="module")
def cpp(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The LSTM in C++."""
    program = tmp_path_factory.mktemp("cpp") / "lstm"
    if not compiled(EXAMPLES / "lstm.cpp", program):
        pytest.skip("no C++ compiler here")
    return f"exec:{program} {{inputs}} {{outputs}}"


@pytest.mark.slow
def test_a_program_in_cpp_keeps_every_rule_or_says_what_it_lacks(cpp: str) -> None:
    lstm, kept, refused = load(cpp), 0, set()
    with torch.no_grad():
        for case in (*CASES, *(case.at(Dtype.FLOAT32) for case in CASES[4:6])):
            if reason := refusal(lstm, case):
                refused.add(reason)
                continue
            kept += 1
            for rule in RULES:
                rule(lstm, case)
    assert kept == 6
    assert refused == {
        "it is an LSTM and no rnn",
        "it is an LSTM and no gru",
        "a command computes only the recurrent layer; leave --head out",
    }
    assert refusal(lstm, CASES[4].at(Dtype.BFLOAT16)) == "it computes in float32 and float64 and has no BF16"
    assert refusal(lstm, Case(Spec(cell=Cell.LSTM, proj_size=2))) == "it has no projection"
    assert "rnncheck cannot run it on cuda" in str(refusal(lstm, Case(Spec(cell=Cell.LSTM, device="cuda"))))


def test_a_program_may_yield_gradients_and_rnncheck_compares_them() -> None:
    case = CASES[0]
    layers = (load(name).build(case.spec, case.weights()) for name in (NUMPY_RNN, "torch"))
    data, rounding = (case.x(), case.state(), case.lengths), rounding_of(case.spec)
    found = backward_comparisons(case.spec, case.weights(), *layers, *data, held=rounding).comparisons
    gradients = {"x", "h0", "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}
    assert {each.quantity for each in found if each.agrees and each.compared} == {f"grad {name}" for name in gradients}


def test_a_program_in_javascript_is_a_gru(rnncheck: Callable[..., Any]) -> None:
    if not shutil.which("node"):
        pytest.skip("no node here")
    gru, case = load(f"exec:node {EXAMPLES / 'gru.js'} {{inputs}} {{outputs}}"), CASES[6]
    assert refusal(gru, case) is None
    torch.testing.assert_close(run(gru, case).output, run(load("torch"), case).output)
    assert "float64 alone" in str(refusal(gru, case.at(Dtype.FLOAT32)))


def shell(script: str) -> str:
    """A command that is given both files and pays no heed to them, or as $0 and $1."""
    return f"exec:sh -c '{script}' {{inputs}} {{outputs}}"


FAILURES = {
    "ends with a status of its own": (shell("echo broken >&2; exit 3"), r"ended with status 3, and said:\n    broken"),
    "says nothing": (shell("exit 1"), "ended with status 1 and wrote nothing to stderr"),
    "is killed": (shell("kill -SEGV $$"), "was ended by SIGSEGV"),
    "writes nothing": (shell("true"), "ended without writing {outputs}"),
    "writes no tensors": (shell("echo hello > $1"), "cannot be read: {outputs} is cut short"),
    "writes something else": ("exec:cp {inputs} {outputs}", "did not write output and h_n; {outputs} holds "),
    "colours its mistakes": (shell('printf "\\033[31mred" >&2; exit 3'), r"\x1b[31mred"),
}  # fmt: skip


@pytest.mark.parametrize("failure", FAILURES)
def test_a_command_that(failure: str) -> None:
    command, said = FAILURES[failure]
    with pytest.raises(CannotRun) as raised:
        load(command).refuses(Spec())
    assert said.replace(r"\n", "\n") in str(raised.value)


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started() -> None:
    before = time.monotonic()
    with pytest.raises(CannotRun, match=r"did not end within 0\.2 s; --timeout S gives it more time"):
        load(shell("sleep 30 & sleep 30"), timeout=0.2).refuses(Spec())
    assert time.monotonic() - before < 10


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (torch.full((12, 3, 4), torch.nan), "finite on one side only"),
        (torch.zeros(3, 12, 4), "the candidate's shape is (3, 12, 4), the reference's (12, 3, 4)"),
        (torch.zeros(12, 3, 4).double(), "the candidate's dtype is float64, the reference's float32"),
    ],
    ids=["NaN", "another shape", "another dtype"],
)
def test_wrong_results_are_a_mismatch(
    output: torch.Tensor, said: str, tmp_path: Path, rnncheck: Callable[..., Any]
) -> None:
    made = tmp_path / "made.safetensors"
    made.write_bytes(trace_file.encode({"output": output, "h_n": torch.zeros(1, 3, 4)}, {}))
    outcome = rnncheck("compare", f"exec:sh -c 'cp {made} $1' {{inputs}} {{outputs}}", "--no-diagnose")
    assert outcome.code == 1, outcome.stderr
    assert said in re.sub(r"\s+", " ", outcome.stdout)


def test_some_gradients_without_the_others_are_an_error(tmp_path: Path, rnncheck: Callable[..., Any]) -> None:
    made = tmp_path / "made.safetensors"
    tensors = {"output": torch.zeros(12, 3, 4), "h_n": torch.zeros(1, 3, 4), "grad.x": torch.zeros(12, 3, 3)}
    made.write_bytes(trace_file.encode(tensors, {}))
    outcome = rnncheck("compare", f"exec:sh -c 'cp {made} $1' {{inputs}} {{outputs}}")
    assert outcome.code == 4
    assert "wrote some gradients but not grad.h0, grad.weight_ih_l0" in outcome.stderr


@pytest.mark.parametrize(
    ("command", "problem", "said"),
    [
        ("exec:", UsageError, "lacks {inputs} and {outputs}"),
        ("exec:cat {inputs}", UsageError, "lacks {outputs}; write it as in 'exec:./my_lstm {inputs} {outputs}'"),
        ("exec:cat 'x {inputs} {outputs}", UsageError, "cannot be split into words: No closing quotation"),
        ("exec:./no_such_lstm {inputs} {outputs}", CannotRun, "./no_such_lstm is not a program that can be run here"),
    ],
)
def test_what_is_no_command_is_told_before_anything_runs(command: str, problem: type[Exception], said: str) -> None:
    with pytest.raises(problem) as raised:
        check_name(command)
    assert said in str(raised.value)


SPECS = [case.spec for case in CASES] + [Spec(dtype=Dtype.BFLOAT16), Spec(device="cuda:1")]


@pytest.mark.parametrize("spec", dict.fromkeys(SPECS), ids=str)
def test_the_metadata_are_as_the_schema_says_and_lead_back_to_the_spec(spec: Spec) -> None:
    metadata = trace_metadata.metadata_of(spec)
    assert set(SCHEMA["required"]) <= metadata.keys() <= SCHEMA["properties"].keys()
    for name, value in metadata.items():
        rule = SCHEMA["properties"][name]
        assert value in rule.get("enum", [rule.get("const", value)])
        assert re.search(rule.get("pattern", ""), value)
    assert trace_metadata.spec_in(metadata, "file") == spec


def test_files_are_removed_after_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(CannotRun):
        load(shell("exit 1")).refuses(Spec())
    assert list(tmp_path.iterdir()) == []


def test_a_gradient_of_another_shape_is_an_error(tmp_path: Path, rnncheck: Callable[..., Any]) -> None:
    made = tmp_path / "made.safetensors"
    shapes = {"x": (2, 2, 3), "h0": (1, 2, 4), **Spec().recurrent_shapes(), "weight_ih_l0": (3, 4)}
    gradients = {f"grad.{name}": torch.zeros(shape) for name, shape in shapes.items()}
    made.write_bytes(trace_file.encode({"output": torch.zeros(2, 2, 4), "h_n": torch.zeros(1, 2, 4), **gradients}, {}))
    outcome = rnncheck("compare", f"exec:sh -c 'cp {made} $1' {{inputs}} {{outputs}}")
    assert outcome.code == 4
    assert "wrote grad.weight_ih_l0 with the shape (3, 4); weight_ih_l0 has the shape (4, 3)" in outcome.stderr
