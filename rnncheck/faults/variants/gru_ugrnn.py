"""The update gate RNN: the GRU without its reset gate."""

from torch import Tensor

from rnncheck.faults.variants.variant import Variant
from rnncheck.model.spec import Cell
from rnncheck.model.variant import Operations, States


def step(from_x: Tensor, from_h: Tensor, before: States, by: Operations) -> States:
    """z = σ(a_z);  n = tanh(a_n);  h' = z h + (1 - z) n, of the sums a = W_ih x + b_ih + W_hh h + b_hh."""
    (h,) = before
    size = h.shape[-1]
    sums = from_x + from_h
    z = by.sigmoid(sums[..., size : 2 * size])
    return (z * h + (1 - z) * by.tanh(sums[..., 2 * size :]),)


VARIANT = Variant(
    slug="gru-ugrnn",
    cell=Cell.GRU,
    title="no reset gate",
    equations="""\
z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
n_t = tanh(W_in x_t + b_in + W_hn h_{t-1} + b_hn)
h_t = z_t ⊙ h_{t-1} + (1 − z_t) ⊙ n_t""",
    source='Collins et al. 2016, "Capacity and trainability in recurrent neural networks", where it is called UGRNN',
    users="TensorFlow's contrib.rnn.UGRNNCell, and small models for devices. The rows of r are not used.",
    step=step,
    mixes="z",
)
