"""Candidates that are filled by a `load_torch_weights` of their own."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from user_code.sources import RNN, Write

Command = Callable[..., Any]
FUNCTION = (
    "\ndef load_torch_weights(module, state_dict):\n"
    "    print('filling')\n"
    "    module.x2h.weight.copy_(state_dict['weight_ih_l0'])\n"
    "    module.h2h.weight.data = state_dict['weight_hh_l0']\n"
    "    module.x2h.bias.copy_(state_dict['bias_ih_l0'] + state_dict['bias_hh_l0'])\n"
    "    module.h2h.bias.zero_()\n"
)
METHOD = (
    "    def load_torch_weights(self, state_dict):\n"
    "        self.x2h.load_state_dict({'weight': state_dict['weight_ih_l0'], 'bias': state_dict['bias_ih_l0']})\n"
    "        self.h2h.load_state_dict({'weight': state_dict['weight_hh_l0'], 'bias': state_dict['bias_hh_l0']})\n"
)


@pytest.mark.sample(3)
@pytest.mark.parametrize("text", [RNN + FUNCTION, RNN + METHOD], ids=["a function of the file", "a method"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_candidate_that_loads_torch_s_weights_itself_is_filled_so(
    rnncheck: Command, write: Write, text: str, dtype: str
) -> None:
    write(text)
    outcome = rnncheck("compare", "mine.py:MyRNN", "--format", "json", "--dtype", dtype)
    report = json.loads(outcome.stdout)
    assert (outcome.code, report["findings"]) == (0, [])
    assert {(each["candidate"], each["how"]) for each in report["mapping"]} == {("load_torch_weights", "own")}
    assert [each["from"] for each in report["mapping"]] == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    backward = {each["quantity"] for each in report["comparisons"] if each["mode"] == "backward"}
    assert len(backward) == 2  # by x and h0


def test_the_screen_says_who_filled_it(rnncheck: Command, write: Write) -> None:
    write(RNN + FUNCTION)
    screen = " ".join(rnncheck("compare", "mine.py:MyRNN", "-v").stdout.split())
    assert "filled by its own load_torch_weights, proved by changing each weight alone" in screen
    assert "read back from the reference bit for bit" in screen
    assert "weight gradients are not compared: load_torch_weights copies the weights" in screen


@pytest.mark.slow
@pytest.mark.explained
def test_it_wins_over_all_guessing_even_where_it_is_wrong(rnncheck: Command, write: Write) -> None:
    write(RNN + FUNCTION.replace("state_dict['weight_hh_l0']", "state_dict['weight_hh_l0'].T"))
    report = json.loads(rnncheck("compare", "mine.py:MyRNN", "--format", "json").stdout)
    assert report["verdict"] == "mismatch"
    assert [each["slug"] for each in report["findings"]] == ["recurrent-weight-transposed"]


def test_a_mapping_that_is_given_goes_before_it(rnncheck: Command, write: Write) -> None:
    folder = write(RNN).parent
    assert rnncheck("compare", "mine.py:MyRNN", "--save-mapping", "m.toml", "-q").code == 0
    write(RNN + FUNCTION.replace("weight_ih_l0", "no such weight"))
    assert rnncheck("compare", "mine.py:MyRNN", "--mapping", "m.toml", "-q").code == 0
    refused = rnncheck("compare", "mine.py:MyRNN", "--save-mapping", folder / "n.toml")
    assert refused.code == 4
    assert not (folder / "n.toml").exists()


@pytest.mark.slow
@pytest.mark.explained
def test_a_weight_that_it_forgets_is_found(rnncheck: Command, write: Write) -> None:
    write(RNN + FUNCTION.replace("state_dict['bias_ih_l0'] + ", ""))
    report = json.loads(rnncheck("compare", "mine.py:MyRNN", "--format", "json").stdout)
    said = "bias_ih_l0, set by load_torch_weights, does not change what the candidate computes."
    assert report["verdict"] == "mismatch"
    assert said in [each["message"] for each in report["findings"] if each["slug"] == "dead-parameter"]


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (RNN + "\ndef load_torch_weights(module, state_dict):\n    pass\n", "its load_torch_weights has no effect"),
        (RNN + FUNCTION.replace("['weight_ih_l0']", "['weights']"), "mine.py:19 in load_torch_weights: KeyError"),
        (RNN + "\ndef load_torch_weights(module):\n    pass\n", "load_torch_weights failed: TypeError"),
    ],
)
def test_what_goes_wrong_in_it_is_told(rnncheck: Command, write: Write, text: str, said: str) -> None:
    write(text)
    outcome = rnncheck("compare", "mine.py:MyRNN")
    assert (outcome.code, outcome.stdout) == (4, "")
    assert said in outcome.stderr


def test_there_is_no_mapping_to_save(rnncheck: Command, write: Write) -> None:
    write(RNN + FUNCTION)
    outcome = rnncheck("compare", "mine.py:MyRNN", "--save-mapping", "m.toml")
    assert outcome.code == 4
    assert "filled by its own load_torch_weights" in outcome.stderr
