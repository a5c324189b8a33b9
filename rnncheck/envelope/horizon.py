"""Where a free run stops deciding: rounding has grown to the size of the state, or numbers have overflowed."""

import torch
from torch import Tensor

from rnncheck.envelope.gates import Steps
from rnncheck.envelope.layer import Way
from rnncheck.envelope.rounding import Rounding


def lost_steps(
    steps: Steps, allowed: Tensor, lost_below: Tensor | None, way: Way, rounding: Rounding
) -> Tensor:
    """(T, B), true from the first step on, in the order of the layer, that a free run cannot judge.

    A step is lost when what rounding may do, over all units, is as large as the state ever was; when a number
    overflows in the run's dtype; when what it reads is lost. The first step carries no error of an earlier one: it
    is judged whatever it allows.
    """
    order = torch.tensor(way.order)
    sizes = rms(steps.h)[order].maximum(rms(steps.h_next)[order]).cummax(0).values
    saturated = ~(rms(allowed)[order] <= sizes)
    saturated[0] = False
    lost = saturated | overflowing(steps, rounding)[order]
    if lost_below is not None:
        lost |= lost_below[order]
    if way.alive is not None:
        lost &= way.alive[order]
    return lost.cummax(0).values[order.argsort()]


def overflowing(steps: Steps, rounding: Rounding) -> Tensor:
    """(T, B): some number of the step is too large for the run's dtype, or none at all; partial sums get a half."""
    largest = torch.stack([each.abs().amax(-1) for each in (steps.from_x, steps.from_h, steps.h_next)]).amax(0)
    if steps.c_next is not None:
        largest = torch.maximum(largest, steps.c_next.abs().amax(-1))
    return ~(largest <= rounding.largest / 2)


def rms(values: Tensor) -> Tensor:
    return values.square().mean(-1).sqrt()
