"""The GRU of the first publication: the reset gate acts on the state before the recurrent product."""

from torch import Tensor

from rnncheck.faults.variants.variant import Variant
from rnncheck.model.spec import Cell
from rnncheck.model.variant import Operations, States


def step(from_x: Tensor, from_h: Tensor, before: States, by: Operations) -> States:
    """n = tanh(W_in x + b_in + W_hn (r h) + b_hn);  h' = (1 - z) n + z h."""
    (h,) = before
    size = h.shape[-1]
    r = by.sigmoid((from_x + from_h)[..., :size])
    z = by.sigmoid((from_x + from_h)[..., size : 2 * size])
    n = by.tanh(from_x[..., 2 * size :] + by.recur(r * h)[..., 2 * size :])
    return ((1 - z) * n + z * h,)


VARIANT = Variant(
    slug="gru-reset-before",
    cell=Cell.GRU,
    title="the reset gate acts before the recurrent product",
    equations="""\
r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
n_t = tanh(W_in x_t + b_in + W_hn (r_t ⊙ h_{t-1}) + b_hn)
h_t = (1 − z_t) ⊙ n_t + z_t ⊙ h_{t-1}""",
    source='Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder", version 3',
    users="Keras with reset_after=False, ONNX with linear_before_reset=0, and most GRUs written from the paper.",
    step=step,
    mixes="z",
)
