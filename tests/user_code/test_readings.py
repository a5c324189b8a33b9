"""What code accepts decides how it is read; that a reading would give the right numbers does not."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from user_code.sources import HEAD, Write

from rnncheck import check
from rnncheck.errors import CannotRun

Command = Callable[..., Any]

BASE = HEAD + (
    "class Base(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size):\n"
    "        super().__init__()\n"
    "        self.hidden_size = hidden_size\n"
    "        self.wx = nn.Linear(input_size, hidden_size)\n"
    "        self.wh = nn.Linear(hidden_size, hidden_size)\n"
)


def layer(
    start: str, state: str = "h", x: str = "x", took: str = "x, h", returned: str = "torch.stack(outs), h"
) -> str:
    return BASE + (
        "class Mine(Base):\n"
        f"    def forward(self, {took}):\n"
        f"        {start}\n"
        "        outs = []\n"
        f"        for xt in {x}:\n"
        f"            h = torch.tanh(self.wx(xt) + self.wh({state}))\n"
        "            outs.append(h)\n"
        f"        return {returned}\n"
    )


FIRST_ROW_FROM_ZEROS = layer("h = torch.zeros(1, self.hidden_size)", "h[:1]", took="x", returned="torch.stack(outs)")
BATCH_FIRST = layer(
    "h = torch.zeros(len(x), self.hidden_size)",
    "h[:1]",
    "x.transpose(0, 1)",
    "x",
    "torch.stack(outs, 1)",
)
CELL = BASE + (
    "class Mine(Base):\n    def forward(self, x, h):\n        return torch.tanh(self.wx(x) + self.wh(h[:1]))\n"
)


@pytest.mark.explained
@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        (FIRST_ROW_FROM_ZEROS, "a layer (x); time first"),
        (layer("pass", "h[:1]"), "a layer (x, h); time first"),
        (layer("pass", "h.mean(0, keepdim=True)"), "a layer (x, h); time first"),
        (BATCH_FIRST, "a layer (x); batch first"),
        (CELL, "a cell (x, h)"),
    ],
    ids=["first row, from zeros", "first row", "mean", "batch first", "cell"],
)
def test_a_layer_that_takes_a_batch_is_not_read_row_by_row(
    rnncheck: Command, write: Write, text: str, read_as: str
) -> None:
    write(text)
    outcome = rnncheck("compare", "mine.py:Mine", "--cell", "rnn", "--format", "json")
    facts = json.loads(outcome.stdout)
    assert outcome.code == 1
    assert facts["candidate"]["read_as"].startswith(read_as)
    assert [each["slug"] for each in facts["findings"]] == ["batch-mixed"]


def test_a_layer_that_needs_two_timesteps_is_refused_and_not_read_with_its_axes_exchanged(
    rnncheck: Command, write: Write
) -> None:
    write(layer("assert len(x) > 1, 'too short'"))
    as_many = ("--batch-size", "4", "--hidden-size", "4")  # so that the run's own sizes do not tell its axes apart
    outcome = rnncheck("compare", "mine.py:Mine", "--cell", "rnn", "--no-witness", *as_many)
    assert (outcome.code, "too short" in outcome.stderr) == (4, True), outcome.stdout


@pytest.mark.explained
def test_an_initial_state_that_is_returned_as_the_final_one_is_a_fault(rnncheck: Command, write: Write) -> None:
    write(layer("h0 = h", returned="torch.stack(outs), h0"))
    outcome = rnncheck("compare", "mine.py:Mine", "--cell", "rnn", "--format", "json")
    assert outcome.code == 1
    assert [each["slug"] for each in json.loads(outcome.stdout)["findings"]] == ["final-state-wrong"]
    write(layer("h0 = h", returned="torch.stack(outs), h, h0"))  # besides the final state it may be returned
    assert rnncheck("compare", "mine.py:Mine", "--cell", "rnn", "--no-witness").code == 0


STANDARDISING = HEAD + (
    "class Mine(nn.LSTM):\n"
    "    def forward(self, x, state=None):\n"
    "        return super().forward((x - x.mean((0, 1))) / x.std((0, 1)), state)\n"
)


@pytest.mark.explained
@pytest.mark.patient
@pytest.mark.slow
def test_all_that_is_returned_is_read_where_every_row_depends_on_the_others(rnncheck: Command, write: Write) -> None:
    write(STANDARDISING)
    outcome = rnncheck("compare", "mine.py:Mine", "--no-witness", "--format", "json")
    facts = json.loads(outcome.stdout)
    assert [each["slug"] for each in facts["findings"]] == ["input-changed"]
    assert {each["quantity"] for each in facts["comparisons"]} >= {"output", "h_n", "c_n"}


INPUT_RETURNED = HEAD + (
    "class Mine(nn.LSTM):\n    def forward(self, x, state=None):\n        return x, super().forward(x, state)[1]\n"
)


@pytest.mark.slow
def test_an_input_that_is_returned_in_the_place_of_the_output_is_not_passed_over(
    rnncheck: Command, write: Write
) -> None:
    write(INPUT_RETURNED)
    for sizes in ((), ("--input-size", "4", "--hidden-size", "4")):
        outcome = rnncheck("compare", "mine.py:Mine", "--no-witness", "--no-diagnose", *sizes)
        assert (outcome.code, "result[0] was not compared" in outcome.stdout) == (5, True)
    write(INPUT_RETURNED.replace("return x, super().forward(x, state)[1]", "return *super().forward(x, state), x"))
    assert rnncheck("compare", "mine.py:Mine", "--no-witness").code == 0


LSTM_CELL = HEAD + (
    "class Mine(nn.LSTMCell):\n"
    "    def forward(self, x, state):\n"
    "        h, c = state\n"
    "        new_h, new_c = super().forward(x, state)\n"
    "        return new_h, (new_h, new_c)\n"
)


@pytest.mark.sample(1)
@pytest.mark.parametrize("state", ["(h, new_c)", "(new_c, new_c)", "(new_h, c)"])
def test_a_cell_is_read_by_the_pair_that_it_returns_as_its_state(rnncheck: Command, write: Write, state: str) -> None:
    write(LSTM_CELL)
    assert rnncheck("compare", "mine.py:Mine", "--no-witness").code == 0
    write(LSTM_CELL.replace("(new_h, new_c)", state))
    assert rnncheck("compare", "mine.py:Mine", "--no-witness", "--no-diagnose").code == 1


def test_a_cell_that_returns_h_twice_is_read_as_a_cell(rnncheck: Command, write: Write) -> None:
    write(LSTM_CELL.replace("return new_h, (new_h, new_c)", "return new_h, new_h"))
    outcome = rnncheck("compare", "mine.py:Mine", "--no-witness", "--no-diagnose", "--format", "json")
    read_as = json.loads(outcome.stdout)["candidate"]["read_as"]
    assert (outcome.code, read_as.startswith("a cell (x, (h, c))")) == (1, True)


def test_a_cell_that_returns_the_state_that_it_was_given_is_a_fault(rnncheck: Command, write: Write) -> None:
    write(CELL.replace("h[:1]", "h"))
    assert rnncheck("compare", "mine.py:Mine", "--cell", "rnn", "--no-witness").code == 0
    text = CELL.replace("return ", "new = ").replace("h[:1]", "h") + "        return new, h\n"
    write(text)
    assert rnncheck("compare", "mine.py:Mine", "--cell", "rnn", "--no-witness", "--no-diagnose").code == 1


@pytest.mark.slow
def test_a_cell_that_moves_with_the_mean_of_its_states_is_a_cell(rnncheck: Command, write: Write) -> None:
    write(CELL.replace("h[:1]", "h - h.mean(0)"))
    outcome = rnncheck("compare", "mine.py:Mine", "--cell", "rnn", "--format", "json", "--no-diagnose")
    assert outcome.code == 1
    assert json.loads(outcome.stdout)["candidate"]["read_as"].startswith("a cell (x, h)")


UNBATCHED = layer("h = torch.zeros(self.hidden_size)", took="x", returned="torch.stack(outs)").replace(
    "self.wx(xt)", "self.wx.bias + self.wx.weight @ xt"
)


def test_what_takes_no_batch_is_run_row_by_row_and_the_verdict_says_so(rnncheck: Command, write: Write) -> None:
    write(UNBATCHED)
    outcome = rnncheck("compare", "mine.py:Mine", "--cell", "rnn")
    assert outcome.code == 0
    assert "(it takes no batch, so each batch row was run by itself)" in " ".join(outcome.stdout.split())


@pytest.mark.explained
def test_what_was_run_row_by_row_might_mix_its_rows_all_the_same(rnncheck: Command, write: Write) -> None:
    write(UNBATCHED)
    witness = json.loads(rnncheck("compare", "mine.py:Mine", "--cell", "rnn", "--format", "json").stdout)["witness"]
    hidden = {each["slug"]: each["why"] for each in witness["hidden"]}
    assert "so faults of batches cannot show" in hidden["batch-mixed"]
    assert "so faults of batches cannot show" in hidden["batch-time-swapped"]


PLAIN = layer("h = h[0] if h.dim() == 3 else h", returned="torch.stack(outs), h[None]")
OPTIONS = PLAIN.replace("input_size, hidden_size):", "input_size, hidden_size, num_layers=1, bidirectional=False):")
JUST_A_CELL = CELL.replace("h[:1]", "h")
BOTH = HEAD + (
    "class Mine(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size):\n"
    "        super().__init__()\n"
    "        self.one, self.two = nn.RNN(input_size, hidden_size), nn.RNN(input_size, hidden_size)\n"
    "        self.fc = nn.Linear(2 * hidden_size, 9)\n"
    "    def forward(self, x):\n"
    "        a, h = self.one(x)\n"
    "        b, g = self.two(x.flip(0))\n"
    "        both = torch.cat([a, b.flip(0)], -1)\n"
    "        return both, torch.cat([h, g])\n"
)
CELLS_OF_BOTH = HEAD + (
    "class Mine(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size):\n"
    "        super().__init__()\n"
    "        self.hidden_size = hidden_size\n"
    "        self.one, self.two = nn.RNNCell(input_size, hidden_size), nn.RNNCell(input_size, hidden_size)\n"
    "    def states(self, cell, xs):\n"
    "        h, found = torch.zeros(len(xs[0]), self.hidden_size), []\n"
    "        for x in xs:\n"
    "            h = cell(x, h)\n"
    "            found.append(h)\n"
    "        return found\n"
    "    def forward(self, x):\n"
    "        there, back = self.states(self.one, x.unbind(0)), self.states(self.two, x.flip(0).unbind(0))\n"
    "        return torch.stack([torch.cat(each, -1) for each in zip(there, back[::-1])])\n"
)
TWO_LAYERS = HEAD + (
    "class Mine(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size):\n"
    "        super().__init__()\n"
    "        self.inner = nn.RNN(input_size, hidden_size, 2)\n"
    "    def forward(self, x, h=None):\n"
    "        return self.inner(x, h)\n"
)


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        (PLAIN, ["--num-layers", "2"], "no parameter for num_layers, and rnncheck finds no weights of layer 1"),
        (JUST_A_CELL, ["--num-layers", "2"], "no parameter for num_layers, and rnncheck finds no weights of layer 1"),
        (PLAIN, ["--bidirectional"], "no parameter for bidirectional, and it does not return all of both directions"),
        (
            JUST_A_CELL,
            ["--bidirectional"],
            "no parameter for bidirectional, and it can be called only as a layer of one direction",
        ),
        (BOTH, [], "its output holds both directions side by side; add --bidirectional"),
        (BOTH.replace("return both, torch.cat([h, g])", "return self.fc(both)"), [], "add --bidirectional"),
        (CELLS_OF_BOTH, [], "add --bidirectional"),
        (TWO_LAYERS, ["--num-layers", "1"], "it has the states of 2 layers; add --num-layers 2"),
        (TWO_LAYERS.replace("h=None", "h"), ["--num-layers", "1"], "it has the states of 2 layers; add --num-layers 2"),
    ],
)
def test_a_layer_of_another_shape_is_refused_with_the_option_to_give(
    rnncheck: Command, write: Write, text: str, options: list[str], reason: str
) -> None:
    write(text)
    outcome = rnncheck("compare", "mine.py:Mine", "--cell", "rnn", *options)
    assert (outcome.code, outcome.stdout) == (4, "")
    assert reason in outcome.stderr


@pytest.mark.parametrize(
    ("text", "options"),
    [(BOTH, ["--bidirectional"]), (CELLS_OF_BOTH, ["--bidirectional"]), (TWO_LAYERS, ["--num-layers", "2"])],
)
def test_with_that_option_it_is_compared(rnncheck: Command, write: Write, text: str, options: list[str]) -> None:
    write(text)
    assert rnncheck("compare", "mine.py:Mine", "--cell", "rnn", "-q", "--no-witness", *options).code == 0


def test_the_cell_of_one_direction_is_seen_where_both_are_asked_for(rnncheck: Command, write: Write) -> None:
    write(OPTIONS.replace("Mine", "Own"))
    outcome = rnncheck("compare", "mine.py:Own", "--bidirectional", "--no-witness")
    assert outcome.code == 1
    assert "made with bidirectional=True, it has the tensors and the results" in re.sub(r"\s+", " ", outcome.stdout)


@pytest.mark.slow
@pytest.mark.explained
def test_layers_that_are_asked_for_and_not_made_are_a_mismatch(rnncheck: Command, write: Write) -> None:
    write(OPTIONS)
    outcome = rnncheck("compare", "mine.py:Mine", "--num-layers", "2", "--cell", "rnn", "--format", "json")
    assert outcome.code == 1
    assert [each["slug"] for each in json.loads(outcome.stdout)["findings"]] == ["option-ignored"]


def test_the_verdict_says_whose_head_is_on_top(rnncheck: Command, write: Write) -> None:
    write(PLAIN)
    said = " ".join(rnncheck("compare", "mine.py:Mine", "--cell", "rnn", "--head", "softmax").stdout.split())
    assert "rnncheck computed y with its own head, the same for both sides" in said


class FixedSizes(nn.Module):
    """Runs T = 5 and B = 3 alone, which are also the sizes at which a candidate is first called."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell, self.hidden_size = nn.RNNCell(input_size, hidden_size), hidden_size

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(3, self.hidden_size)
        states = []
        for t in range(5):
            h = self.cell(x[:, t], h)
            states.append(h)
        return torch.stack(states, 1)


def test_a_layer_of_fixed_sizes_is_read_at_those_of_the_run() -> None:
    report = check(FixedSizes, cell="rnn", batch_size=3, seq_len=5, witness=False)
    assert report.verdict == "equivalent"


@pytest.mark.slow
@pytest.mark.explained
def test_nan_is_no_sign_of_mixed_rows(rnncheck: Command, write: Write) -> None:
    write(layer("pass", "h", returned="torch.stack(outs) * torch.nan, h"))
    ended = rnncheck("compare", "mine.py:Mine", "--cell", "rnn", "--format", "json", "--no-witness")
    assert ended.code == 1
    assert [each["slug"] for each in json.loads(ended.stdout)["findings"]] == ["nan-introduced"]


class KeepsTheAxis(nn.Module):
    """Never looks at the layer axis of a state that it is given, and returns a state with or without it."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.wx, self.wh = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        outputs = x.new_zeros(*x.shape[:2], self.wh.out_features)
        h = outputs[0] if h0 is None else h0
        for t, x_t in enumerate(x):
            h = torch.tanh(self.wx(x_t) + self.wh(h))
            outputs = outputs.index_copy(0, torch.tensor([t]), h.reshape(1, *outputs.shape[1:]))
        return outputs, h


class Mean(nn.Module):
    def forward(self, states: Tensor) -> Tensor:
        return states.mean(0)


class Pooled(nn.Module):
    """Returns the mean of its states, which is as wide as a state."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        both, self.hidden_size = input_size + hidden_size, hidden_size
        self.r, self.z, self.n = (nn.Linear(both, hidden_size) for _ in range(3))
        self.pool = Mean()

    def forward(self, x: Tensor) -> Tensor:
        h, states = x.new_zeros(x.shape[1], self.hidden_size), []
        for x_t in x:
            seen = torch.cat([x_t, h], -1)
            r, z = torch.sigmoid(self.r(seen)), torch.sigmoid(self.z(seen))
            h = z * h + (1 - z) * torch.tanh(self.n(torch.cat([x_t, r * h], -1)))
            states.append(h)
        return self.pool(torch.stack(states))


class LayersLast(nn.Module):
    """A cell that takes and returns its state as (B, H, L)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        h, c = state
        return tuple(each[:, :, None] for each in self.cell(x, (h[:, :, 0], c[:, :, 0])))


def test_a_state_is_taken_without_an_axis_that_nobody_reads() -> None:
    assert check(KeepsTheAxis, cell="rnn", witness=False).verdict == "equivalent"


@pytest.mark.explained
def test_a_fault_in_states_that_are_pooled_into_one_vector_is_named() -> None:
    report = check(Pooled, cell="gru", witness=False, paths="none")
    assert [each.slug for each in report.findings] == ["gru-reset-before-matmul"]


def test_a_state_with_its_layers_last_is_read() -> None:
    assert check(LayersLast, witness=False).verdict == "equivalent"


class Encoder(nn.Module):
    """Returns one vector of all its states, without a head."""

    pooled: Callable[[Tensor], Tensor] = staticmethod(lambda states: states.mean(0))

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.rnn = nn.GRU(input_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return type(self).pooled(self.rnn(x)[0])


class Largest(Encoder):
    pooled = staticmethod(lambda states: states.amax(0))


class Scaled(Encoder):
    pooled = staticmethod(lambda states: 2 * states[-1])


@pytest.mark.parametrize(("layer", "right"), [(Encoder, True), (Largest, True), (Scaled, False)])
def test_what_is_pooled_of_right_states_is_right(layer: type[nn.Module], right: bool) -> None:
    assert (check(layer, witness=False, paths="none").verdict == "equivalent") == right


class Cached(nn.Module):
    """A cell that returns what a backward pass would need, too; a state of two rows passes through it by itself."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.of_x = nn.ModuleDict({gate: nn.Linear(input_size, hidden_size) for gate in "fiog"})
        self.of_h = nn.ModuleDict({gate: nn.Linear(hidden_size, hidden_size, bias=False) for gate in "fiog"})

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        before = {gate: self.of_x[gate](x) + self.of_h[gate](h) for gate in "fiog"}
        f, i, o, g = (torch.sigmoid(before[gate]) for gate in "fiog")
        after = f * c + i * g  # without a tanh of the proposal
        return o * torch.tanh(after), after, before | {"c": c, "x": x}


@pytest.mark.explained
@pytest.mark.slow
def test_a_wrong_cell_is_no_stack_because_it_takes_states_of_several() -> None:
    report = check(Cached, cell="lstm", witness=False, paths="none")
    assert [each.slug for each in report.findings] == ["wrong-nonlinearity"]


class CellStateAlone(Cached):
    """A layer that returns its outputs and its last cell state."""

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        outputs = []
        for x_t in x:
            h, c, _ = super().forward(x_t, h, c)
            outputs.append(h)
        return torch.stack(outputs), c


@pytest.mark.explained
@pytest.mark.slow
def test_a_cell_state_alone_is_no_wrong_last_state() -> None:
    report = check(CellStateAlone, cell="lstm", witness=False, paths="none")
    assert [each.slug for each in report.findings] == ["wrong-nonlinearity"]


class Activated(nn.Module):
    """Hands what becomes its state to a module, and only a head of plain parameters, of two units, is returned."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.W, self.U = (
            nn.Parameter(torch.randn(input_size, hidden_size)),
            nn.Parameter(torch.randn(hidden_size, hidden_size)),
        )
        self.V, self.activation = nn.Parameter(torch.randn(hidden_size, 2)), nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(x.shape[1], self.U.shape[0])
        for x_t in x:
            h = self.activation(x_t @ self.W + h @ self.U)
        return h @ self.V


def test_what_an_activation_is_given_at_every_step_is_no_state() -> None:
    with pytest.raises(CannotRun, match="no part of it has that width"):
        check(Activated, cell="rnn", bias=False)
