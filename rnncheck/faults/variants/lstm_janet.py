"""The LSTM of which the forget gate alone is left."""

from torch import Tensor

from rnncheck.faults.variants.variant import Variant
from rnncheck.model.spec import Cell
from rnncheck.model.variant import Operations, States


def step(from_x: Tensor, from_h: Tensor, before: States, by: Operations) -> States:
    """c' = σ(a_f) c + (1 - σ(a_f - 1)) tanh(a_g);  h' = c'. The rows of i and o are not read."""
    _, c = before
    _, f, g, _ = (from_x + from_h).chunk(4, -1)
    c = by.sigmoid(f) * c + (1 - by.sigmoid(f - 1)) * by.tanh(g)
    return c, c


VARIANT = Variant(
    slug="lstm-janet",
    cell=Cell.LSTM,
    title="of its gates, the forget gate alone is left",
    equations="""\
s_t = W_if x_t + b_if + W_hf h_{t-1} + b_hf
g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
c_t = σ(s_t) ⊙ c_{t-1} + (1 − σ(s_t − 1)) ⊙ g_t
h_t = c_t""",
    source='van der Westhuizen & Lasenby 2018, "The unreasonable effectiveness of the forget gate", with β = 1',
    users="Small models for long sequences, where it is called JANET. The rows of i and o are not used.",
    step=step,
)
