"""Random configurations wider than users have, on purpose near every edge at which rounding decides."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.data.sequences import Sequences
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.weights import draw

MOST_NUMBERS = 3e6  # timesteps times rows times weights: what keeps one configuration within a fraction of a second

GRID = 8.0  # numbers of eighths have pre-activations that are zero exactly, again and again


@dataclass(frozen=True)
class Edge:
    """What is done to the data and to all weights, to come near an edge."""

    data: Callable[[Tensor, random.Random, Spec], Tensor] = lambda x, dice, spec: x
    weights: Callable[[Tensor, random.Random, Spec], Tensor] = lambda value, dice, spec: value


def times(value: Tensor, low: float, high: float, dice: random.Random) -> Tensor:
    """The value times a number between 10^low and 10^high."""
    return value * 10 ** dice.uniform(low, high)


def in_eighths(value: Tensor, dice: random.Random, spec: Spec) -> Tensor:
    return (value * GRID * 2).round() / GRID


def near_the_largest(value: Tensor, dice: random.Random, spec: Spec) -> Tensor:
    largest = math.log10(torch.finfo(getattr(torch, spec.dtype)).max)
    return times(value, 0.3 * largest, largest - 1, dice)


def near_the_smallest(value: Tensor, dice: random.Random, spec: Spec) -> Tensor:
    smallest = math.log10(torch.finfo(getattr(torch, spec.dtype)).tiny)
    return times(value, smallest - 2, 0.5 * smallest, dice)


EDGES = {
    "none": Edge(),
    "kinks": Edge(in_eighths, in_eighths),
    "saturation": Edge(lambda x, dice, spec: times(x, 1, 4, dice)),
    "overflow": Edge(near_the_largest),
    "subnormal data": Edge(near_the_smallest),
    "subnormal": Edge(near_the_smallest, near_the_smallest),
    "zero data": Edge(lambda x, dice, spec: 0 * x),
    "constant data": Edge(lambda x, dice, spec: (x[:1] * (x != 0)).contiguous()),
    "no bias to speak of": Edge(weights=lambda value, dice, spec: value * 1e-3 if value.dim() == 1 else value),
    "sparse": Edge(weights=lambda value, dice, spec: value * (torch.rand(value.shape) < 0.2)),
}


@dataclass(frozen=True)
class Drawn:
    """A plan without a candidate, and what is told of it."""

    plan: Plan
    edge: str
    scale: float

    @property
    def kind(self) -> str:
        spec = self.plan.spec
        return f"{spec.nonlinearity or ''} {spec.cell}".strip()

    def __str__(self) -> str:
        spec, data = self.plan.spec, self.plan.sequences
        sizes = f"T {data.seq_len} B {data.batch_size} I {spec.input_size} H {spec.hidden_size} L {spec.num_layers}"
        return (
            f"{self.kind} {spec.dtype}, {sizes} D {spec.directions}, lengths {data.lengths}, "
            f"W_hh times {self.scale:.3g}, {self.plan.h0} h0, edge: {self.edge}"
        )


def drawn(seed: int) -> Drawn:
    """The configuration of that seed."""
    dice = random.Random(seed)
    torch.manual_seed(seed)
    cell = dice.choice([Cell.RNN, Cell.RNN, Cell.LSTM, Cell.GRU])
    hidden_size = 1 if dice.random() < 0.05 else round(2 ** dice.uniform(0, 7))
    spec = Spec(
        cell,
        input_size=round(2 ** dice.uniform(0, 5)),
        hidden_size=hidden_size,
        num_layers=dice.choice([1, 1, 2, 3]),
        nonlinearity=dice.choice(["tanh", "relu"]) if cell is Cell.RNN else None,
        bias=dice.random() < 0.8,
        bidirectional=dice.random() < 0.35,
        proj_size=dice.randrange(hidden_size) if cell is Cell.LSTM and dice.random() < 0.2 else 0,
        dtype=dice.choice([Dtype.FLOAT32, Dtype.FLOAT32, Dtype.FLOAT64, Dtype.BFLOAT16, Dtype.FLOAT16]),
    )
    batch_size = dice.randint(1, 4)
    seq_len = 1 if dice.random() < 0.05 else round(math.exp(dice.uniform(0, math.log(150))))
    parameters = sum(math.prod(shape) for shape in spec.parameter_shapes().values())
    seq_len = max(min(seq_len, int(MOST_NUMBERS / parameters / batch_size)), 1)
    lengths = (seq_len, *(dice.randint(1, seq_len) for _ in range(batch_size - 1))) if dice.random() < 0.25 else None
    scale = dice.choice([1.0, 10 ** dice.uniform(-1, 2), 10 ** dice.uniform(-1, 2)])
    name = dice.choice(["none"] * len(EDGES) + list(EDGES))
    edge = EDGES[name]
    weights = {name: edge.weights(value, dice, spec) for name, value in draw(spec, seed).scaled(scale).values.items()}
    data = random_sequences(spec.input_size, seq_len, batch_size, lengths=lengths, seed=seed)
    x = edge.data(torch.from_numpy(next(iter(data.chunks(seq_len)))), dice, spec)
    x = x.clamp(-1, 1) if name == "none" and dice.random() < 0.2 else x
    sequences = Sequences(
        lambda steps: (x[t : t + steps].numpy() for t in range(0, seq_len, steps)),
        batch_size,
        spec.input_size,
        seq_len,
        lengths,
    )
    h0 = "zeros" if dice.random() < 0.3 else "random"
    return Drawn(Plan(spec, sequences, seed=seed, weights=weights, h0=h0, witness=False), name, scale)
