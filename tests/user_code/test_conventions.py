"""Constructors, options and reports: what a candidate is asked for, refuses, and is said to be."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from user_code.sources import RNN, Write

Command = Callable[..., Any]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("parameters", "arguments"),
    [
        ("self, in_dim, hid_dim", []),
        ("self, n_hidden, n_in", []),
        ("self, alpha, beta", []),
        ("self, hidden_dim, embed_size, output_size=7", []),
        ("self, vocab_size, d_model, dropout=0.5, n_layers=1", []),
        ("self, input_size, hidden_size, flavour", ["--arg", "flavour='sweet'"]),
    ],
)
def test_sizes_are_given_by_what_names_mean(
    rnncheck: Command, write: Write, parameters: str, arguments: list[str]
) -> None:
    names = [each.strip().partition("=")[0] for each in parameters.split(",")][1:]
    hidden = next(
        each for each in names if each in ("hid_dim", "n_hidden", "beta", "hidden_dim", "d_model", "hidden_size")
    )
    size = next(each for each in names if each in ("in_dim", "n_in", "alpha", "embed_size", "vocab_size", "input_size"))
    text = RNN.replace("self, input_size, hidden_size", parameters)
    text = text.replace("self.hidden_size = hidden_size", f"input_size, hidden_size = {size}, {hidden}\n        SET")
    write(text.replace("SET", "self.hidden_size = hidden_size"))
    outcome = rnncheck("compare", "mine.py:MyRNN", "-q", *arguments)
    assert outcome.code == 0, outcome.stderr


def test_what_cannot_be_guessed_is_asked_for(rnncheck: Command, write: Write) -> None:
    write(RNN.replace("self, input_size, hidden_size", "self, input_size, hidden_size, flavour"))
    outcome = rnncheck("compare", "mine.py:MyRNN")
    assert outcome.code == 4
    assert "needs flavour, and rnncheck cannot tell its value from its name" in outcome.stderr
    assert "--arg flavour=VALUE" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["mine.py:MyRNN", "--arg", "hidden_sise=3"], 4, "did you mean hidden_size?"),
        (["mine.py:MyRNN", "--arg", "hidden_size"], 2, "--arg takes NAME=VALUE"),
        (["mine.py:MyRNN", "--arg", "a=1", "--arg", "a=2"], 2, "--arg a is given twice"),
        (["scratch", "--arg", "a=1"], 2, "--arg sets parameters of your own class"),
        (["mine.py:MyRNN", "--num-layers", "2", "--dropout", "0.5"], 4, "has no parameter for dropout"),
        (["mine.py:MyRNN", "--cell", "lstm", "--proj-size", "2"], 4, "has no parameter for proj_size"),
        (["mine.py:MyRNN", "--lengths", "3,2"], 4, "it takes no lengths"),
    ],
)
def test_what_it_cannot_take_is_refused(
    rnncheck: Command, write: Write, arguments: list[str], code: int, said: str
) -> None:
    write(RNN)
    outcome = rnncheck("compare", *arguments)
    assert (outcome.code, outcome.stdout) == (code, "")
    assert said in outcome.stderr


def test_how_it_was_read_is_in_the_report(rnncheck: Command, write: Write) -> None:
    write(RNN)
    facts = json.loads(rnncheck("compare", "mine.py:MyRNN", "--format", "json").stdout)
    assert facts["candidate"]["read_as"] == "a layer (x, h); time first; returns output, h"
    assert facts["candidate"]["location"] == "mine.py:3"
    assert facts["reference"]["read_as"] is None
    assert {each["candidate"] for each in facts["mapping"]} == {
        "x2h.weight",
        "x2h.bias",
        "h2h.weight",
        "h2h.bias",
    }


def test_without_an_initial_state_both_sides_start_from_zeros(rnncheck: Command, write: Write) -> None:
    write(RNN.replace("x, h0=None", "x").replace(" if h0 is None else h0[0]", ""))
    outcome = rnncheck("compare", "mine.py:MyRNN", "--format", "json")
    facts = json.loads(outcome.stdout)
    assert (outcome.code, facts["sequences"]["h0"]) == (0, "zeros")
    assert any("given no initial state" in note for note in facts["notes"])
    assert "grad h0" not in {each["quantity"] for each in facts["comparisons"]}
    assert "lockstep" not in {each["mode"] for each in facts["comparisons"]}


def test_the_states_under_a_head_are_compared(rnncheck: Command, write: Write) -> None:
    head = "self.h2h = nn.Linear(hidden_size, hidden_size)\n        self.out = nn.Linear(hidden_size, 9)"
    text = RNN.replace("self.h2h = nn.Linear(hidden_size, hidden_size)", head)
    write(text.replace("return torch.stack(outputs), h[None]", "return self.out(torch.stack(outputs))"))
    outcome = rnncheck("compare", "mine.py:MyRNN", "--format", "json")
    facts = json.loads(outcome.stdout)
    assert outcome.code == 0
    assert "output read from the input of its module out" in facts["candidate"]["read_as"]
    compared = {each["quantity"]: each["compared"] for each in facts["comparisons"] if each["mode"] == "free"}
    assert compared["output"] == 12 * 3 * 4


@pytest.mark.slow  # one of many wrong layers
def test_a_wrong_layer_is_a_mismatch_however_it_is_called(rnncheck: Command, write: Write) -> None:
    write(RNN.replace("+ self.h2h(h)", "+ 2 * self.h2h(h)"))
    assert rnncheck("compare", "mine.py:MyRNN", "-q", "--no-diagnose").code == 1


@pytest.mark.slow
def test_long_data_goes_through_in_chunks(rnncheck: Command, write: Write) -> None:
    write(RNN)
    outcome = rnncheck(
        "compare", "mine.py:MyRNN", "--seq-len", "5000", "--no-backward", "--no-witness", "--format", "json"
    )
    assert outcome.code == 0
    assert json.loads(outcome.stdout)["sequences"]["shape"][0] == 5000


def test_a_head_of_ours_goes_on_top(rnncheck: Command, write: Write) -> None:
    write(RNN)
    outcome = rnncheck("compare", "mine.py:MyRNN", "--head", "softmax", "--format", "json")
    assert outcome.code == 0
    assert "y" in {each["quantity"] for each in json.loads(outcome.stdout)["comparisons"]}
