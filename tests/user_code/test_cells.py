"""Which cell a candidate is: inferred where its name and its weights say so, asked for where they do not."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from styles.index import STYLES
from styles.style import Style
from user_code.sources import HEAD, RNN, Write

from rnncheck.errors import UsageError
from rnncheck.model.spec import Cell, Spec
from rnncheck.user_code.adapter import Candidate
from rnncheck.user_code.cells import gates_of

Command = Callable[..., Any]
ASKED_FOR = {"CharRNN", "Forecaster"}  # built for one feature or one-hot letters, its sizes do not show its gates
SOON = ["--read-seconds", "0.3"]  # none of the cells is found, however long they are tried
FUSED = HEAD + (
    "class {name}(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size):\n"
    "        super().__init__()\n"
    "        self.x = nn.Linear(input_size, {gates} * hidden_size)\n"
    "        self.h = nn.Linear(hidden_size, {gates} * hidden_size)\n"
    "    def forward(self, x, h):\n"
    "        return h\n"
)


@pytest.mark.sample(20)
@pytest.mark.parametrize("style", STYLES, ids=lambda style: f"{style.path.stem}-{style.name}")
def test_every_stranger_is_the_cell_that_it_is_or_asks(style: Style) -> None:
    candidate = Candidate(style.candidate, style.options.get("arg", {}))
    spec = Spec(
        input_size=style.input_size,
        hidden_size=style.hidden_size,
        num_layers=style.num_layers,
        bidirectional=style.bidirectional,
    )
    try:
        assert candidate.cell(spec) == style.cell
    except UsageError:
        assert style.name in ASKED_FOR


@pytest.mark.parametrize(
    ("name", "gates", "cell", "because"),
    [
        ("Mine", 1, Cell.RNN, "its weights, which are of one gate"),
        ("Mine", 3, Cell.GRU, "the 3 gates in its weights"),
        ("Mine", 4, Cell.LSTM, "the 4 gates in its weights"),
        ("MyRNN", 4, Cell.LSTM, "the 4 gates in its weights"),
        ("MyLSTM", 4, Cell.LSTM, "its name and the 4 gates in its weights"),
        ("MyGRUCell", 3, Cell.GRU, "its name and the 3 gates in its weights"),
        ("MyLSTM", 5, Cell.LSTM, "its name"),
    ],
)
def test_the_weights_prove_it(write: Write, name: str, gates: int, cell: Cell, because: str) -> None:
    write(FUSED.format(name=name, gates=gates))
    candidate = Candidate("mine.py")
    assert candidate.cell(Spec()) is cell
    assert candidate._notes == [f"cell {cell}, inferred from {because}; --cell sets another"]


INSIDE = HEAD + (
    "class {name}(nn.Module):\n"
    "    def __init__(self, vocab_size, hidden_size, classes=2):\n"
    "        super().__init__()\n"
    "        self.embedding = nn.Embedding(vocab_size, hidden_size)\n"
    "        self.layer = nn.{layer}(hidden_size, hidden_size)\n"
    "        self.fc = nn.Linear(hidden_size, classes)\n"
    "    def forward(self, x):\n"
    "        return self.fc(self.layer(self.embedding(x))[0])\n"
)


@pytest.mark.parametrize(("layer", "cell"), [("GRU", Cell.GRU), ("LSTM", Cell.LSTM), ("RNN", Cell.RNN)])
@pytest.mark.parametrize("name", ["RNNClassifier", "Net"])
def test_the_torch_layer_inside_says_it(write: Write, name: str, layer: str, cell: Cell) -> None:
    write(INSIDE.format(name=name, layer=layer))
    candidate = Candidate("mine.py")
    assert candidate.cell(Spec()) is cell
    assert f"the torch.nn layer of the {cell} in it" in candidate._notes[0]


def test_a_name_that_the_layer_inside_contradicts_is_a_question(write: Write) -> None:
    write(INSIDE.format(name="MyGRU", layer="LSTM"))
    with pytest.raises(UsageError):
        Candidate("mine.py").cell(Spec(input_size=9, hidden_size=5))


@pytest.mark.slow
def test_a_name_that_the_weights_contradict_is_a_question(rnncheck: Command, write: Write) -> None:
    write(FUSED.format(name="MyLSTM", gates=3))
    outcome = rnncheck("compare", "mine.py", *SOON)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr == (
        "error: its name says lstm, but the weights of MyLSTM hold 3 gates, which fits the gru; set the cell with "
        "--cell rnn, lstm or gru\n"
        "rnncheck finds no layer of torch.nn's and no variant in it; --cell lstm shows how far it got\n"
    )


@pytest.mark.slow
def test_another_cell_than_its_name_and_its_weights_say_is_refused_at_once(rnncheck: Command, write: Write) -> None:
    write(FUSED.format(name="MyLSTM", gates=4))
    outcome = rnncheck("compare", "mine.py", "--cell", "gru", *SOON)
    said = "it is an LSTM, as its name and the 4 gates in its weights say; compare it with --cell lstm"
    assert (outcome.code, outcome.stderr) == (4, f"error: mine.py cannot run this: {said}\n")
    write(FUSED.format(name="Mine", gates=4))
    assert "it is" not in rnncheck("compare", "mine.py", "--cell", "gru", *SOON).stderr


@pytest.mark.slow
def test_what_says_nothing_is_a_question(rnncheck: Command, write: Write) -> None:
    write(FUSED.format(name="Mine", gates=2))
    outcome = rnncheck("compare", "mine.py", *SOON)
    assert outcome.code == 2
    assert (
        outcome.stderr
        == "error: the weights of Mine hold 2 gates, which fits no cell; set the cell with --cell rnn, lstm or gru\n"
    )
    write(HEAD + "def step(x, h):\n    return h\n")
    outcome = rnncheck("compare", "mine.py:step", *SOON)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr == "error: rnncheck cannot tell which cell step is; add --cell rnn, lstm or gru\n"


@pytest.mark.slow  # as what says nothing
def test_what_is_built_for_any_cell_is_the_one_that_it_is_built_for_by_default(rnncheck: Command, write: Write) -> None:
    sizes = "hidden_size):\n        super"
    write(FUSED.format(name="Mine", gates=4).replace(sizes, sizes.replace(")", ", mode='LSTM')")))
    outcome = rnncheck("compare", "mine.py", "--format", "json", *SOON)
    assert (outcome.code, json.loads(outcome.stdout)["spec"]["cell"]) == (1, "lstm")


def test_the_report_says_how_it_was_told(rnncheck: Command, write: Write) -> None:
    write(RNN)
    outcome = rnncheck("compare", "mine.py", "--format", "json")
    told = "cell rnn, inferred from its name and its weights, which are of one gate; --cell sets another"
    assert told in json.loads(outcome.stdout)["notes"]
    assert "inferred" not in rnncheck("compare", "mine.py", "--cell", "rnn").stdout
    assert "inferred" not in rnncheck("compare").stdout


def test_a_reference_of_ones_own_says_it_too(rnncheck: Command, write: Write) -> None:
    write(HEAD + "class Mine(nn.LSTM):\n    pass\n")
    outcome = rnncheck("compare", "scratch", "--against", "mine.py", "-q", "--no-witness")
    assert outcome.code == 0
    assert "LSTM" in outcome.stdout


@pytest.mark.parametrize("size", [4, 3], ids=["as wide as the state", "narrower"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", list(Cell))
def test_gates_are_counted_at_any_sizes(cell: Cell, layers: int, size: int) -> None:
    spec = Spec(cell, size, 4, layers)
    assert gates_of(spec, list(spec.recurrent_shapes().values())) == cell.gates


def test_a_head_that_yields_as_many_numbers_as_x_has_is_no_gate() -> None:
    shapes = [(4, 3), (4, 4), (3, 4), (4, 1), (3, 1)]  # W_xh, W_hh, W_hy, b_h, b_y
    assert gates_of(Spec(Cell.RNN, 3, 4), shapes) == 1
    minimal = [(8, 3), (8, 4)]  # a cell of two gates is none of ours
    assert gates_of(Spec(Cell.RNN, 3, 4), minimal) == 2


def test_a_head_on_x_and_gates_that_do_not_read_it_leave_the_cell_of_the_name() -> None:
    with_head = [*[(3, 4), (4, 4), (4,)] * 3, (4, 3), (4,)]
    assert gates_of(Spec(Cell.RNN, 3, 4), with_head, Cell.GRU) == 3
    of_state = [(4, 3), (12, 4), (4,), (12,)]
    assert (gates_of(Spec(Cell.RNN, 3, 4), of_state, Cell.GRU), gates_of(Spec(Cell.RNN, 3, 4), of_state)) == (3, 1)


def test_a_class_that_always_has_biases_refuses_to_be_without(rnncheck: Command, write: Write) -> None:
    write(RNN)
    outcome = rnncheck("compare", "mine.py", "--no-bias")
    assert outcome.code == 4
    assert outcome.stderr == (
        "error: mine.py cannot run this: it always has biases, h2h.bias, x2h.bias; leave --no-bias out\n"
    )
    write(RNN.replace("hidden_size)\n        self.h2h", "hidden_size, bias=False)\n        self.h2h"), "half.py")
    assert rnncheck("compare", "half.py", "--no-bias").code == 4
    without = RNN.replace("_size, hidden_size)\n", "_size, hidden_size, bias=False)\n")
    assert without.count("bias=False") == 2
    write(without, "none.py")
    assert rnncheck("compare", "none.py", "--no-bias", "--no-witness").code == 0


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("name", "option"),
    [("BiRNN", "--bidirectional"), ("BidirectionalRNN", "--bidirectional"), ("StackedRNN", "--num-layers N")],
)
def test_a_name_that_says_another_shape_is_a_hint(rnncheck: Command, write: Write, name: str, option: str) -> None:
    write(RNN.replace("MyRNN", name))
    outcome = rnncheck("compare", "mine.py", "--format", "json")
    assert option in outcome.stdout
    both = "--bidirectional", "--num-layers", "2", "--format", "json"
    assert "sounds as if" not in rnncheck("compare", "mine.py", *both, "--no-diagnose").stdout


def test_the_hint_stands_beside_what_cannot_be_used(rnncheck: Command, write: Write) -> None:
    broken = "raise ValueError('one direction')\n        h = torch.zeros"
    write(RNN.replace("MyRNN", "BiRNN").replace("h = torch.zeros", broken))
    outcome = rnncheck("compare", "mine.py", "--cell", "rnn", *SOON)
    assert outcome.code == 4
    assert "ValueError: one direction" in outcome.stderr
    assert "--bidirectional compares it with a bidirectional layer" in outcome.stderr


def test_a_projection_is_the_lstms_alone(rnncheck: Command, write: Write) -> None:
    write(
        "from torch import nn\n"
        "class Layer(nn.Module):\n"
        "    def __init__(self, input_size, hidden_size, proj_size):\n"
        "        super().__init__()\n"
        "        self.layer = nn.LSTM(input_size, hidden_size, proj_size=proj_size)\n"
        "    def forward(self, x, state):\n"
        "        return self.layer(x, state)\n"
    )
    outcome = rnncheck("compare", "mine.py", "--proj-size", "2", "-q", "--no-witness")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert "computes the same LSTM as torch" in outcome.stdout
