"""Configurations for hypothesis to draw."""

from hypothesis import strategies as st

from rnncheck.model.spec import Cell, Spec


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    cell, hidden_size = draw(st.sampled_from(Cell)), draw(st.integers(1, 5))
    return Spec(
        cell=cell,
        input_size=draw(st.integers(1, 5)),
        hidden_size=hidden_size,
        num_layers=draw(st.integers(1, 3)),
        bias=draw(st.booleans()),
        bidirectional=draw(st.booleans()),
        proj_size=draw(st.integers(0, hidden_size - 1)) if cell is Cell.LSTM else 0,
    )
