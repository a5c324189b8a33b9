"""A wrapper is written as far as can be found out; completed, it is compared like any layer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from adapt.strangers import CONFIGURED, GIVEN_WEIGHTS, HEAD, HOMEWORK, KERNEL, OWN_STATE, TRANSLATOR
from user_code.sources import RNN

Command = Callable[..., Any]
QUICK = ["--no-diagnose", "--no-witness"]
FUSED = (
    "        W, b = np.hstack([self.weight_hh_l0, self.weight_ih_l0]), (self.bias_ih_l0 + self.bias_hh_l0)[:, None]\n"
)
ROWS = {gate: f"[{n} * len(h[0].T) : {n + 1} * len(h[0].T)]" for n, gate in enumerate("ifco")}

# The target, its cell, and for each line that has to be put right: what is in it, and what it becomes.
COMPLETED = {
    "a configuration": (
        CONFIGURED,
        "ConfiguredRNN",
        "rnn",
        {
            "each of its fields": '            Settings(input_size, hidden_size, "plain"),',
            "it is forward": "        result = self.inner(x, hidden=h[0])",
        },
        {"hidden = torch.tanh": "hidden = torch.relu"},
    ),
    "a dict of arrays, and caches": (
        HOMEWORK,
        "lstm_forward",
        "lstm",
        {
            "h, c = state": "        h, c = state\n" + FUSED,
            "a0=": "            a0=h[0].T,",
            "c0=": "            c0=c[0].T,",
            "            x,": "            x.transpose(2, 1, 0),",
            **{f'"W{gate}"': f'                "W{gate}": W{rows},' for gate, rows in ROWS.items()},
            **{f'"b{gate}"': f'                "b{gate}": b{rows},' for gate, rows in ROWS.items()},
            "it returns": "        output = result[0].transpose(2, 1, 0)\n"
            "        h_n, c_n = output[-1:], result[1].transpose(2, 1, 0)[-1:]",
        },
        {"ft * c_prev": "c_prev"},
    ),
    "a state of its own class": (
        OWN_STATE,
        "MemoryLSTM",
        "lstm",
        {
            "it is forward": "        result = self.inner(x.transpose(0, 1), memory=Memory(short=h[0], cell=c[0]))",
            "it returns": "        output = result[0].transpose(0, 1)\n"
            "        h_n, c_n = result[1].short[None], result[1].cell[None]",
        },
        {"i.sigmoid() * g": "i.sigmoid() * i"},
    ),
    "gates of x made by the caller": (
        KERNEL,
        "gru_kernel",
        "gru",
        {
            "h = state": "        h, H = state[0], state.shape[-1]\n"
            "        b = torch.cat([(self.bias_ih_l0 + self.bias_hh_l0)[: 2 * H], self.bias_ih_l0[2 * H :]])",
            "            x,": "            nn.functional.linear(x, self.weight_ih_l0, b),",
            'todo("R")': "            R=self.weight_hh_l0.T,",
            'todo("bn")': "            bn=self.bias_hh_l0[2 * H :],",
            "it returns": '        output, h_n = result["states"], result["last"][None]',
        },
        {"(1 - z) *": "z *", "+ z * state": "+ (1 - z) * state"},
    ),
    "weights given to the constructor": (
        GIVEN_WEIGHTS,
        "GivenRNN",
        "rnn",
        {
            'todo("Wx")': "            Wx=np.ones((input_size, hidden_size)),",
            'todo("Wh")': "            Wh=np.ones((hidden_size, hidden_size)),",
            'todo("b")': "            b=np.ones(hidden_size),",
            "it is forward": "        result = self.inner.forward(x, h0=h[0])",
        },
        {"np.tanh": "np.sin"},
    ),
    "one of several layers": (
        TRANSLATOR,
        "Translator",
        "gru",
        {
            "self.inner = whole": "        self.inner = whole.encoder",
            "it is forward": "        result = self.inner(x.transpose(0, 1), h)",
            "it returns": "        output, h_n = result\n        output = output.transpose(0, 1)",
            "return output": "        return output, h_n",
        },
        {},
    ),
}


def completed(text: str, lines: dict[str, str]) -> str:
    """Every line that holds one of the keys becomes its value."""
    found = []
    for line in text.splitlines():
        key = next((key for key in lines if key in line and not line.lstrip().startswith(("#", '"""', "def "))), None)
        found.append(line if key is None else lines[key])
    assert all(value in found for value in lines.values())
    return "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("kind", COMPLETED)
def test_a_wrapper_of_a_hard_kind_is_compared_once_it_is_completed(
    rnncheck: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    text, name, cell, lines, wrong = COMPLETED[kind]
    monkeypatch.chdir(tmp_path)
    Path("theirs.py").write_text(text)
    assert rnncheck("adapt", f"theirs.py:{name}", "--cell", cell, "-o", "mine.py").code == 0
    Path("mine.py").write_text(completed(Path("mine.py").read_text(), lines))
    judged = rnncheck("compare", "mine.py:Adapted", "--cell", cell, *QUICK)
    assert judged.code == 0, judged.stdout + judged.stderr
    for right, mistaken in wrong.items():
        assert right in text
        text = text.replace(right, mistaken)
    Path("theirs.py").write_text(text)
    assert rnncheck("compare", "mine.py:Adapted", "--cell", cell, *QUICK).code == bool(wrong)


@pytest.mark.parametrize("kind", COMPLETED)
def test_the_lines_to_complete_are_marked_and_the_rest_is_python(
    rnncheck: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    text, name, cell, lines, _ = COMPLETED[kind]
    monkeypatch.chdir(tmp_path)
    Path("theirs.py").write_text(text)
    wrapper = rnncheck("adapt", f"theirs.py:{name}", "--cell", cell).stdout
    compile(completed(wrapper, lines), "mine.py", "exec")
    assert "Complete the lines marked" in wrapper


def test_what_can_be_found_out_needs_no_completing(rnncheck: Command, tmp_path: Path) -> None:
    (tmp_path / "cells.py").write_text(
        HEAD + "class DictLSTMCell(nn.Module):\n"
        "    def __init__(self, n_hid, n_in):\n"
        "        super().__init__()\n"
        "        self.linear = nn.Linear(n_in + n_hid, 4 * n_hid)\n"
        "    def forward(self, c, h, x_t):\n"
        "        i, f, g, o = self.linear(torch.cat([x_t, h], 1)).chunk(4, 1)\n"
        "        c = f.sigmoid() * c + i.sigmoid() * g.tanh()\n"
        "        return {'cell': c, 'hidden': o.sigmoid() * c.tanh()}\n"
    )
    wrapper = tmp_path / "elsewhere" / "mine.py"
    wrapper.parent.mkdir()
    assert rnncheck("adapt", f"{tmp_path / 'cells.py'}:DictLSTMCell", "-o", wrapper).code == 0
    assert "todo(" not in wrapper.read_text()
    judged = rnncheck("compare", f"{wrapper}:Adapted", *QUICK)
    assert judged.code == 0, judged.stdout + judged.stderr


BY_KEYS = """
import torch
from torch import nn

class Keyed(nn.Module):
    def __init__(self, cfg, input_size):
        super().__init__()
        self.step = nn.LSTMCell(input_size, cfg["units"])

    def forward(self, batch):
        x, (h, c) = batch["inputs"], batch["carry"]
        every = []
        for now in x:
            h, c = self.step(now, (h, c))
            every.append(h)
        return {"all": torch.stack(every), "cell": c}
"""


def test_a_dict_for_a_configuration_and_one_for_a_batch_are_written(rnncheck: Command, tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(BY_KEYS)
    wrapper = tmp_path / "mine.py"
    assert rnncheck("adapt", f"{tmp_path / 'theirs.py'}:Keyed", "--cell", "lstm", "-o", wrapper).code == 0
    text = wrapper.read_text()
    assert "cfg=dict(units=hidden_size)" in text
    assert '{"inputs": x, "carry": (h, c)}' in text
    assert rnncheck("compare", f"{wrapper}:Adapted", "--cell", "lstm", *QUICK).code == 0
    wrapper.write_text(text.replace("dict(units", "dict(size"))
    judged = rnncheck("compare", f"{wrapper}:Adapted", "--cell", "lstm", *QUICK)
    marked = [str(n) for n, line in enumerate(text.splitlines(), 1) if "# COMPLETE" in line]
    assert f"Complete the lines of the wrapper that are marked COMPLETE: {', '.join(marked)}" in judged.stderr


def test_a_line_that_was_not_completed_is_shown(rnncheck: Command, tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(GIVEN_WEIGHTS)
    wrapper = tmp_path / "mine.py"
    rnncheck("adapt", f"{tmp_path / 'theirs.py'}:GivenRNN", "-o", wrapper)
    judged = rnncheck("compare", f"{wrapper}:Adapted")
    assert judged.code == 4
    assert "complete this line: Wx" in judged.stderr


def test_the_tensors_are_listed_with_their_shapes_for_loading_by_hand(rnncheck: Command, tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(RNN)
    text = rnncheck("adapt", f"{tmp_path / 'theirs.py'}:MyRNN").stdout
    assert "#     self.inner.x2h.weight.data.copy_(state_dict[...])  # (4, 3)\n" in text
    by_hand = text.replace("    # def load_torch_weights", "    def load_torch_weights").replace(
        "    #     self", "        self"
    )
    for place, value in (
        ("x2h.weight", "['weight_ih_l0']"),
        ("x2h.bias", "['bias_ih_l0']"),
        ("h2h.weight", "['weight_hh_l0']"),
        ("h2h.bias", "['bias_hh_l0']"),
    ):
        by_hand = by_hand.replace(f"{place}.data.copy_(state_dict[...])", f"{place}.data.copy_(state_dict{value})")
    (tmp_path / "mine.py").write_text(by_hand)
    judged = rnncheck("compare", f"{tmp_path / 'mine.py'}:Adapted", "--cell", "rnn", "-v", *QUICK)
    assert (judged.code, "filled by its own load_torch_weights" in judged.stdout) == (0, True), judged.stderr


def test_nothing_is_overwritten_unless_it_is_asked_for(rnncheck: Command, tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine.py", tmp_path / "theirs.py"
    mine.write_text("hours of work")
    theirs.write_text(RNN)
    refused = rnncheck("adapt", f"{theirs}:MyRNN", "-o", mine)
    assert (refused.code, mine.read_text()) == (4, "hours of work")
    assert "--force replaces it" in refused.stderr
    assert rnncheck("adapt", f"{theirs}:MyRNN", "-o", mine, "--force").code == 0
    assert "class Adapted" in mine.read_text()
    assert rnncheck("adapt", f"{theirs}:MyRNN", "-o", theirs, "--force").code == 2
    assert theirs.read_text() == RNN


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        ("scratch", 2, "can be compared as it is"),
        ("theirs.py:Keeper", 2, "add --cell"),
        ("theirs.py:Nothing", 4, "has no Nothing"),
    ],
)
def test_what_cannot_be_adapted_is_refused(
    rnncheck: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("theirs.py").write_text(RNN.replace("MyRNN", "Keeper"))
    refused = rnncheck("adapt", target)
    assert (refused.code, refused.stdout) == (code, "")
    assert said in refused.stderr


@pytest.mark.parametrize("name", ["my-layers.py", "json.py", "package/inner/layers.py"])
def test_a_file_of_any_name_is_imported(rnncheck: Command, tmp_path: Path, name: str) -> None:
    theirs = tmp_path / name
    theirs.parent.mkdir(parents=True, exist_ok=True)
    for folder in theirs.parents:
        if folder != tmp_path and folder.is_relative_to(tmp_path):
            (folder / "__init__.py").touch()
    theirs.write_text(RNN)
    text = rnncheck("adapt", f"{theirs}:MyRNN").stdout
    (tmp_path / "mine.py").write_text(text.replace("hidden=", "h0="))
    judged = rnncheck("compare", f"{tmp_path / 'mine.py'}:Adapted", "--cell", "rnn", "-v", *QUICK)
    assert judged.code == 0, judged.stderr


@pytest.mark.sample(1)
@pytest.mark.parametrize(("function", "code"), [("tanh", 0), ("sigmoid", 1)])
def test_a_layer_in_a_notebook(rnncheck: Command, tmp_path: Path, function: str, code: int) -> None:
    cell = {"cell_type": "code", "source": RNN.replace("tanh", function)}
    (tmp_path / "own.ipynb").write_text(json.dumps({"cells": [cell], "nbformat": 4}))
    assert rnncheck("adapt", f"{tmp_path}/own.ipynb:MyRNN", "-o", tmp_path / "adapted.py").code == 0
    assert rnncheck("compare", f"{tmp_path}/adapted.py:Adapted", "--cell", "rnn", *QUICK).code == code


SEQUENCES = """\
import torch
from torch import nn

class Base(nn.Module):
    def __init__(self, input_size, hidden_size, unknown):
        super().__init__()
        self.of_x, self.of_h = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    @staticmethod
    def first_of(h0, steps):
        return torch.cat([h0[None], steps]).cumsum(0)

class InAMethod(Base):
    def run_all(self, w, h):
        every = []
        for w_t in w:
            h = torch.tanh(w_t + self.of_h(h))
            every.append(h)
        return torch.stack(every)

    def forward(self, x, h0):
        return self.run_all(self.of_x(x), h0)

class Scanned(Base):
    @staticmethod
    def scan(steps):
        return steps.cumsum(0)

    def forward(self, x, h0):
        return self.scan(self.of_x(x)) + h0

class Shaped(Base):
    def forward(self, x, h0):
        steps, rows, _ = x.shape
        return self.of_x(x).view(steps, rows, -1) + h0

class Single(Base):
    def forward(self, x, h):
        return torch.tanh(self.of_x(x) + self.of_h(h))
"""


@pytest.mark.parametrize(("name", "loops"), [("InAMethod", 0), ("Scanned", 0), ("Shaped", 0), ("Single", 1)])
def test_a_loop_over_time_is_written_around_single_steps_alone(
    rnncheck: Command, tmp_path: Path, name: str, loops: int
) -> None:
    (tmp_path / "theirs.py").write_text(SEQUENCES)
    text = rnncheck("adapt", f"{tmp_path / 'theirs.py'}:{name}", "--cell", "rnn").stdout
    assert text.count("for x_t in x:") == loops


OF_ITS_LAYER = HEAD + (
    "class Policy(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size, rnn_type=nn.GRU):\n"
    "        super().__init__()\n"
    "        self.inside = nn.GRUCell(input_size, hidden_size)\n"
    "        self.value = nn.Linear(hidden_size, 1)\n"
    "    def forward(self, x, hxs, masks):\n"
    "        hxs = self.inside(x, hxs * masks)\n"
    "        return self.value(hxs), hxs\n"
)


def test_the_cell_is_that_of_torchs_layer_inside_and_the_state_is_what_is_called_so(
    rnncheck: Command, tmp_path: Path
) -> None:
    (tmp_path / "policy.py").write_text(OF_ITS_LAYER)
    outcome = rnncheck("adapt", f"{tmp_path / 'policy.py'}:Policy")
    assert outcome.code == 0, outcome.stderr
    assert "called as torch.nn.GRU is" in outcome.stdout
    assert "h = result[1]" in outcome.stdout


def test_a_class_by_its_dotted_name_is_imported_from_its_package(
    rnncheck: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "its_package" / "layers"
    folder.mkdir(parents=True)
    (tmp_path / "its_package" / "__init__.py").touch()
    (folder / "__init__.py").touch()
    (folder / "gated.py").write_text(OF_ITS_LAYER)
    outcome = rnncheck("adapt", "its_package.layers.gated:Policy")
    assert "from its_package.layers.gated import Policy" in outcome.stdout, outcome.stderr
