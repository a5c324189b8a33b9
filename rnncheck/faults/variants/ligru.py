"""The light GRU: no reset gate, and relu instead of tanh."""

import torch
from torch import Tensor

from rnncheck.faults.variants.variant import Variant
from rnncheck.model.spec import Cell
from rnncheck.model.variant import Operations, States


def step(from_x: Tensor, from_h: Tensor, before: States, by: Operations) -> States:
    """z = σ(a_z);  n = relu(a_n);  h' = z h + (1 - z) n, of the sums a = W_ih x + b_ih + W_hh h + b_hh."""
    (h,) = before
    size = h.shape[-1]
    sums = from_x + from_h
    z = by.sigmoid(sums[..., size : 2 * size])
    n = torch.relu(sums[..., 2 * size :])  # which rounds nothing
    return (z * h + (1 - z) * n,)


VARIANT = Variant(
    slug="ligru",
    cell=Cell.GRU,
    title="no reset gate, and relu instead of tanh",
    equations="""\
z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
n_t = relu(W_in x_t + b_in + W_hn h_{t-1} + b_hn)
h_t = z_t ⊙ h_{t-1} + (1 − z_t) ⊙ n_t""",
    source='Ravanelli et al. 2018, "Light gated recurrent units for speech recognition"',
    users="Speech recognition, there with batch normalisation of W x, which this lacks. The rows of r are not used.",
    step=step,
    mixes="z",
)
