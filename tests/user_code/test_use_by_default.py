"""Layers used as their authors wrote them: with their own defaults, without a state, frozen, with one length."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from user_code.sources import HEAD, Write

from rnncheck import check
from rnncheck.model.spec import Cell, Spec
from rnncheck.user_code.calling import sizes_checked
from rnncheck.user_code.instances import Instances
from rnncheck.user_code.loading import in_hand

Command = Callable[..., Any]
QUICK = ("--no-witness", "--paths", "none", "--no-diagnose")
HASTY = (*QUICK, "--cell", "gru", "--read-seconds", "1")

LAST_ALONE = HEAD + (
    "class Last(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size):\n"
    "        super().__init__()\n"
    "        self.hidden_size = hidden_size\n"
    "        self.i2h = nn.Linear(input_size, hidden_size)\n"
    "        self.h2h = nn.Linear(hidden_size, hidden_size)\n"
    "    def forward(self, x, h=None, steps_length=None):\n"
    "        if h is None:\n"
    "            h = x.new_zeros(x.shape[1], self.hidden_size)\n"
    "        steps = x.shape[0] if steps_length is None else steps_length.item()\n"
    "        for t in range(steps):\n"
    "            h = torch.tanh(self.i2h(x[t]) + self.h2h(h))\n"
    "        return h\n"
)


@pytest.mark.slow
@pytest.mark.paths
def test_a_last_state_without_a_layer_axis_is_found_without_a_state_too(rnncheck: Command, write: Write) -> None:
    write(LAST_ALONE)
    outcome = rnncheck("compare", "mine.py:Last", "--cell", "rnn", "--no-witness", "--paths", "no-state")
    assert outcome.code == 0, outcome.stdout + outcome.stderr
    assert "time first" in outcome.stdout
    write(LAST_ALONE.replace("x.new_zeros(", "x.new_ones("))
    outcome = rnncheck("compare", "mine.py:Last", "--cell", "rnn", "--no-witness", "--paths", "no-state")
    assert outcome.code == 1
    assert "default-state-not-zero" in outcome.stdout


BOTH_WAYS = HEAD + (
    "class Both(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size, num_layers=2, bidirectional=True):\n"
    "        super().__init__()\n"
    "        self.rnn = nn.GRU(input_size, hidden_size, num_layers, bidirectional=bidirectional)\n"
    "    def forward(self, x, h=None):\n"
    "        return self.rnn(x, h)\n"
)


@pytest.mark.slow
def test_the_layers_and_directions_are_those_of_its_constructor_unless_it_is_told(
    rnncheck: Command, write: Write
) -> None:
    write(BOTH_WAYS)
    right = rnncheck("compare", "mine.py:Both", "--no-witness")
    assert right.code == 0
    assert "L 2, bidirectional" in right.stdout
    told = rnncheck("compare", "mine.py:Both", "--no-witness", "--num-layers", "1", "--no-bidirectional")
    assert (told.code, "L 1," in told.stdout, "L 1, bidirectional" in told.stdout) == (0, True, False)
    write(BOTH_WAYS.replace("return self.rnn(x, h)", "y, n = self.rnn(x, h); return y, n.flip(0)"))
    assert rnncheck("compare", "mine.py:Both", "--no-witness", "--no-diagnose").code == 1


@pytest.mark.paths
@pytest.mark.slow
def test_layers_and_dropout_that_are_written_into_a_class_are_its_own(rnncheck: Command, write: Write) -> None:
    inside = BOTH_WAYS.replace(", num_layers=2, bidirectional=True", "").replace(
        "num_layers, bidirectional=bidirectional", "num_layers=3, dropout=0.2"
    )
    write(inside)
    right = rnncheck("compare", "mine.py:Both", "--no-witness", "--paths", "train-mode", "-v")
    assert (right.code, "num_layers is 3, as Both says" in right.stdout) == (0, True), right.stdout
    write(inside.replace("return self.rnn(x, h)", "y, n = self.rnn(x, h); return y, n.flip(0)"))
    assert rnncheck("compare", "mine.py:Both", *QUICK).code == 1


def test_one_direction_that_is_returned_of_two_is_a_restriction(rnncheck: Command, write: Write) -> None:
    half = "return self.rnn(x)[0][..., : self.rnn.hidden_size]"
    text = BOTH_WAYS.replace("num_layers=2", "num_layers=1").replace("forward(self, x, h=None)", "forward(self, x)")
    write(text.replace("return self.rnn(x, h)", half))
    outcome = rnncheck("compare", "mine.py:Both", *QUICK)
    said = "note that what it returns is one direction of the output, of which both were compared inside"
    assert (outcome.code, said in " ".join(outcome.stdout.split())) == (0, True)


OF_ITS_HEAD = HEAD + (
    "class Mine(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size, num_layers=3):\n"
    "        super().__init__()\n"
    "        self.rnn = nn.GRU(input_size, hidden_size)\n"
    "        self.mlp = nn.Sequential(*(nn.Linear(hidden_size, hidden_size) for _ in range(num_layers)))\n"
    "        self.more = nn.ModuleList(nn.GRU(hidden_size, hidden_size) for _ in range(num_layers - 1))\n"
    "    def forward(self, x, h=None):\n"
    "        y, h = self.rnn(x, h)\n"
    "        return y, h, self.mlp(y)\n"
)


@pytest.mark.slow
def test_a_number_of_layers_that_is_of_a_head_is_not_taken_for_that_of_the_recurrent_layer(
    rnncheck: Command, write: Write
) -> None:
    text = "\n".join(line for line in OF_ITS_HEAD.splitlines() if "self.more" not in line) + "\n"
    write(text)
    right = rnncheck("compare", "mine.py:Mine", *HASTY, "-v")
    assert (right.code, "num_layers 3 of Mine is of another part than its" in " ".join(right.stdout.split())) == (
        0,
        True,
    )
    write(OF_ITS_HEAD)  # two more layers are made, and nothing reads them
    assert rnncheck("compare", "mine.py:Mine", *HASTY).code == 1


STACKED = HEAD + (
    "class Mine(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size, num_layers=2):\n"
    "        super().__init__()\n"
    "        widths = [input_size] + [hidden_size] * (num_layers - 1)\n"
    "        self.layers = nn.ModuleList(nn.GRU(width, hidden_size) for width in widths)\n"
    "    def forward(self, x):\n"
    "        for layer in self.layers:\n"
    "            x, h = layer(x)\n"
    "        return x\n"
)


@pytest.mark.slow
def test_a_wrong_stack_is_not_taken_for_the_right_layer_that_it_is_alone(rnncheck: Command, write: Write) -> None:
    write(STACKED)
    assert rnncheck("compare", "mine.py:Mine", *QUICK).code == 0
    write(STACKED.replace("layer(x)", "layer(x if layer is self.layers[0] else x.tanh())"))
    assert rnncheck("compare", "mine.py:Mine", *QUICK).code == 1


BOTH_AND_A_HEAD = HEAD + (
    "class Mine(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size, num_layers=2, bidirectional=True):\n"
    "        super().__init__()\n"
    "        self.rnn = nn.GRU(input_size, hidden_size, bidirectional=bidirectional)\n"
    "        self.mlp = nn.Sequential(*(nn.Linear(2 * hidden_size, 2 * hidden_size) for _ in range(num_layers)))\n"
    "    def forward(self, x, h=None):\n"
    "        y, h = self.rnn(x, h)\n"
    "        return y, h, self.mlp(y)\n"
)


@pytest.mark.slow
def test_of_two_numbers_one_may_be_of_another_part(rnncheck: Command, write: Write) -> None:
    write(BOTH_AND_A_HEAD)
    outcome = rnncheck("compare", "mine.py:Mine", *HASTY)
    assert (outcome.code, "L 1, bidirectional" in outcome.stdout) == (0, True), outcome.stderr


def test_a_number_that_is_more_than_layers_are_is_not_taken_for_theirs() -> None:
    def shape(number: int) -> dict[str, object]:
        class Mine(nn.GRU):
            def __init__(self, input_size: int, hidden_size: int, num_layers: int = number) -> None:
                super().__init__(input_size, hidden_size, num_layers)

        return Instances(in_hand(Mine), {}).shape(Spec(cell=Cell.GRU))

    assert (shape(1), shape(8), shape(9)) == ({}, {"num_layers": 8}, {})


@pytest.mark.slow
def test_what_an_instance_says_of_something_else_is_not_taken_for_its_layers_or_sizes() -> None:
    layer = nn.Sequential(nn.GRU(3, 4))
    layer.num_layers, layer.bidirectional, layer.hidden_size = 2, True, 784  # type: ignore[assignment]
    report = check(layer, cell="gru", input_size=3, hidden_size=4, witness=False, paths="none")
    assert (report.verdict, report.spec.num_layers, report.spec.bidirectional) == ("equivalent", 1, False)


def test_an_instance_that_says_one_size_is_refused_with_the_option_for_that_alone(
    rnncheck: Command, write: Write
) -> None:
    write(HEAD + "layer = nn.Sequential(nn.GRU(3, 6))\nlayer.hidden_size = 6\n")
    refused = rnncheck("compare", "mine.py:layer", "--cell", "gru", "--hidden-size", "4")
    assert "it has hidden_size 6; add --hidden-size 6" in refused.stderr
    assert rnncheck("compare", "mine.py:layer", "--cell", "gru", *QUICK, "--hidden-size", "6").code == 0


@pytest.mark.paths
def test_an_instance_is_not_tried_at_sizes_that_it_does_not_have() -> None:
    report = check(nn.LSTM(5, 7, batch_first=True), witness=False, paths="other-sizes")
    assert report.verdict == "equivalent"


def test_an_instance_of_other_sizes_is_refused_with_the_options_that_fit(rnncheck: Command, write: Write) -> None:
    write(HEAD + "layer = nn.LSTM(5, 7)\n")
    refused = rnncheck("compare", "mine.py:layer", "--hidden-size", "4")
    assert "add --input-size 5 --hidden-size 7" in refused.stderr
    assert rnncheck("compare", "mine.py:layer", "--no-witness", "--input-size", "5", "--hidden-size", "7").code == 0


@pytest.mark.slow
def test_a_packed_sequence_of_another_width_is_an_error_and_does_not_crash(rnncheck: Command, write: Write) -> None:
    inside = "nn.LSTM(5, hidden_size)"
    text = BOTH_WAYS.replace("nn.GRU(input_size, hidden_size, num_layers, bidirectional=bidirectional)", inside)
    write(text.replace("(self, input_size, hidden_size, num_layers=2, bidirectional=True)", "(self, hidden_size)"))
    assert rnncheck("compare", "mine.py:Both", "--cell", "lstm", "--input-size", "9", "--read-seconds", "1").code == 4


def test_the_sizes_of_packed_input_are_checked_however_it_is_passed() -> None:
    layer, wide = nn.LSTM(5, 4), nn.utils.rnn.pack_sequence([torch.zeros(3, 9)])
    with sizes_checked(nn.ModuleList([layer])):
        with pytest.raises(RuntimeError, match="Expected 5, got 9"):
            layer(hx=None, input=wide)
        with pytest.raises(RuntimeError, match="Expected 5, got 9"):
            layer(wide)


def test_what_an_owner_has_frozen_is_compared_as_if_it_were_trained() -> None:
    layer = nn.LSTM(3, 4).requires_grad_(False)
    report = check(layer, witness=False)
    assert report.verdict == "equivalent"
    assert any("frozen" in note for note in report.notes)
    assert not any(each.requires_grad for each in layer.parameters())


def test_a_head_on_weights_that_were_computed_before_is_told_from_the_states() -> None:
    class Scaled(nn.Module):
        def __init__(self, input_size: int, hidden_size: int) -> None:
            super().__init__()
            self.rnn = nn.RNN(input_size, hidden_size)
            self.table = nn.Parameter(torch.randn(hidden_size, 5)) * 0.01

        def forward(self, x: torch.Tensor, h: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
            output, h = self.rnn(x, h)
            return output @ self.table, h

    assert check(Scaled, cell="rnn", witness=False).verdict in ("equivalent", "inconclusive")


DROPS = HEAD + (
    "class Drops(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size, num_layers=2, dropout=0.5):\n"
    "        super().__init__()\n"
    "        widths = [input_size] + [hidden_size] * (num_layers - 1)\n"
    "        self.layers = nn.ModuleList(nn.RNN(width, hidden_size) for width in widths)\n"
    "        self.rate = dropout\n"
    "    def forward(self, x, h0):\n"
    "        last = []\n"
    "        for k, layer in enumerate(self.layers):\n"
    "            if k and self.training:\n"
    "                x = x * (torch.rand_like(x) >= self.rate) / (1 - self.rate)\n"
    "            x, h = layer(x, h0[k : k + 1])\n"
    "            last.append(h)\n"
    "        return x, torch.cat(last)\n"
)


@pytest.mark.slow
@pytest.mark.paths
def test_a_handwritten_dropout_is_compared_by_how_often_and_how_much_it_drops(rnncheck: Command, write: Write) -> None:
    options = ("--cell", "rnn", "--num-layers", "2", "--dropout", "0.5", "--no-witness", "--paths", "train-mode")
    write(DROPS)
    right = rnncheck("compare", "mine.py", *options)
    assert right.code == 0, right.stderr
    write(DROPS.replace("self.rate = dropout", "self.rate = dropout / 2"))
    wrong = rnncheck("compare", "mine.py", *options)
    assert (wrong.code, "dropout-wrong" in wrong.stdout) == (1, True), wrong.stderr
