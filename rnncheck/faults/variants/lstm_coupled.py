"""The LSTM with coupled gates: the forget gate is one minus the input gate."""

from torch import Tensor

from rnncheck.faults.variants.variant import Variant
from rnncheck.model.spec import Cell
from rnncheck.model.variant import Operations, States


def step(from_x: Tensor, from_h: Tensor, before: States, by: Operations) -> States:
    """c' = (1 - i) c + i g;  h' = o tanh(c'). The rows of f are not read."""
    _, c = before
    i, _, g, o = (from_x + from_h).chunk(4, -1)
    i = by.sigmoid(i)
    c = (1 - i) * c + i * by.tanh(g)
    return by.sigmoid(o) * by.tanh(c), c


VARIANT = Variant(
    slug="lstm-coupled",
    cell=Cell.LSTM,
    title="the forget gate is one minus the input gate",
    equations="""\
i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)
g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)
c_t = (1 − i_t) ⊙ c_{t-1} + i_t ⊙ g_t
h_t = o_t ⊙ tanh(c_t)""",
    source='Greff et al. 2015, "LSTM: a search space odyssey", where it is called CIFG',
    users="TensorFlow's CoupledInputForgetGateLSTMCell, and ONNX with input_forget=1. The rows of f are not used.",
    step=step,
    mixes="i",
)
