"""What an implementation is asked to run: a spec with weights, sequences and a state that leave nothing unseen."""

from dataclasses import dataclass, replace

import torch
from hypothesis import strategies as st
from torch import Tensor

from rnncheck.data.random import initial_state
from rnncheck.implementations import load
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights, draw


@dataclass(frozen=True)
class Case:
    """A spec and the data to run it on; T, B, I and H all differ by default, so that no two axes can be confused."""

    spec: Spec
    seq_len: int = 7
    batch_size: int = 3
    lengths: tuple[int, ...] | None = None
    seed: int = 0

    @property
    def dtype(self) -> torch.dtype:
        return getattr(torch, self.spec.dtype)

    def at(self, dtype: Dtype, device: str = "cpu") -> "Case":
        return replace(self, spec=replace(self.spec, dtype=dtype, device=device))

    def weights(self) -> Weights:
        """Large enough for the activations to bend, and for a lost bias to show."""
        return Weights({name: 1.5 * value for name, value in draw(self.spec, self.seed).values.items()})

    def x(self) -> Tensor:
        """(T, B, I), zero behind each row's length."""
        generator = torch.Generator().manual_seed(self.seed)
        shape = (self.seq_len, self.batch_size, self.spec.input_size)
        x = torch.randn(shape, generator=generator, dtype=torch.float64)
        return x.masked_fill(self.padding(), 0.0).to(self.spec.device, self.dtype)

    def state(self) -> State:
        state = initial_state(self.spec, self.batch_size, seed=self.seed)
        return State(*(None if each is None else each.to(self.spec.device, self.dtype) for each in (state.h, state.c)))

    def padding(self) -> Tensor:
        """(T, B, 1), true behind a row's length."""
        ends = torch.tensor(self.lengths or (self.seq_len,) * self.batch_size)
        return torch.arange(self.seq_len)[:, None, None] >= ends[:, None]


@dataclass(frozen=True)
class Restricted(Case):
    """A case whose weights the implementation `name` can hold: flax.nnx:GRUCell has no b_hn."""

    name: str = ""

    def weights(self) -> Weights:
        return load(self.name).read(self.spec).restrict(super().weights())


SPECS = (
    Spec(),
    Spec(nonlinearity="relu"),
    Spec(cell=Cell.LSTM),
    Spec(cell=Cell.GRU),
    Spec(bias=False),
    Spec(cell=Cell.GRU, bias=False),
    Spec(batch_first=True),
    Spec(head="softmax"),
    Spec(num_layers=3, bidirectional=True),
    Spec(cell=Cell.LSTM, num_layers=2, bidirectional=True, proj_size=2, head="softmax", batch_first=True),
    Spec(cell=Cell.GRU, num_layers=2, bidirectional=True, dropout=0.5),
    Spec(cell=Cell.LSTM, num_layers=2, dropout=0.5, bias=False),
)
CASES = tuple(
    Case(replace(spec, dtype=Dtype.FLOAT64), lengths=lengths) for spec in SPECS for lengths in (None, (4, 7, 2))
)


@st.composite
def specs(draw: st.DrawFn, dtypes: tuple[Dtype, ...] = (Dtype.FLOAT64,)) -> Spec:
    """Any layer that can be, up to three of everything."""
    cell, layers = draw(st.sampled_from(Cell)), draw(st.integers(1, 3))
    hidden_size = draw(st.integers(1, 5))
    return Spec(
        cell=cell,
        input_size=draw(st.integers(1, 4)),
        hidden_size=hidden_size,
        num_layers=layers,
        nonlinearity=draw(st.sampled_from(["tanh", "relu"])) if cell is Cell.RNN else None,
        bias=draw(st.booleans()),
        batch_first=draw(st.booleans()),
        dropout=draw(st.sampled_from([0.0, 0.5])) if layers > 1 else 0.0,
        bidirectional=draw(st.booleans()),
        proj_size=draw(st.integers(0, hidden_size - 1)) if cell is Cell.LSTM else 0,
        head=draw(st.sampled_from([None, "softmax"])),
        dtype=draw(st.sampled_from(dtypes)),
    )


@st.composite
def cases(draw: st.DrawFn, dtypes: tuple[Dtype, ...] = (Dtype.FLOAT64,)) -> Case:
    """Any layer on any small data."""
    seq_len, batch_size = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    lengths = st.lists(st.integers(1, seq_len), min_size=batch_size, max_size=batch_size).map(tuple)
    return Case(draw(specs(dtypes)), seq_len, batch_size, draw(st.none() | lengths), draw(st.integers(0, 2**32)))
