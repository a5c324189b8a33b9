"""The LSTM of the first publication: nothing is forgotten."""

from torch import Tensor

from rnncheck.faults.variants.variant import Variant
from rnncheck.model.spec import Cell
from rnncheck.model.variant import Operations, States


def step(from_x: Tensor, from_h: Tensor, before: States, by: Operations) -> States:
    """c' = c + σ(a_i) tanh(a_g);  h' = σ(a_o) tanh(c'). The rows of f are not read."""
    _, c = before
    i, _, g, o = (from_x + from_h).chunk(4, -1)
    c = c + by.sigmoid(i) * by.tanh(g)
    return by.sigmoid(o) * by.tanh(c), c


VARIANT = Variant(
    slug="lstm-without-forget",
    cell=Cell.LSTM,
    title="no forget gate",
    equations="""\
i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)
g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)
c_t = c_{t-1} + i_t ⊙ g_t
h_t = o_t ⊙ tanh(c_t)""",
    source='Hochreiter & Schmidhuber 1997, "Long short-term memory", with tanh for both squashing functions',
    users="Comparisons of LSTMs, where it is called NFG. The rows of f are not used.",
    step=step,
)
