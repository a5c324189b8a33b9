"""Random configurations: cells, sizes, directions, dtypes, scales of the weights, kinds of data and states."""

import math
import random
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rnncheck.data.random import initial_state, random_sequences
from rnncheck.envelope import Rounding, rounding_of
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights, draw

MOST_NUMBERS = 2.0e8  # T * B * parameters: what keeps the bench within minutes


@dataclass(frozen=True)
class Configuration:
    spec: Spec
    weights: Weights
    x: Tensor
    state: State
    lengths: tuple[int, ...] | None
    scale: float
    data: str

    @property
    def rounding(self) -> Rounding:
        return rounding_of(self.spec, tf32=False)

    def at(self, dtype: Dtype) -> "Configuration":
        return replace(self, spec=replace(self.spec, dtype=dtype))


def configuration(seed: int, *, dtype: Dtype | None = None, default_weights: bool = False) -> Configuration:
    """The configuration of that seed. Data is normal, uniform, or constant in time, where rounding errors repeat."""
    dice = random.Random(seed)
    cell = dice.choice(list(Cell))
    hidden_size = round(2 ** dice.uniform(0, 7))
    spec = Spec(
        cell,
        input_size=round(2 ** dice.uniform(0, 6)),
        hidden_size=hidden_size,
        num_layers=dice.choice([1, 1, 2, 3]),
        nonlinearity=dice.choice(["tanh", "tanh", "relu"]) if cell is Cell.RNN else None,
        bias=dice.random() < 0.8,
        bidirectional=dice.random() < 0.3,
        proj_size=dice.randrange(hidden_size) if cell is Cell.LSTM and dice.random() < 0.25 else 0,
        dtype=dtype or dice.choice(list(Dtype)),
    )
    batch_size = dice.randint(1, 4)
    seq_len = round(math.exp(dice.uniform(0, math.log(300))))
    parameters = sum(math.prod(shape) for shape in spec.parameter_shapes().values())
    seq_len = max(min(seq_len, int(MOST_NUMBERS / parameters / batch_size)), 1)
    lengths = tuple(dice.randint(1, seq_len) for _ in range(batch_size)) if dice.random() < 0.2 else None
    if lengths:
        lengths = (seq_len, *lengths[1:])
    scale = 1.0 if default_weights else dice.choice([0.5, 1, 1, 2, 3, 4])
    weights = draw(spec, seed)
    if not default_weights and dice.random() < 0.3:
        weights = normal_weights(spec, seed)
    data = "normal" if default_weights else dice.choice(["normal", "normal", "uniform", "constant"])
    chunks = random_sequences(
        spec.input_size,
        seq_len,
        batch_size,
        lengths=lengths,
        seed=seed,
        init="uniform" if data == "uniform" else "normal",
    ).chunks(seq_len)
    x = torch.from_numpy(next(iter(chunks)))
    if data == "constant":
        x = (x[:1] * (x != 0)).contiguous()
    state = initial_state(spec, batch_size, seed=seed, kind="random" if dice.random() < 0.8 else "zeros")
    return Configuration(spec, weights.scaled(scale), x, state, lengths, scale, data)


def normal_weights(spec: Spec, seed: int) -> Weights:
    """Weights from N(0, 1/H): as widely spread as the uniform ones are not."""
    generator = torch.Generator().manual_seed(seed)
    deviation = 1 / math.sqrt(spec.hidden_size)
    return Weights(
        {
            name: torch.randn(shape, generator=generator, dtype=torch.float64) * deviation
            for name, shape in spec.parameter_shapes().items()
        }
    )
