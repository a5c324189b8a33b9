"""Where a free run stops deciding: rounding has grown to the size of the state, or numbers have overflowed."""

from torch import Tensor

from rnncheck.envelope.layer import Walk, rms
from rnncheck.envelope.rounding import Rounding


def lost_steps(walk: Walk, allowed: Tensor, below: Tensor | None, alive: Tensor | None, rounding: Rounding) -> Tensor:
    """(T, B), true from the first step on that a free run cannot judge.

    A step is lost when what rounding may do, over all units, is as large as the state ever was; when a number comes
    near overflowing in the run's dtype, or is none; when what it reads is lost. The first step carries no earlier
    step's error: it is judged whatever it allows.
    """
    saturated = ~(rms(allowed) <= walk.size.cummax(0).values)
    saturated[0] = False
    overflowing = ~(walk.largest <= rounding.largest / 2)  # a partial sum may be larger than the sum
    lost = saturated | overflowing
    if below is not None:
        lost |= below
    if alive is not None:
        lost &= alive  # where a row is over, nothing is judged and nothing goes on
    return lost.cummax(0).values
