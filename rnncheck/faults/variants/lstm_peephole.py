"""The LSTM with peepholes: its gates see the cell state."""

from torch import Tensor

from rnncheck.faults.variants.variant import Variant
from rnncheck.model.spec import Cell
from rnncheck.model.variant import Operations, States


def step(from_x: Tensor, from_h: Tensor, before: States, by: Operations) -> States:
    """i = σ(a_i + p_i c);  f = σ(a_f + p_f c);  c' = f c + i tanh(a_g);  o = σ(a_o + p_o c');  h' = o tanh(c')."""
    _, c = before
    i, f, g, o = (from_x + from_h).chunk(4, -1)
    i, f = by.sigmoid(i + by.scale("peephole_i", c)), by.sigmoid(f + by.scale("peephole_f", c))
    c = f * c + i * by.tanh(g)
    return by.sigmoid(o + by.scale("peephole_o", c)) * by.tanh(c), c


VARIANT = Variant(
    slug="lstm-peephole",
    cell=Cell.LSTM,
    title="the gates see the cell state",
    equations="""\
i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi + p_i ⊙ c_{t-1})
f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf + p_f ⊙ c_{t-1})
g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho + p_o ⊙ c_t)
h_t = o_t ⊙ tanh(c_t)""",
    source='Gers & Schmidhuber 2000, "Recurrent nets that time and count"',
    users="TensorFlow's LSTMCell with use_peepholes, ONNX with P, speech recognition. Its own weights: p_i, p_f, p_o.",
    step=step,
    fault="peephole",
    own={"peephole_i": 1, "peephole_f": 1, "peephole_o": 1},
)
