"""Mappings that are saved and given: taken at their word, proved, and refused where they do not fit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from user_code.sources import HEAD, RNN, Write

Command = Callable[..., Any]

LSTM = HEAD + (
    "class MyLSTM(nn.Module):\n"
    "    def __init__(self, nx, nh):\n"
    "        super().__init__()\n"
    "        self.gates = nn.Linear(nx + nh, 4 * nh)\n"
    "    def forward(self, x, state):\n"
    "        h, c = state\n"
    "        i, o, f, g = self.gates(torch.cat([x, h], 1)).chunk(4, 1)\n"
    "        c = f.sigmoid() * c + i.sigmoid() * g.tanh()\n"
    "        return o.sigmoid() * c.tanh(), c\n"
)
COMPARE = ("compare", "mine.py:MyLSTM", "--cell", "lstm", "--no-witness")
ROWS = "[i,o,f,g]"


def test_a_mapping_that_was_saved_is_taken_when_it_is_given(rnncheck: Command, write: Write) -> None:
    folder = write(LSTM).parent
    found = json.loads(rnncheck(*COMPARE, "--save-mapping", "m.toml", "--format", "json").stdout)
    saved = (folder / "m.toml").read_text()
    assert f'"gates.bias" = "bias_ih_l0{ROWS} + bias_hh_l0{ROWS}"' in saved
    given = json.loads(rnncheck(*COMPARE, "--mapping", "m.toml", "--save-mapping", "n.toml", "--format", "json").stdout)
    assert [each["how"] for each in found["mapping"]] == ["gradient", "gradient"]
    assert [each["how"] for each in given["mapping"]] == ["given", "given"]
    assert [each["from"] for each in given["mapping"]] == [each["from"] for each in found["mapping"]]
    assert [each["shape"] for each in given["mapping"]] == [[16, 7], [16]]
    assert given["comparisons"] == found["comparisons"]
    assert given["conventions"] == ["its gate order is i, o, f, g"]
    assert (folder / "n.toml").read_text() == saved


def test_the_own_gate_order_stands_in_the_verdict(rnncheck: Command, write: Write) -> None:
    write(LSTM)
    line = rnncheck(*COMPARE, "-q").stdout
    assert line.startswith("equivalent: MyLSTM computes the same LSTM as torch (its gate order is i, o, f, g); ")


@pytest.mark.slow
@pytest.mark.explained
def test_a_wrong_mapping_that_is_given_is_a_mismatch_and_not_put_right(rnncheck: Command, write: Write) -> None:
    folder = write(LSTM).parent
    assert rnncheck(*COMPARE, "--save-mapping", "m.toml", "-q").code == 0
    (folder / "m.toml").write_text((folder / "m.toml").read_text().replace(ROWS, "[i,f,g,o]"))
    outcome = rnncheck(*COMPARE, "--mapping", "m.toml", "--format", "json")
    report = json.loads(outcome.stdout)
    assert outcome.code == 1
    assert report["findings"][0]["slug"] == "gate-order"
    assert [each["from"] for each in report["mapping"]][1] == "bias_ih_l0[i,f,g,o] + bias_hh_l0[i,f,g,o]"


@pytest.mark.slow
@pytest.mark.explained
def test_what_a_given_mapping_leaves_without_effect_is_found(rnncheck: Command, write: Write) -> None:
    dead = RNN.replace("        self.h2h", "        self.spare = nn.Linear(hidden_size, hidden_size)\n        self.h2h")
    folder = write(dead).parent
    assert rnncheck("compare", "mine.py:MyRNN", "--save-mapping", "m.toml", "-q").code == 0
    text = (folder / "m.toml").read_text()
    text = text.replace('"h2h.weight" = "weight_hh_l0"', '"h2h.weight" = "zeros"')
    (folder / "m.toml").write_text(text.replace('"spare.weight" = "unused"', '"spare.weight" = "weight_hh_l0"'))
    report = json.loads(rnncheck("compare", "mine.py:MyRNN", "--mapping", "m.toml", "--format", "json").stdout)
    dead_ones = [each["message"] for each in report["findings"] if each["slug"] == "dead-parameter"]
    assert dead_ones == ["spare.weight does not affect the output: other values of weight_hh_l0 change nothing."]


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((f"weight_ih_l0{ROWS}", "weight_ih_l0[i,x]"), "m.toml: gates.weight, column 20: expected"),
        (("bias_ih_l0[i,o,f,g]", "bias_ih_l0[i]"), "m.toml: gates.bias cannot hold bias_ih_l0[i] + bias_hh_l0"),
        ((f", weight_hh_l0{ROWS}, dim=1", ", dim=1"), "m.toml: no expression contains weight_hh_l0"),
        (('"gates.bias"', '"gate.bias"'), 'm.toml: it has no entry for gates.bias; "unused" leaves'),
        (
            ('"gates.bias"', '"own" = "unused"\n"gates.bias"'),
            "m.toml: the candidate has no tensor own; it has gates.weight, gates.bias",
        ),
        (('cell = "lstm"', 'cell = "gru"'), "m.toml: it is for the cell gru"),
    ],
)
def test_a_mapping_that_does_not_fit_says_where(
    rnncheck: Command, write: Write, change: tuple[str, str], said: str
) -> None:
    path = write(LSTM).parent / "m.toml"
    rnncheck(*COMPARE, "--save-mapping", "m.toml", "-q")
    assert change[0] in path.read_text()
    path.write_text(path.read_text().replace(*change))
    outcome = rnncheck(*COMPARE, "--mapping", "m.toml")
    assert (outcome.code, outcome.stdout) == (4, "")
    assert said in outcome.stderr
    assert "leave --mapping out" in outcome.stderr
    assert "adapt" not in outcome.stderr  # no wrapper mends a file


@pytest.mark.parametrize("option", ["--mapping", "--save-mapping"])
@pytest.mark.parametrize("candidate", ["scratch", "torch", "fault:no-recurrence"])
def test_a_built_in_candidate_has_no_mapping(rnncheck: Command, write: Write, candidate: str, option: str) -> None:
    write(LSTM)
    outcome = rnncheck("compare", candidate, "--against", "mine.py:MyLSTM", option, "m.toml")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"{candidate} already names its weights as torch does" in outcome.stderr
    assert not Path("m.toml").exists()


def test_a_mapping_is_not_replaced_by_what_is_found_elsewhere(rnncheck: Command, write: Write) -> None:
    write(LSTM)
    rnncheck(*COMPARE, "--save-mapping", "m.toml", "-q")
    for option in ("--save-mapping", "--output", "--save-weights"):
        outcome = rnncheck(*COMPARE, "--mapping", "m.toml", option, "m.toml")
        assert outcome.code == 2
        assert "write to another file" in outcome.stderr
    assert rnncheck(*COMPARE, "--save-mapping", "no/such/folder/m.toml").code == 4


def test_run_takes_a_mapping_too(rnncheck: Command, write: Write) -> None:
    write(LSTM)
    Path("data.csv").write_text("a,b\n1,2\n3,5\n4,4\n")
    run = ("run", "data.csv", "mine.py:MyLSTM", "--cell", "lstm", "-q", "--no-witness", "--no-diagnose")
    assert rnncheck(*run, "--save-mapping", "m.toml").code == 0
    assert rnncheck(*run, "--mapping", "m.toml").code == 0
    Path("m.toml").write_text(Path("m.toml").read_text().replace(ROWS, "[f,o,i,g]"))
    assert rnncheck(*run, "--mapping", "m.toml").code == 1


def test_what_it_has_no_place_for_stands_beside_the_verdict(rnncheck: Command) -> None:
    example = Path(__file__).parents[2] / "examples" / "candidates" / "one_bias_gru.py"
    outcome = rnncheck("compare", f"{example}:OneBiasGRU", "--cell", "gru", "-q")
    assert outcome.code == 0
    assert "; note that it has no tensor for bias_hh_l0[n], which is zero on both" in outcome.stdout
