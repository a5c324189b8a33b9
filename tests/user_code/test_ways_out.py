"""A refusal names the option with which the candidate is compared, and what the code prints does not bury it."""

from collections.abc import Callable
from typing import Any

import pytest
from user_code.sources import HEAD, Write

from rnncheck.user_code import isolation

Command = Callable[..., Any]

TAGGER = HEAD + (
    "class Tagger(nn.Module):\n"
    "    def __init__(self, n_words, hidden_dim):\n"
    "        super().__init__()\n"
    "        self.table = nn.Embedding(n_words, hidden_dim)\n"
    "        self.layer = nn.LSTM(hidden_dim, hidden_dim, batch_first=True)\n"
    "    def forward(self, ids, state):\n"
    "        return self.layer(self.table(ids), state)\n"
)
FIXED = HEAD + (
    "class Fixed(nn.Module):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.layer = nn.LSTM(10, 6, 2)\n"
    "    def forward(self, x):\n"
    "        return self.layer(x)\n"
)
CLASSES = HEAD + (
    "class Classes(nn.Module):\n"
    "    def __init__(self, input_dim, num_classes):\n"
    "        super().__init__()\n"
    "        self.layer = nn.LSTM(input_dim, 6, batch_first=True)\n"
    "        self.out = nn.Linear(6, num_classes)\n"
    "    def forward(self, x):\n"
    "        return self.out(self.layer(x)[0][:, -1])\n"
)


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        pytest.param(TAGGER, "Tagger", "--input-size 4", marks=pytest.mark.slow),
        (FIXED, "Fixed", "--input-size 10 --hidden-size 6"),
        (CLASSES, "Classes", "--hidden-size 6"),
    ],
    ids=["an embedding as wide as the state", "a layer of fixed sizes", "a head alone takes a size"],
)
def test_the_option_that_is_named_works(rnncheck: Command, write: Write, text: str, name: str, options: str) -> None:
    write(text)
    refused = rnncheck("compare", f"mine.py:{name}", "-q", "--no-witness", "--input-size", 3, "--hidden-size", 4)
    assert refused.code == 4
    assert f"add {options}" in refused.stderr
    outcome = rnncheck("compare", f"mine.py:{name}", "-q", "--no-witness", *options.split())
    assert outcome.code == 0, outcome.stdout + outcome.stderr


def test_the_name_of_the_cell_is_given_in_the_spelling_that_is_accepted(rnncheck: Command, write: Write) -> None:
    write(
        HEAD + "class Model(nn.Module):\n"
        "    def __init__(self, rnn_type, input_size, hidden_size):\n"
        "        super().__init__()\n"
        "        kinds = {'LSTM': 'tanh', 'RNN_TANH': 'tanh', 'RNN_RELU': 'relu'}\n"
        "        self.layer = nn.RNN(input_size, hidden_size, nonlinearity=kinds[rnn_type])\n"
        "    def forward(self, x, h):\n"
        "        return self.layer(x, h)\n"
    )
    for more in ([], ["--nonlinearity", "relu"]):
        outcome = rnncheck("compare", "mine.py:Model", "--cell", "rnn", "-q", "--no-witness", *more)
        assert outcome.code == 0, outcome.stdout + outcome.stderr


def test_layers_whose_number_of_tensors_depends_on_the_sizes_are_read(rnncheck: Command, write: Write) -> None:
    write(
        HEAD + "class Several(nn.Module):\n"
        "    def __init__(self, input_size, hidden_size):\n"
        "        super().__init__()\n"
        "        count = 2 if hidden_size > 5 else 1\n"
        "        self.cells = nn.ModuleList(nn.LSTMCell(input_size, hidden_size) for _ in range(count))\n"
        "    def forward(self, x, state):\n"
        "        return self.cells[0](x, state)\n"
    )
    outcome = rnncheck("compare", "mine.py:Several", "--cell", "lstm", "-q", "--no-witness", "--paths", "none")
    assert outcome.code == 0, outcome.stdout + outcome.stderr


@pytest.mark.slow
def test_batch_norm_is_a_mismatch_and_no_error(rnncheck: Command, write: Write) -> None:
    write(
        HEAD + "class Cell(nn.Module):\n"
        "    def __init__(self, input_size, hidden_size):\n"
        "        super().__init__()\n"
        "        self.w = nn.Parameter(torch.randn(input_size, 4 * hidden_size))\n"
        "        self.u = nn.Parameter(torch.randn(hidden_size, 4 * hidden_size))\n"
        "        self.norm = nn.BatchNorm1d(4 * hidden_size, affine=False)\n"
        "    def forward(self, x, state):\n"
        "        h, c = state\n"
        "        i, f, g, o = (x @ self.w + self.norm(h @ self.u)).chunk(4, 1)\n"
        "        c = f.sigmoid() * c + i.sigmoid() * g.tanh()\n"
        "        return o.sigmoid() * c.tanh(), c\n"
    )
    outcome = rnncheck("compare", "mine.py:Cell", "--cell", "lstm", "-q", "--no-witness", "--no-diagnose")
    assert outcome.code == 1, outcome.stdout + outcome.stderr


def test_what_the_code_prints_is_cut_after_some_lines(
    rnncheck: Command, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "PRINTED", isolation.Printed())
    write(FIXED.replace("return", "print('it prints')\n        return"))
    sizes = ("--input-size", "10", "--hidden-size", "6", "--num-layers", "2")
    outcome = rnncheck("compare", "mine.py:Fixed", "-q", "--no-witness", *sizes)
    assert outcome.code == 0
    assert outcome.stderr.count("it prints") == isolation.MOST_LINES
    assert "which is not shown" in outcome.stderr


def test_a_prompt_of_the_code_is_not_answered_and_not_repeated_for_long(
    rnncheck: Command, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "PRINTED", isolation.Printed())
    write(FIXED.replace("return", "input('scale? ')\n        return"))
    outcome = rnncheck("compare", "mine.py:Fixed", "-q")
    assert outcome.code == 4
    assert "EOFError: rnncheck calls this code many times, so it gets no input" in outcome.stderr
    assert outcome.stderr.count("scale? ") <= isolation.MOST_PIECES + 1


def test_a_mapping_that_is_no_toml_is_told_before_the_code_is_imported(rnncheck: Command, write: Write) -> None:
    source = write("raise ValueError('imported')\n")
    (source.parent / "bad.toml").write_text("x = ")
    for command in ("compare", "sweep"):
        outcome = rnncheck(command, "mine.py:Fixed", "--mapping", "bad.toml")
        assert (outcome.code, "bad.toml is not valid TOML" in outcome.stderr) == (4, True)
        assert "imported" not in outcome.stderr
    assert "cannot read the mapping none.toml" in rnncheck("compare", "mine.py:Fixed", "--mapping", "none.toml").stderr


def test_text_is_taken_where_a_class_of_that_name_does_not_construct_it(rnncheck: Command, write: Write) -> None:
    write(
        HEAD + "class LSTM(nn.LSTM):\n"
        "    pass\n"
        "class Model(nn.Module):\n"
        "    def __init__(self, input_size, hidden_size, mode):\n"
        "        super().__init__()\n"
        "        self.layer = {'LSTM': nn.LSTM}[mode](input_size, hidden_size)\n"
        "    def forward(self, x, state):\n"
        "        return self.layer(x, state)\n"
    )
    taken = rnncheck("compare", "mine.py:Model", "--cell", "lstm", "--arg", "mode=LSTM", "--no-witness")
    assert (taken.code, "was read as the class" in taken.stdout) == (0, False)
    refused = rnncheck("compare", "mine.py:Model", "--cell", "lstm", "--arg", "mode=Model", "-q", "--no-witness")
    assert (refused.code, "KeyError" in refused.stderr) == (4, True)


@pytest.mark.slow
def test_the_last_output_of_both_directions_behind_a_head_is_not_judged(rnncheck: Command, write: Write) -> None:
    write(
        HEAD + "class Last(nn.Module):\n"
        "    def __init__(self, input_size, hidden_size, output_size):\n"
        "        super().__init__()\n"
        "        self.cell, self.size = nn.GRUCell(input_size, hidden_size), hidden_size\n"
        "        self.head = nn.Linear(2 * hidden_size, output_size)\n"
        "    def steps(self, x):\n"
        "        h = x.new_zeros(x.shape[1], self.size)\n"
        "        return [h := self.cell(x_t, h) for x_t in x]\n"
        "    def forward(self, x):\n"
        "        return self.head(torch.cat([self.steps(x)[-1], self.steps(x.flip(0))[0]], 1))\n"
    )
    refused = rnncheck("compare", "mine.py:Last", "--cell", "gru", "-q", "--read-seconds", "2")
    assert refused.code in (4, 5)
    assert "through its head, made as wide as its states" in refused.stdout + refused.stderr


@pytest.mark.slow
def test_a_layer_without_weights_for_h_is_told_so(rnncheck: Command, write: Write) -> None:
    write(
        HEAD + "class Mine(nn.Module):\n"
        "    def __init__(self, input_size, hidden_size):\n"
        "        super().__init__()\n"
        "        self.of_x, self.own = nn.Linear(input_size, hidden_size), nn.Parameter(torch.randn(hidden_size))\n"
        "    def forward(self, x, h):\n"
        "        outputs = []\n"
        "        for x_t in x:\n"
        "            h = torch.tanh(self.of_x(x_t) + torch.sigmoid(self.own) * h)\n"
        "            outputs.append(h)\n"
        "        return torch.stack(outputs), h\n"
    )
    refused = rnncheck("compare", "mine.py:Mine", "--cell", "rnn", "-q", "--read-seconds", "2")
    assert refused.code == 4
    assert "the same unit of the last state and no other" in refused.stderr


LOOKS_UP = """
import numpy as np


class Rnn:
    def __init__(self, word_dim, hidden_dim):
        self.U, self.W = np.random.randn(hidden_dim, word_dim), np.random.randn(hidden_dim, hidden_dim)

    def forward(self, x):
        s = np.zeros((len(x) + 1, len(self.W)))
        for t in range(len(x)):
            s[t] = np.tanh(self.U[:, x[t]] + self.W @ s[t - 1])
        return s[:-1]
"""


def test_ids_that_numpy_looks_up_are_refused_by_that(write: Write, rnncheck: Command) -> None:
    write(LOOKS_UP)
    outcome = rnncheck("compare", "mine.py:Rnn", "--cell", "rnn")
    assert outcome.code == 4
    assert "looks up token ids in a numpy array" in outcome.stderr
    write(LOOKS_UP.replace("self.U[:, x[t]]", "self.U @ x[t]"))
    assert rnncheck("compare", "mine.py:Rnn", "--cell", "rnn", "--no-witness").code == 0
