"""Right layers of unusual kinds are equivalent."""

import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from rnncheck import check
from rnncheck.errors import CannotRun
from rnncheck.report import Verdict


class Packed(nn.Module):
    """It unpacks by the sizes alone and forgets in which order the rows were."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.GRUCell(input_size, hidden_size)

    def forward(self, packed: PackedSequence, h: Tensor) -> tuple[PackedSequence, Tensor]:
        at, rows, states = 0, list(h[0]), []
        for size in packed.batch_sizes.tolist():
            states.append(self.cell(packed.data[at : at + size], torch.stack(rows[:size])))
            rows[:size] = states[-1].unbind(0)
            at += size
        return PackedSequence(torch.cat(states), packed.batch_sizes), torch.stack(rows)[None]


class NormsNeverReached(nn.Module):
    """One bias for each sum; its norms are for another setting, and their tensors look like the other bias."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.size = hidden_size
        self.below = nn.ModuleList([nn.Linear(input_size, hidden_size) for _ in range(4)])
        self.before = nn.ModuleList([nn.Linear(hidden_size, hidden_size, bias=False) for _ in range(4)])
        self.norm = nn.ParameterDict({"gain": torch.ones(hidden_size), "beta": torch.zeros(hidden_size)})

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[1], self.size)
        every = []
        for now in x:
            f, i, o, g = (a(now) + b(h) for a, b in zip(self.below, self.before, strict=True))
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            every.append(h)
        return torch.stack(every)


class Homework:
    """In numpy, with what its training needs; it returns a head on the last state, of weights that are no module's."""

    def __init__(self, input_size: int, hidden_size: int, output_size: int, num_epochs: int, lr: float) -> None:
        drawn = np.random.default_rng(0)
        self.below, self.before = drawn.normal(size=(input_size, hidden_size)), drawn.normal(size=(hidden_size,) * 2)
        self.bias, self.epochs, self.lr = drawn.normal(size=(1, hidden_size)), num_epochs, lr
        self.show, self.shift = drawn.normal(size=(hidden_size, output_size)), drawn.normal(size=(1, output_size))

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        h = np.zeros_like(self.bias)
        for now in inputs:
            h = np.tanh(now @ self.below + h @ self.before + self.bias)
        return h @ self.show + self.shift


class Words(nn.Module):
    """Its input size counts words, and its embedding may be given."""

    def __init__(
        self, input_size: int, embed_size: int, hidden_size: int, max_len: int, embedding: Tensor | None = None
    ) -> None:
        super().__init__()
        self.embed, self.max_len = nn.Embedding(input_size, embed_size), max_len
        if embedding is not None:
            self.embed.weight.data = embedding
        self.gru = nn.GRU(embed_size, hidden_size, batch_first=True)

    def forward(self, words: Tensor) -> tuple[Tensor, Tensor]:
        return self.gru(self.embed(words[:, : self.max_len]))  # type: ignore[no-any-return]


class ShowsSums(nn.LSTMCell):
    """A dict of the states and of what its gates are functions of."""

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        sums = nn.functional.linear(x, self.weight_ih, self.bias_ih) + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = sums.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return {"h": o.sigmoid() * c.tanh(), "c": c, "i": i, "f": f, "g": g, "o": o}


class NeedsRates(nn.GRU):
    """Constructed with rates that have no default."""

    def __init__(self, dropconnect_p: float, input_size: int, hidden_size: int, zoneout: float) -> None:
        super().__init__(input_size, hidden_size)
        self.rate = dropconnect_p + zoneout

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        output, h = super().forward(x, h0)
        return output * (1 - self.rate), h


class OneOfATuple(nn.Module):
    """A step through two layers; what it takes and gives is a tuple, as an LSTM's, of h alone."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1) -> None:
        super().__init__()
        sizes = [input_size] + [hidden_size] * num_layers
        self.levels = nn.ModuleList(map(nn.GRUCell, sizes, sizes[1:]))

    def forward(self, x: Tensor, hidden: tuple[Tensor]) -> tuple[Tensor, tuple[Tensor]]:
        every = []
        for level, h in zip(self.levels, hidden[0], strict=True):
            x = level(x, h)
            every.append(x)
        return x, (torch.stack(every),)


class PairsByDirection(nn.Module):
    """It takes and returns a list of layers, each a list of directions, each a pair of states."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bidirectional: bool = True) -> None:
        super().__init__()
        sizes = [input_size] + [2 * hidden_size] * num_layers
        self.levels = nn.ModuleList(
            nn.ModuleList(nn.LSTMCell(size, hidden_size) for _ in range(2)) for size in sizes[:-1]
        )

    def forward(
        self, x: Tensor, states: list[list[tuple[Tensor, Tensor]]]
    ) -> tuple[Tensor, list[list[tuple[Tensor, Tensor]]]]:
        ends = []
        for level, pairs in zip(self.levels, states, strict=True):
            both, last = [], []
            for cell, pair, order in zip(level, pairs, (1, -1), strict=True):
                every = []
                for now in list(x)[::order]:
                    pair = cell(now, pair)
                    every.append(pair[0])
                both.append(torch.stack(every[::order]))
                last.append(pair)
            x = torch.cat(both, 2)
            ends.append(last)
        return x, ends


@pytest.mark.sample(1)
@pytest.mark.parametrize(("layer", "bidirectional"), [(OneOfATuple, False), (PairsByDirection, True)])
def test_states_are_handed_over_in_nested_lists(layer: type[nn.Module], bidirectional: bool) -> None:
    cell = "lstm" if bidirectional else "gru"
    report = check(layer, cell=cell, num_layers=2, bidirectional=bidirectional, witness=False, backward=False)
    assert (report.verdict, report.findings) == (Verdict.EQUIVALENT, [])


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "layer", [Packed, NormsNeverReached, NeedsRates, Homework, Words, ShowsSums], ids=lambda each: each.__name__
)
def test_it_is_equivalent(layer: type[nn.Module]) -> None:
    cell = {NormsNeverReached: "lstm", ShowsSums: "lstm", Homework: "rnn"}.get(layer, "gru")
    report = check(layer, cell=cell, witness=False)
    assert (report.verdict, report.findings) == (Verdict.EQUIVALENT, [])


class BothDirectionsAdded(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.both = nn.LSTM(input_size, hidden_size, bidirectional=True)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        output, state = self.both(x)
        return output.unflatten(2, (2, -1)).sum(2), state


@pytest.mark.slow
@pytest.mark.explained
def test_the_sum_of_both_directions_is_an_output_and_named() -> None:
    report = check(BothDirectionsAdded, cell="lstm", bidirectional=True, witness=False)
    assert [finding.slug for finding in report.findings] == ["directions-summed"]


class OneShape(nn.Module):
    """It takes the rows and timesteps that it was made for, and returns a head on the last state alone."""

    def __init__(self, seq_length: int, input_dim: int, num_hidden: int, num_classes: int, batch_size: int) -> None:
        super().__init__()
        self.shape = batch_size, seq_length, input_dim
        self.parts = nn.ParameterDict({"px": torch.zeros(num_hidden, num_classes), "p": torch.zeros(num_classes)})
        for each in "gifo":
            self.parts[each + "x"] = torch.zeros(input_dim, num_hidden)
            self.parts[each + "h"] = torch.zeros(num_hidden, num_hidden)
            self.parts[each] = torch.zeros(num_hidden)

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape == self.shape
        h = c = torch.zeros(len(x), len(self.parts["g"]))
        for now in x.unbind(1):
            g, i, f, o = (now @ self.parts[k + "x"] + h @ self.parts[k + "h"] + self.parts[k] for k in "gifo")
            c = g.tanh() * i.sigmoid() + c * f.sigmoid()
            h = c.tanh() * o.sigmoid()
        return h @ self.parts["px"] + self.parts["p"]


@pytest.mark.slow
def test_a_head_of_one_shape_hands_on_the_states() -> None:
    report = check(OneShape, cell="lstm", seq_len=8, batch_size=3, witness=False)
    assert (report.verdict, report.findings) == (Verdict.EQUIVALENT, [])
    with pytest.raises(CannotRun, match="Leave --arg num_classes="):
        check(OneShape, cell="lstm", arguments={"num_classes": 2})


def calls_what_is_nowhere(x: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    return squashed(x @ W + h @ U + b)  # type: ignore[name-defined,no-any-return]  # noqa: F821


def test_a_name_that_is_not_defined_ends_the_search() -> None:
    started = time.thread_time()
    with pytest.raises(CannotRun, match="name 'squashed' is not defined"):
        check(calls_what_is_nowhere, cell="gru")
    assert time.thread_time() - started < 5


class InBuffers(nn.Module):
    """Its weights are buffers, of which nobody says that they are trained."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.register_buffer("w", torch.randn(4 * hidden_size, input_size + hidden_size))
        self.register_buffer("b", torch.randn(4 * hidden_size))

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = state
        every = []
        for now in x:
            i, f, g, o = (torch.cat([now, h], 1) @ self.w.T + self.b).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            every.append(h)
        return torch.stack(every), (h, c)


def test_weights_may_be_buffers() -> None:
    assert check(InBuffers).verdict is Verdict.EQUIVALENT


class NamesOfItsOwn(InBuffers):
    def __init__(self, n_in: int, n_units: int) -> None:
        super().__init__(n_in, n_units)


class HandsOn(NamesOfItsOwn):
    """Its constructor names nothing that its base class takes."""

    def __init__(self, *args: int, scale: float = 1.0, **kwargs: int) -> None:
        super().__init__(*args, **kwargs)


class SaysWhatItHandsOn(NamesOfItsOwn):
    def __init__(self, input_size: int, hidden_size: int, **kwargs: int) -> None:
        super().__init__(n_in=input_size, n_units=hidden_size, **kwargs)


@pytest.mark.parametrize("layer", [HandsOn, SaysWhatItHandsOn])
def test_a_constructor_may_hand_on_what_its_base_class_names(layer: type[nn.Module]) -> None:
    assert check(layer).verdict is Verdict.EQUIVALENT


class Scan(torch.autograd.Function):
    """A tanh RNN without biases; h (1, B, H) would be broadcast forwards, and its backward takes h (B, H) alone."""

    @staticmethod
    def forward(ctx, x, h, w, u):  # type: ignore[no-untyped-def]
        states, output = [h], torch.empty(*x.shape[:2], len(w), dtype=x.dtype)
        for t in range(len(x)):
            states.append((x[t] @ w.T + states[-1] @ u.T).tanh())
            output[t] = states[-1]
        ctx.save_for_backward(x, w, u, *states)
        return output

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        x, w, u, *states = ctx.saved_tensors
        dx, dh, dw, du = torch.empty_like(x), torch.zeros_like(states[0]), torch.zeros_like(w), torch.zeros_like(u)
        for t in reversed(range(len(x))):
            da = (gradient[t] + dh) * (1 - states[t + 1] ** 2)
            dx[t], dh, dw, du = da @ w, da @ u, dw + da.t() @ x[t], du + da.t() @ states[t]
        return dx, dh, dw, du


class Kernel(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(hidden_size, input_size))
        self.u = nn.Parameter(torch.randn(hidden_size, hidden_size))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return Scan.apply(x, h, self.w, self.u)  # type: ignore[no-any-return, no-untyped-call]


def test_a_backward_that_takes_no_broadcast_is_given_none() -> None:
    assert check(Kernel, cell="rnn").verdict is Verdict.EQUIVALENT


class ThroughHead(nn.Module):
    """Its states leave it through a head of plain parameters, made as wide as they are."""

    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(hidden_size, input_size) / 2)
        self.u = nn.Parameter(torch.randn(hidden_size, hidden_size) / 2)
        self.b = nn.Parameter(torch.randn(hidden_size))
        self.v = nn.Parameter(torch.randn(output_size, hidden_size))

    def forward(self, x: Tensor) -> Tensor:
        h, every = x.new_zeros(x.shape[1], len(self.u)), []
        for now in x:
            h = torch.tanh(now @ self.w.T + h @ self.u.T + self.b)
            every.append(h @ self.v.T)
        return torch.stack(every)


@pytest.mark.slow
@pytest.mark.paths
def test_a_head_of_one_width_is_no_fault_at_other_sizes() -> None:
    assert check(ThroughHead, cell="rnn", arguments={"output_size": 4}).verdict is Verdict.EQUIVALENT


class OfColumns:
    """A GRU in numpy on one sequence, whose timesteps are the columns of x and of what it returns."""

    def __init__(self, n_x: int, n_h: int) -> None:
        drawn = np.random.default_rng(0)
        self.w, self.u = drawn.normal(size=(3, n_h, n_x)), drawn.normal(size=(3, n_h, n_h))
        self.b, self.c = drawn.normal(size=(3, n_h)), drawn.normal(size=n_h)

    def forward(self, x: Any) -> Any:
        h, columns = np.zeros_like(self.c), []
        for x_t in x.T:
            a = self.w @ x_t + self.b
            z, r = (1 / (1 + np.exp(-a[k] - self.u[k] @ h)) for k in (0, 1))
            h = z * h + (1 - z) * np.tanh(a[2] + r * (self.u[2] @ h + self.c))
            columns.append(h)
        return np.stack(columns, 1)


def test_timesteps_may_be_columns() -> None:
    assert check(OfColumns, cell="gru", witness=False).verdict is Verdict.EQUIVALENT
