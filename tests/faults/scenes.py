"""Scenes to see faults in."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from hypothesis import strategies as st
from strategies import specs
from torch import Tensor

from rnncheck.data.random import initial_state
from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.weights import draw

SPECS = [
    Spec(Cell.RNN, 3, 4, dtype=Dtype.FLOAT64),
    Spec(Cell.RNN, 4, 4, nonlinearity="relu", dtype=Dtype.FLOAT64),
    Spec(Cell.RNN, 3, 4, num_layers=2, bidirectional=True, dtype=Dtype.FLOAT64),
    Spec(Cell.LSTM, 3, 4, dtype=Dtype.FLOAT64),
    Spec(Cell.LSTM, 4, 4, bias=False, dtype=Dtype.FLOAT64),
    Spec(Cell.LSTM, 3, 4, num_layers=2, bidirectional=True, dtype=Dtype.FLOAT64),
    Spec(Cell.LSTM, 3, 4, num_layers=2, proj_size=2, dtype=Dtype.FLOAT64),
    Spec(Cell.GRU, 3, 4, dtype=Dtype.FLOAT64),
    Spec(Cell.GRU, 3, 4, num_layers=3, dtype=Dtype.FLOAT64),
    Spec(Cell.GRU, 8, 4, num_layers=2, bidirectional=True, dtype=Dtype.FLOAT64),
]


def scene(
    spec: Spec, seq_len: int = 6, batch_size: int = 4, lengths: Sequence[int] | None = None, seed: int = 0
) -> Scene:
    """Random numbers everywhere, large enough to reach where tanh bends; rows are zero behind their ends."""
    x = torch.randn(
        seq_len, batch_size, spec.input_size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    for row, end in enumerate(lengths or ()):
        x[end:, row] = 0
    x *= 4
    return Scene(
        spec,
        draw(spec, seed).values,
        x,
        initial_state(spec, batch_size, seed=seed),
        None if lengths is None else tuple(lengths),
    )


@st.composite
def scenes(draw_: st.DrawFn) -> Scene:
    """Any scene, the degenerate ones too: sizes of 1, values all zero or all the same."""
    spec, seq_len, batch_size = draw_(specs()), draw_(st.integers(1, 4)), draw_(st.integers(1, 3))
    dropout = draw_(st.sampled_from([0.0, 0.5])) if spec.num_layers > 1 else 0.0
    spec = replace(spec, head=draw_(st.sampled_from([None, "softmax"])), dropout=dropout)
    lengths = draw_(st.none() | st.lists(st.integers(1, seq_len), min_size=batch_size, max_size=batch_size))
    found = scene(spec, seq_len, batch_size, lengths, draw_(st.integers(0, 99)))
    kinds = st.sampled_from([as_it_is, as_it_is, torch.zeros_like, constant])
    change = {name: draw_(kinds) for name in ("weight", "bias", "x", "h", "c")}
    weights = {name: change[name.partition("_")[0]](value) for name, value in found.weights.items()}
    c = found.state.c
    state = type(found.state)(change["h"](found.state.h), None if c is None else change["c"](c))
    return Scene(spec, weights, change["x"](found.x), state, found.lengths)


def as_it_is(value: Tensor) -> Tensor:
    return value


def constant(value: Tensor) -> Tensor:
    return torch.full_like(value, 0.3)
