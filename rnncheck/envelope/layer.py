"""One layer in one direction: its steps run exactly and with perturbations, a block of steps at a time.

Time is the order in which the layer takes its steps: a backward direction gets its input in reverse order.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rnncheck.envelope.gate_sums import EnvelopeCell, ExactSteps
from rnncheck.envelope.rounding import Noise, Rounding
from rnncheck.model.variant import States

BLOCK = 2**16  # numbers of one kind that are worked on at a time: what a cache holds
SIGMAS = 7.0  # k: how many standard deviations a right implementation may be off; measured, see docs/envelope.md
PEAK = (2 / SIGMAS) ** 2  # so that twice the largest move of a sample is allowed
LIFT = 2.0**56  # so that the square of a move of 1e-35 is not zero in float32


class Walk(NamedTuple):
    """The run of a layer: its output (T, B, R), the states before each step, and those after the last one.

    The spreads are standard deviations of the rounding error; `moves` are the samples, (K, B, R) for each step.
    `size` and `largest` (T, B) are the root mean square of h, and the largest number that occurred.
    """

    output: Tensor
    before: States
    last: States
    spread: Tensor
    last_spread: States
    moves: list[Tensor]
    size: Tensor
    largest: Tensor


def walk(
    cell: EnvelopeCell,
    x: Tensor,
    start: States,
    alive: Tensor | None,
    *,
    noise: Noise,
    dx: Sequence[Tensor] | None,
    work: torch.dtype,
    keep: bool,
) -> Walk:
    """Runs x (T, B, I) from the states `start`; `alive` (T, B) says which rows still have data, if not all have.

    With it run K samples in which every operation rounds, and whose input differs by `dx`, (K, B, I) for each step.
    Their moves, the differences from the exact run, are kept if asked for.
    """
    sites = cell.begin(noise)
    states = start
    moved: States = ()
    blocks, variances, moves = [], [], []
    length = max(BLOCK // (x.shape[1] * cell.gates.rows), 1)
    for first in range(0, len(x), length):
        steps, states = exact_steps(cell, x[first : first + length], states, alive, first)
        largest = largest_numbers(steps)
        blocks.append((*steps.before, steps.after[0], largest.amax(0)))
        inputs = cell.step_inputs(steps.to(work) if ordinary(largest) else steps)
        every = zip(*(each.to(work).unbind(0) for each in inputs), strict=True)
        for t, inputs in enumerate(every, first):
            moved_next = cell.move(inputs, None if dx is None else dx[t], moved, sites)
            variances.append(variance(moved_next[0], kinks=cell.kinks))
            if keep:
                moves.append(moved_next[0] if alive is None else moved_next[0] * alive[t, :, None])
            moved = carried(alive, t, moved_next, moved)
    spreads = spread(torch.stack(variances))
    last_spread = spreads[-1] if alive is None else spread(variance(moved[0], kinks=cell.kinks))
    *before, after, highest = together(blocks, torch.cat)
    return Walk(
        after if alive is None else torch.where(alive[:, :, None], after, 0.0),
        tuple(before),
        states,
        spreads,
        (last_spread, *(spread(variance(each)) for each in moved[1:])),
        moves,
        torch.maximum(rms(before[0]), rms(after)),
        highest,
    )


def exact_steps(
    cell: EnvelopeCell, x: Tensor, states: States, alive: Tensor | None, first: int
) -> tuple[ExactSteps, States]:
    """The steps of x in float64, from step `first` on, and the states after the last one."""
    from_x = cell.gates.from_x(x)
    before, from_hs, after = [], [], []
    for t, from_x_t in enumerate(from_x.unbind(0), first):
        from_h = cell.gates.from_h(states[0])
        states_next = cell.step(from_x_t, from_h, states)
        before.append(states)
        from_hs.append(from_h)
        after.append(states_next)
        states = carried(alive, t, states_next, states)
    steps = ExactSteps(x, together(before, torch.stack), from_x, torch.stack(from_hs), together(after, torch.stack))
    return steps, states


def together(steps: Sequence[tuple[Tensor, ...]], join: Callable[[list[Tensor]], Tensor]) -> States:
    """Joins the steps of several quantities."""
    return tuple(join(list(quantity)) for quantity in zip(*steps, strict=True))


def carried(alive: Tensor | None, t: int, new: States, old: States) -> States:
    """`new`, each (·, B, ·), in the rows that still have data at t; `old`, or zero if empty, in the others."""
    if alive is None:
        return new
    rows = alive[t, :, None]
    old = old or tuple(torch.zeros_like(each) for each in new)
    return tuple(torch.where(rows, *pair) for pair in zip(new, old, strict=True))


def largest_numbers(steps: ExactSteps) -> Tensor:
    """(quantities, T, B): the largest number of each sum and state in each step; NaN if one is NaN."""
    return torch.stack([each.abs().amax(-1) for each in (steps.from_x, steps.from_h, *steps.after)])


def ordinary(largest: Tensor) -> bool:
    """Whether float32 can square the rounding scales of steps with these largest numbers.

    A number far smaller than the largest of its quantity, step and row may become zero: rows are judged together.
    """
    return bool(((largest == 0) | ((largest > 1e-6) & (largest < 1e9))).all())


def variance(moved: Tensor, *, kinks: bool = False) -> Tensor:
    """The mean square (B, ·) of moves (K, B, ·), multiplied by `LIFT` squared so that it is not zero in float32.

    Beyond a kink few samples move far, and their mean square says too little of how far: `PEAK` of the largest counts.
    """
    squares = (moved * LIFT).square_()
    return torch.maximum(squares.mean(0), PEAK * squares.amax(0)) if kinks else squares.mean(0)


def spread(variances: Tensor) -> Tensor:
    """The standard deviations of such variances (..., B, ·): that of the unit, or of its row if that is larger.

    A unit that no sample changed may still change as much as its neighbours.
    """
    return torch.maximum(variances, variances.mean(-1, keepdim=True)).sqrt_().double().div_(LIFT)


def rms(values: Tensor) -> Tensor:
    return values.square().mean(-1).sqrt()


def lost_steps(walk: Walk, allowed: Tensor, below: Tensor | None, alive: Tensor | None, rounding: Rounding) -> Tensor:
    """(T, B), true from the first step on that the normal run cannot judge.

    A step is lost if the rounding error, over all units, may be as large as the state has ever been; if a number may
    overflow in the run's dtype, or is NaN; or if its input is lost. The first step carries no earlier error, so it is
    always judged.
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
