"""The independently recurrent network: each unit sees of the state itself alone."""

from torch import Tensor

from rnncheck.faults.variants.variant import Variant
from rnncheck.model.spec import Cell
from rnncheck.model.variant import Operations, States


def step(from_x: Tensor, from_h: Tensor, before: States, by: Operations) -> States:
    """h' = relu(W_ih x + b_ih + u h). W_hh and b_hh are not read."""
    (h,) = before
    return (by.relu(from_x + by.scale("recurrent", h)),)


VARIANT = Variant(
    slug="indrnn",
    cell=Cell.RNN,
    title="each unit sees only itself of the state",
    equations="h_t = relu(W_ih x_t + b_ih + u ⊙ h_{t-1})",
    source='Li et al. 2018, "Independently recurrent neural network (IndRNN): building a longer and deeper RNN"',
    users="Long sequences and many layers. Its own weight is the vector recurrent, u; W_hh and b_hh are not used.",
    step=step,
    own={"recurrent": 1},
    nonlinearity="relu",
)
