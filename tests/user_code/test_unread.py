"""What a candidate returns beside its states is compared, or known to be harmless, or leaves the verdict open."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Report, Verdict
from rnncheck.user_code.returned import spelled


def checked(candidate: type, **options: Any) -> Report:
    return check(candidate, input_size=4, hidden_size=6, batch_size=3, seq_len=7, witness=False, **options)


def returning(change: str) -> type:
    """torch's RNN, which returns something else made of its output `o` and last state `h`."""

    class Candidate(nn.RNN):
        def forward(self, x: Tensor, h: Tensor | None = None) -> Any:  # type: ignore[override]
            o, h = super().forward(x, h)
            return eval(change, {"o": o, "h": h, "x": x, "torch": torch})

    return Candidate


STRANGE = [
    ("o, h[..., :1]", "result[1]"),
    ("o, h[:, :1]", "result[1]"),
    ("o, (h * 3).flatten()", "result[1]"),
    ("(o * 3).reshape(-1, o.shape[-1]), h", "result[0]"),
    ("o[:-1], h", "result[0]"),
    ("torch.cat([o, o * 0], -1), h", "result[0]"),
    ("o.sum(-1), h", "result[0]"),
    ("o[..., :1], h", "result[0]"),
    ("o, h * 2, h", "result[1]"),
    ("o.mean(0), h", "result[0]"),
    ("o, h, o.flip(0)", "result[2]"),
    ("{'states': o, 'last': h, 'logits': o[..., :2]}", "result['logits']"),
]


@pytest.mark.sample(6)
@pytest.mark.parametrize(("change", "where"), STRANGE)
def test_what_nobody_knows_leaves_the_verdict_open_and_is_named(change: str, where: str) -> None:
    report = checked(returning(change))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.reason is not None
    assert report.reason.startswith(f"{where} was not compared")


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    "change", ["o, None", "o, h, h[0]", "o, o[-1]", "o, h, x", "o.reshape(-1, 6), h", "h, o, o.transpose(0, 1)"]
)
def test_states_that_are_returned_again_leave_nothing_open(change: str) -> None:
    report = checked(returning(change.replace("6", "o.shape[-1]")))
    assert (report.verdict, list(report.restrictions)) == (Verdict.EQUIVALENT, [])


class Bidirectional(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size, bidirectional=True)

    def forward(self, x: Tensor) -> Any:
        o, h = self.rnn(x)
        return o, torch.cat([h[0], h[1]], -1)


class BidirectionalLast(Bidirectional):
    """The last output has seen all that the forward direction reads, and one step of the other's."""

    def forward(self, x: Tensor) -> Any:
        o, _ = self.rnn(x)
        return o, o[-1]


def test_the_last_output_of_both_directions_is_not_their_last_states() -> None:
    assert checked(Bidirectional, bidirectional=True).verdict is Verdict.EQUIVALENT
    report = checked(BidirectionalLast, bidirectional=True)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "result[1]" in (report.reason or "")


class Cell(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)
        self.head = nn.Linear(hidden_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> Any:
        h = self.cell(x, h)
        return h, h


class CellWithWrongState(Cell):
    def forward(self, x: Tensor, h: Tensor) -> Any:
        h = self.cell(x, h)
        return h, 2 * h


class CellWithWrongOutput(Cell):
    def forward(self, x: Tensor, h: Tensor) -> Any:
        h = self.cell(x, h)
        return 2 * h, h


class CellWithPart(Cell):
    """Its result looks like a layer's, given a whole sequence: all steps of one row, and that row's first."""

    def forward(self, x: Tensor, h: Tensor) -> Any:
        h = torch.tanh(
            nn.functional.linear(x, self.cell.weight_ih, self.cell.bias_ih)
            + h @ self.cell.weight_hh.T
            + self.cell.bias_hh
        )
        return 5 * h[:, :1], h


class CellWithHeadFirst(Cell):
    def forward(self, x: Tensor, h: Tensor) -> Any:
        h = self.cell(x, h)
        return self.head(h), h


class CellWithHeadLast(Cell):
    def forward(self, x: Tensor, h: Tensor) -> Any:
        h = self.cell(x, h)
        return h, self.head(h)


def test_of_what_a_cell_returns_the_last_is_its_state() -> None:
    assert checked(Cell, cell="rnn").verdict is Verdict.EQUIVALENT
    for wrong, lockstep in ((CellWithWrongState, False), (CellWithWrongOutput, True)):
        report = checked(wrong, cell="rnn", diagnose=False)
        assert report.verdict is Verdict.MISMATCH
        assert all(each.agrees is lockstep for each in report.comparisons if each.mode == "lockstep")


def test_a_cell_that_can_be_given_a_sequence_is_a_cell_all_the_same() -> None:
    report = checked(CellWithPart, cell="rnn")
    assert report.verdict is Verdict.INCONCLUSIVE
    assert (report.candidate.read_as or "").startswith("a cell (x, h)")
    assert (report.reason or "").startswith("result[0] was not compared")


@pytest.mark.parametrize(("candidate", "where"), [(CellWithHeadFirst, "result[0]"), (CellWithHeadLast, "result[1]")])
def test_a_head_as_wide_as_the_state_is_told_from_it_by_its_own_weights(candidate: type, where: str) -> None:
    report = checked(candidate, cell="rnn")
    assert report.verdict is Verdict.EQUIVALENT
    assert list(report.restrictions) == [f"{where} was not compared: a head computes it from the states"]


class InFront(Cell):
    def forward(self, x: Tensor, h0: Tensor) -> Any:
        states = [h0[0]]
        for x_t in x:
            states.append(self.cell(x_t, states[-1]))
        return torch.stack([self.front(states[0]), *states[1:]])

    def front(self, h: Tensor) -> Tensor:
        return h


class JunkInFront(InFront):
    def front(self, h: Tensor) -> Tensor:
        return h * 0 + 7


def test_in_front_of_the_states_there_may_be_the_initial_one_alone() -> None:
    assert checked(InFront).verdict is Verdict.EQUIVALENT
    assert checked(JunkInFront).verdict is Verdict.INCONCLUSIVE


class Classifier(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        super().__init__()
        self.rnn, self.fc = nn.RNN(input_size, hidden_size), nn.Linear(hidden_size, output_size)

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.rnn(x)[0][0])  # of the first step


class Scaled(Classifier):
    def forward(self, x: Tensor) -> Any:
        return (2 * self.rnn(x)[0]).sum(-1)


class PastTheStates(Classifier):
    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        super().__init__(input_size, hidden_size, output_size)
        self.fc = nn.Linear(input_size, output_size)

    def forward(self, x: Tensor) -> Any:
        self.rnn(x)
        return self.fc(x)


def test_where_only_a_head_is_returned_the_verdict_says_that_it_was_not_compared() -> None:
    report = checked(Classifier)
    assert report.verdict is Verdict.EQUIVALENT
    said, unseen = report.restrictions
    assert said == "what it returns was not compared: a head computes it from the states"
    assert unseen.endswith("it reads a state after one timestep")


@pytest.mark.parametrize("candidate", [Scaled, PastTheStates])
def test_what_is_no_head_on_the_states_inside_leaves_the_verdict_open(candidate: type) -> None:
    report = checked(candidate, cell="rnn")
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "what it returns was not compared" in (report.reason or "")


class Lstm(nn.LSTM):
    def forward(self, x: Tensor, s: Any = None) -> Any:  # type: ignore[override]
        o, (h, _) = super().forward(x, s)
        return o, (h, h)


def test_h_where_c_should_be_is_compared_as_c() -> None:
    report = checked(Lstm, diagnose=False)
    assert report.verdict is Verdict.MISMATCH
    assert [each.quantity for each in report.comparisons if each.mode == "free" and not each.agrees] == ["c_n"]


class Stacked(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.first, self.second = nn.LSTM(input_size, hidden_size), nn.LSTM(hidden_size, hidden_size)

    def forward(self, x: Tensor) -> Any:
        return self.second(self.first(x)[0])


class StackedFirst(Stacked):
    def forward(self, x: Tensor) -> Any:
        o, state = self.first(x)
        return self.second(o)[0], state


def test_the_states_of_the_last_layer_alone_are_its_output_s() -> None:
    report = checked(Stacked, cell="lstm", num_layers=2)
    assert report.verdict is Verdict.EQUIVALENT
    assert list(report.restrictions) == []  # the cell state of the last layer is what the reference's is
    report = checked(StackedFirst, cell="lstm", num_layers=2)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert (report.reason or "").startswith("result[1][...] was not compared")


@pytest.mark.parametrize(
    ("way", "said"), [((), "what it returns"), ((1, "h"), "result[1]['h']"), (("*", 0), "result[...][0]")]
)
def test_a_way_is_spelled_as_its_user_would(way: tuple[object, ...], said: str) -> None:
    assert spelled(way) == said


class ShutHead(nn.Module):
    """Its relu lets nothing through of the head that it is made with."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner, self.head = nn.RNN(input_size, hidden_size), nn.Linear(hidden_size, 2)
        nn.init.constant_(self.head.bias, -9.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inner(x)[1][-1]).relu()


def test_a_head_that_yields_zeros_alone_is_a_head() -> None:
    assert checked(ShutHead, cell="rnn").verdict is Verdict.EQUIVALENT


class OtherOutput(nn.Module):
    """An LSTM written out, which returns what `returned` says of its states and gates at every step."""

    returned = "h"
    also = ""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.of_x, self.of_h = nn.Linear(input_size, 4 * hidden_size), nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Any:
        kept = []
        for x_t in x:
            i, f, g, o = (self.of_x(x_t) + self.of_h(h)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            kept.append({"h": h, "c": c, "o": torch.sigmoid(o), "x": x_t}[self.returned])
        output = torch.stack(kept)
        return {"": output, "h": (output, h), "(h, c)": (output, (h, c))}[self.also]


class OfCell(OtherOutput):
    """The same of torch's cell, whose states rnncheck could read where they pass."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        nn.Module.__init__(self)
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Any:
        kept = []
        for x_t in x:
            h, c = self.cell(x_t, (h, c))
            kept.append({"h": h, "c": c, "o": torch.zeros_like(h), "x": x_t}[self.returned])
        output = torch.stack(kept)
        return {"": output, "h": (output, h), "(h, c)": (output, (h, c))}[self.also]


def returning_of_steps(base: type, returned: str, also: str) -> type:
    return type("Candidate", (base,), {"returned": returned, "also": also})


OTHER = [(OtherOutput, "c"), (OtherOutput, "o"), (OfCell, "c")]


@pytest.mark.explained
@pytest.mark.patient
@pytest.mark.sample(1)
@pytest.mark.parametrize("also", ["", "h", "(h, c)"])
@pytest.mark.parametrize(("base", "returned"), OTHER)
def test_another_value_of_the_steps_is_no_output(base: type, returned: str, also: str) -> None:
    report = checked(returning_of_steps(base, returned, also), cell="lstm")
    assert (report.verdict, report.findings[0].slug) == (Verdict.MISMATCH, "output-is-not-h")


@pytest.mark.parametrize("also", ["", "h", "(h, c)"])
@pytest.mark.parametrize("base", [OtherOutput, OfCell])
def test_the_states_of_the_steps_are_the_output(base: type, also: str) -> None:
    assert checked(returning_of_steps(base, "h", also), cell="lstm").verdict is Verdict.EQUIVALENT


def test_an_input_handed_back_is_no_output() -> None:
    report = checked(returning_of_steps(OfCell, "x", ""), cell="lstm", diagnose=False)
    assert report.verdict is not Verdict.EQUIVALENT


class WithGates(OtherOutput):
    """Its gates come after its states, for a backward pass."""

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Any:
        outputs, gates = [], []
        for x_t in x:
            i, f, g, o = (self.of_x(x_t) + self.of_h(h)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
            gates.append(torch.sigmoid(o))
        return torch.stack(outputs), torch.stack(gates)


def test_gates_beside_the_output_are_known() -> None:
    assert checked(WithGates, cell="lstm").verdict is Verdict.EQUIVALENT


class Widths(nn.Module):
    """Has heads of these widths, some as wide as rnncheck's calls have timesteps or rows, or one more."""

    widths: tuple[int, ...]

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.GRU(input_size, hidden_size, batch_first=True)
        self.heads = nn.ModuleList(nn.Linear(hidden_size, width) for width in self.widths)

    def forward(self, x: Tensor) -> Any:
        output, h = self.inner(x)
        return [head(output) for head in self.heads], self.heads[0](h[-1])


@pytest.mark.sample(3)
@pytest.mark.parametrize("widths", [(6,), (5,), (3,), (4,), (6, 4), (2, 6, 3)])
def test_heads_of_any_width_are_none_of_the_states(widths: tuple[int, ...]) -> None:
    report = check(type("Candidate", (Widths,), {"widths": widths}), hidden_size=8, witness=False, paths="none")
    assert report.verdict is Verdict.EQUIVALENT
