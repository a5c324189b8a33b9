"""What is typed behind --arg NAME= reaches the constructor as what it is written as."""

from collections.abc import Callable
from typing import Any

import pytest
from user_code.sources import HEAD, Write

from rnncheck.cli.plans import arguments_of
from rnncheck.errors import CannotRun, UsageError
from rnncheck.implementations.target import parse
from rnncheck.user_code.loading import load, meant
from rnncheck.user_code.typed import Word, typed

LAYERS = HEAD + (
    "import collections\n"
    "class Step(nn.Module):\n"
    "    def __init__(self, n_in, n_hid):\n"
    "        super().__init__()\n"
    "        self.x, self.h = nn.Linear(n_in, n_hid), nn.Linear(n_hid, n_hid)\n"
    "    def forward(self, x, h):\n"
    "        return torch.tanh(self.x(x) + self.h(h))\n"
    "class Tower(nn.Module):\n"
    "    def __init__(self, step, input_size, hidden_size, name='Step', extra=None):\n"
    "        super().__init__()\n"
    "        assert name == 'Step' and extra in (None, [1, {'a': (2, None)}])\n"
    "        self.step = step(input_size, hidden_size)\n"
    "    def forward(self, x, h):\n"
    "        rows, h = [], h[0]\n"
    "        for x_t in x:\n"
    "            h = self.step(x_t, h)\n"
    "            rows.append(h)\n"
    "        return torch.stack(rows), h[None]\n"
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64),
        ("-1e-3", -0.001),
        ("True", True),
        ("None", None),
        ("[64, (1, 2), {'a': None}]", [64, (1, 2), {"a": None}]),
        ("'64'", "64"),
        ("str:64", "64"),
        ("str:[", "["),
        ("tanh", "tanh"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_python_s_literals_are_read_and_the_rest_is_text(text: str, value: object) -> None:
    assert arguments_of([f"name={text}"]) == {"name": value}
    assert type(typed(text)) in (type(value), Word)


@pytest.mark.parametrize("text", ["[1, 2", "{'a': }", "(1"])
def test_half_a_literal_is_refused_with_the_way_to_say_that_it_is_text(text: str) -> None:
    with pytest.raises(UsageError, match="is not a Python value; for text write --arg name=str:"):
        arguments_of([f"name={text}"])


def test_a_word_is_a_class_where_the_candidate_s_file_has_one(write: Write) -> None:
    loaded = load(parse(f"{write(LAYERS)}:Tower"))
    write(HEAD + "class Other(nn.RNNCell): pass\n", "other.py")
    given = arguments_of(
        ["step=Step", "name=Step", "input_size=nn.RNNCell", "hidden_size=other.py:Other", "extra=OrderedDict"]
    )
    found = meant(given, loaded)
    assert [getattr(value, "__name__", value) for value in found.values()] == [
        "Step",
        "Step",
        "RNNCell",
        "Other",
        "OrderedDict",
    ]
    assert [isinstance(value, type) for value in found.values()] == [True, False, True, True, False]
    write("def squash(x):\n    return x\n", "squash.py")
    assert callable(meant(arguments_of(["step=squash.py:squash"]), loaded)["step"])
    assert meant(arguments_of(["step=str:Step"]), loaded) == {"step": "Step"}
    with pytest.raises(CannotRun, match=r"other.py has no Others; did you mean Other\?"):
        meant(arguments_of(["step=other.py:Others"]), loaded)


def test_a_layer_made_with_such_arguments_is_compared(rnncheck: Callable[..., Any], write: Write) -> None:
    write(LAYERS)
    options = ["--arg", "step=Step", "--arg", "extra=[1, {'a': (2, None)}]", "--no-witness", "--no-diagnose"]
    judged = rnncheck("compare", "mine.py:Tower", "--cell", "rnn", *options)
    assert judged.code == 0, judged.stderr
    assert "step was read as the class Step" in judged.stdout


def test_text_stays_text_where_a_class_can_be_given_itself(write: Write) -> None:
    loaded = load(parse(f"{write(LAYERS)}:Tower"))
    assert meant({"step": "Step"}, loaded) == {"step": "Step"}
