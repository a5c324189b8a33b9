"""Layers and directions whose states cannot be seen one by one: torch's names say which is which, or other names."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from rnncheck import check
from rnncheck.errors import CannotRun
from rnncheck.report import Verdict


class SwappedDirections(nn.RNN):
    def forward(self, x: Tensor, h0: Tensor | None = None) -> object:
        return renamed(self, x, h0, lambda name: name[:-8] if name.endswith("_reverse") else f"{name}_reverse")


class SwappedLayers(nn.RNN):
    def forward(self, x: Tensor, h0: Tensor | None = None) -> object:
        return renamed(self, x, h0, lambda name: name.translate(str.maketrans("12", "21")))


def renamed(module: nn.RNN, x: Tensor, h0: Tensor | None, other) -> object:  # type: ignore[no-untyped-def]
    own = dict(module.named_parameters())
    plain = nn.RNN(module.input_size, module.hidden_size, module.num_layers, bidirectional=module.bidirectional)
    return functional_call(plain, {name: own[other(name)] for name in own}, (x, h0))


class Encoder(nn.Module):
    kind: type[nn.Module] = nn.LSTM

    def __init__(self, input_size: int, hidden_size: int, num_layers: int, bidirectional: bool = False) -> None:
        super().__init__()
        self.inner = self.kind(input_size, hidden_size, num_layers, bidirectional=bidirectional)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)[0]


class GruEncoder(Encoder):
    kind = nn.GRU


class NoUpperBias(GruEncoder):
    def forward(self, x: Tensor) -> Tensor:
        return functional_call(self.inner, {"bias_hh_l1": torch.zeros_like(self.inner.bias_hh_l1)}, (x,))[0]


class Stack(nn.Module):
    kind: type[nn.Module] = nn.RNN

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.below, self.above = self.kind(input_size, hidden_size), self.kind(hidden_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.above(self.below(x)[0])[0]


class GruStack(Stack):
    kind = nn.GRU


class BothWays(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.below = nn.RNN(input_size, hidden_size, bidirectional=True)
        self.above = nn.RNN(2 * hidden_size, hidden_size, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.above(self.below(x)[0])[0]


class OwnNames(nn.Module):
    times = 1

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.size = hidden_size
        for name, width in (("W1", input_size), ("U1", hidden_size), ("W2", hidden_size), ("U2", hidden_size)):
            setattr(self, name, nn.Parameter(torch.randn(hidden_size, width)))
        self.b1, self.b2 = nn.Parameter(torch.randn(hidden_size)), nn.Parameter(torch.randn(hidden_size))

    def forward(self, x: Tensor) -> Tensor:
        a = b = x.new_zeros(x.shape[1], self.size)
        output = []
        for x_t in x:
            a = torch.tanh(x_t @ self.W1.T + a @ self.U1.T + self.b1)
            b = torch.tanh(a @ self.W2.T + b @ self.U2.T + self.times * self.b2)
            output.append(b)
        return torch.stack(output)


class TrebledUpperBias(OwnNames):
    times = 3


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("candidate", "options"),
    [
        (Encoder, {"num_layers": 2, "bidirectional": True}),
        (GruEncoder, {"num_layers": 2}),
        (Stack, {"num_layers": 2}),
        (GruStack, {"cell": "gru", "num_layers": 2}),
        (BothWays, {"num_layers": 2, "bidirectional": True}),
        (OwnNames, {"num_layers": 2}),
    ],
)
def test_a_right_layer_that_shows_its_outputs_alone_is_compared_with_all_its_biases(
    candidate: type[nn.Module], options: dict[str, object]
) -> None:
    cell = {Encoder: "lstm", GruEncoder: "gru"}.get(candidate, "rnn")
    report = check(candidate, **{"cell": cell, "witness": False, **options})
    assert (report.verdict, report.restrictions) == (Verdict.EQUIVALENT, [])


@pytest.mark.explained
@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("candidate", "cell", "options"),
    [
        (SwappedLayers, "rnn", {"num_layers": 3}),
        (NoUpperBias, "gru", {"num_layers": 2}),
        (TrebledUpperBias, "rnn", {"num_layers": 2}),
    ],
)
def test_weights_of_another_place_and_biases_of_the_upper_layer_are_not_explained_away(
    candidate: type[nn.Module], cell: str, options: dict[str, object]
) -> None:
    report = check(candidate, cell=cell, diagnose=False, **options)
    assert (report.verdict, report.restrictions) == (Verdict.MISMATCH, [])


@pytest.mark.slow
def test_torch_s_names_say_which_layer_and_direction_each_tensor_is() -> None:
    report = check(SwappedDirections, bidirectional=True, diagnose=False)
    assert report.verdict is Verdict.MISMATCH
    assert all(each.candidate == each.from_ for each in report.mapping)


class ThreeBiasesBelow(OwnNames):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.b3 = nn.Parameter(torch.randn(hidden_size))

    def forward(self, x: Tensor) -> Tensor:
        a = b = x.new_zeros(x.shape[1], self.size)
        output = []
        for x_t in x:
            a = torch.tanh(x_t @ self.W1.T + a @ self.U1.T + self.b1 + self.b2 + self.b3)
            b = torch.tanh(a @ self.W2.T + b @ self.U2.T)
            output.append(b)
        return torch.stack(output)


def test_no_bias_is_left_out_while_one_that_it_might_be_is_read() -> None:
    with pytest.raises(
        CannotRun, match=r"(?s)b\d affects? the output, .* not assigned: bias_ih_l1, bias_hh_l1.*--mapping"
    ):
        check(ThreeBiasesBelow, num_layers=2)


class SidesSwapped(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.forwards, self.backwards = nn.RNN(input_size, hidden_size), nn.RNN(input_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.backwards(x.flip(0))[0].flip(0), self.forwards(x)[0]], -1)


@pytest.mark.slow
@pytest.mark.explained
def test_what_does_not_depend_on_early_timesteps_is_not_called_detached_from_them() -> None:
    report = check(SidesSwapped, bidirectional=True)
    assert report.verdict is Verdict.MISMATCH
    assert "gradient-detached" not in {each.slug for each in report.findings}


class StatesInList(nn.Module):
    """Given no states, it makes a list of them, one a layer; what it is given, it writes the new states into."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.cells = nn.ModuleList(nn.RNNCell(size, hidden_size) for size in sizes)

    def start(self) -> list[Tensor | None] | Tensor:
        return [None] * len(self.cells)

    def forward(self, x: Tensor, states: list[Tensor | None] | Tensor | None = None) -> object:
        states = self.start() if states is None else states
        for k, cell in enumerate(self.cells):
            h, outputs = states[k], []
            for x_t in x:
                h = cell(x_t, h)
                outputs.append(h)
            states[k] = h
            x = torch.stack(outputs)
        return x, states


class StatesInTensor(StatesInList):
    def start(self) -> Tensor:
        return torch.zeros(len(self.cells), 1, self.cells[0].hidden_size)

    def forward(self, x: Tensor, states: list[Tensor | None] | Tensor | None = None) -> object:
        states = self.start().repeat(1, x.shape[1], 1) if states is None else states
        return super().forward(x, states)


@pytest.mark.explained
def test_a_list_of_states_is_its_own_to_write_into_and_a_tensor_is_not() -> None:
    assert check(StatesInList, cell="rnn", num_layers=2, witness=False).verdict is Verdict.EQUIVALENT
    overwriting = check(StatesInTensor, cell="rnn", num_layers=2)
    assert overwriting.verdict is Verdict.MISMATCH
    assert overwriting.findings[0].slug == "input-mutated"


class OneSize(nn.Module):
    """Its one size is that of x (B, C, T) and of the states; a head leads back to it."""

    def __init__(self, dim: int, layers: int) -> None:
        super().__init__()
        self.inner = nn.GRU(dim, dim, layers, bidirectional=True)
        self.back = nn.Linear(2 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.back(self.inner(x.permute(2, 0, 1))[0]).permute(1, 2, 0)


class OneSizeTwice(OneSize):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(2 * x)


@pytest.mark.slow
def test_what_has_one_size_for_input_and_states_is_read_at_equal_sizes() -> None:
    def verdict(candidate: type[nn.Module]) -> Verdict:
        sizes = {"input_size": 4, "hidden_size": 4, "num_layers": 1}
        return check(candidate, cell="gru", bidirectional=True, witness=False, diagnose=False, **sizes).verdict

    assert verdict(OneSize) is Verdict.EQUIVALENT
    assert verdict(OneSizeTwice) is Verdict.MISMATCH


class NeverFlipped(nn.Module):
    """Two directions side by side, of which the second runs forwards too."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.one, self.other = nn.LSTMCell(input_size, hidden_size), nn.LSTMCell(input_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.unrolled(self.one, x), self.unrolled(self.other, x)], -1)

    def unrolled(self, cell: nn.LSTMCell, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[1], self.hidden_size)
        outputs = []
        for x_t in x:
            h, c = cell(x_t, (h, c))
            outputs.append(h)
        return torch.stack(outputs)


@pytest.mark.slow
def test_a_part_that_agrees_is_no_pass_while_nothing_is_known_of_the_rest() -> None:
    report = check(NeverFlipped, cell="lstm", witness=False)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "only a part of it was compared" in str(report.reason)


class BothWays(nn.Module):
    """Two directions, of which it returns the states of one, and a head on both; or the head alone."""

    def __init__(self, input_size: int, hidden_size: int, shows: bool = True) -> None:
        super().__init__()
        self.ahead, self.back = nn.GRUCell(input_size, hidden_size), nn.GRUCell(input_size, hidden_size)
        self.head, self.shows = nn.Linear(2 * hidden_size, 2), shows

    def forward(self, x: Tensor, h: Tensor) -> object:
        one, other, every = h, h, []
        for early, late in zip(x, x.flip(0), strict=True):
            one, other = self.ahead(early, one), self.back(late, other)
            every.append(one)
        y = self.head(torch.cat([one, other], 1))
        return (y, torch.stack(every)) if self.shows else y


def test_a_direction_that_reaches_a_head_alone_is_a_restriction() -> None:
    report = check(BothWays, cell="gru", witness=False, backward=False, paths="none")
    assert report.verdict == "equivalent"
    assert any("back.weight_ih, back.weight_hh, with the shapes" in each for each in report.restrictions)


@pytest.mark.slow
def test_one_direction_before_a_head_on_both_is_no_pass() -> None:
    options = {"witness": False, "backward": False, "diagnose": False, "paths": "none"}
    report = check(BothWays, cell="gru", arguments={"shows": False}, **options)
    assert report.verdict == "inconclusive"
    assert "--bidirectional" in str(report.reason)


class TopDiscarded(nn.Module):
    """A second layer that nobody reads."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.low, self.top = nn.GRU(input_size, hidden_size), nn.GRU(hidden_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> object:
        output, last = self.low(x, h)
        self.top(output)
        return output, last


def test_a_layer_above_that_nothing_compared_reads_is_a_restriction() -> None:
    report = check(TopDiscarded, cell="gru", witness=False, backward=False, paths="none")
    assert report.verdict == "equivalent"
    assert any("top.weight_ih_l0, top.weight_hh_l0, with the shapes" in each for each in report.restrictions)


class Spare(nn.GRU):
    """With a matrix more for x, and none for h."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.spare = nn.Parameter(torch.randn(3 * hidden_size, input_size))


def test_a_matrix_that_is_no_whole_layer_is_a_note_alone() -> None:
    report = check(Spare, witness=False, backward=False, paths="none")
    assert (report.verdict, report.restrictions) == ("equivalent", [])
    assert any("spare" in each for each in report.notes)


class CellOfOnePair(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.from_x, self.from_h = nn.Linear(input_size, 4 * hidden_size), nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x: Tensor, pair: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = pair
        i, f, g, o = (self.from_x(x) + self.from_h(h)).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class PairForEachLayer(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        widths = [input_size] + [hidden_size] * (num_layers - 1)
        self.levels = nn.ModuleList(CellOfOnePair(each, hidden_size) for each in widths)

    def forward(self, x: Tensor, pairs: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        last = []
        for level, pair in zip(self.levels, pairs, strict=False):
            steps = []
            for x_t in x:
                pair = level(x_t, pair)
                steps.append(pair[0])
            x = torch.stack(steps)
            last.append(pair)
        return x, last


@pytest.mark.slow
def test_attempts_that_unpack_a_tensor_in_the_place_of_a_pair_are_given_up() -> None:
    """A tensor (2, B, H) or (2, H) unpacks as a pair, too, and what the cells then return has other axes."""
    assert check(PairForEachLayer, cell="lstm", num_layers=2, witness=False).verdict is Verdict.EQUIVALENT
