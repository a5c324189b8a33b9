"""The minimal gated unit: one gate instead of two."""

from torch import Tensor

from rnncheck.faults.variants.variant import Variant
from rnncheck.model.spec import Cell
from rnncheck.model.variant import Operations, States


def step(from_x: Tensor, from_h: Tensor, before: States, by: Operations) -> States:
    """f = σ(W_if x + b_if + W_hf h + b_hf);  n = tanh(W_in x + b_in + W_hn (f h) + b_hn);  h' = (1 - f) h + f n."""
    (h,) = before
    size = h.shape[-1]
    f = by.sigmoid((from_x + from_h)[..., size : 2 * size])
    n = by.tanh(from_x[..., 2 * size :] + by.recur(f * h)[..., 2 * size :])
    return ((1 - f) * h + f * n,)


VARIANT = Variant(
    slug="gru-minimal",
    cell=Cell.GRU,
    title="one gate serves as update and reset gate",
    equations="""\
f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)
n_t = tanh(W_in x_t + b_in + W_hn (f_t ⊙ h_{t-1}) + b_hn)
h_t = (1 − f_t) ⊙ h_{t-1} + f_t ⊙ n_t""",
    source='Zhou et al. 2016, "Minimal gated unit for recurrent neural networks"',
    users="f uses the weights of the GRU's z, the second block of rows; the first block, r, is not used.",
    step=step,
)
