"""One layer in one direction: its steps run exactly, and beside them perturbed, a block of steps at a time.

Time is here the order in which the layer takes its steps: a reverse direction is given its input reversed.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rnncheck.envelope.gates import Cell, States, Steps
from rnncheck.envelope.noise import Noise

ROUNDINGS_PER_STEP = 4  # gates, c, h, projection: the most that a cell asks noise for
BLOCK = 2**16  # numbers of one kind that are worked on at a time: what a cache holds
LIFT = 2.0**56  # moves of 1e-35 still have a square in float32


class Walk(NamedTuple):
    """What a layer did: its output (T, B, R), the states before each step, and those after the last one.

    The spreads are standard deviations of what rounding moves: None if nothing was sampled. `moves` are the samples
    themselves, (K, B, R) at every step. `size` and `largest` (T, B): the root mean square of h, the largest number.
    """

    output: Tensor
    before: States
    last: States
    size: Tensor
    largest: Tensor
    spread: Tensor | None
    last_spread: States
    moves: list[Tensor]


def walk(
    cell: Cell,
    x: Tensor,
    state: States,
    alive: Tensor | None,
    *,
    noise: Noise | None,
    dx: Sequence[Tensor] | None,
    work: torch.dtype,
) -> Walk:
    """Walk x (T, B, I) from `state`; `alive` (T, B) says which rows still have data, if not all have.

    With noise every operation rounds too, in each of K samples, whose input has moved by `dx`, (K, B, I) each step.
    """
    sites = [noise.site() for _ in range(ROUNDINGS_PER_STEP)] if noise else []
    moved: tuple[Tensor | None, Tensor | None] = None, None
    blocks, spreads, moves = [], [], []
    length = max(BLOCK // (x.shape[1] * cell.gates.rows), 1)
    for start in range(0, len(x), length):
        steps, state = exact_steps(cell, x[start : start + length], state, alive, start)
        blocks.append((steps.h, steps.c, steps.h_next, largest(steps)))
        if not noise:
            continue
        frames = zip(*(each.to(work).unbind(0) for each in cell.frame(steps)), strict=True)
        for t, frame in enumerate(frames, start):
            dh, dc = cell.move(frame, None if dx is None else dx[t], *moved, sites)
            spreads.append(spread(dh))
            moves.append(carried(alive, t, dh, None))
            moved = carried(alive, t, dh, moved[0]), None if dc is None else carried(alive, t, dc, moved[1])
    h, c, h_next, highest = (joined(each, torch.cat) for each in zip(*blocks, strict=True))
    size = torch.maximum(rms(h), rms(h_next))
    output = h_next if alive is None else torch.where(alive[:, :, None], h_next, 0.0)
    last_spread = tuple(None if each is None else spread(each) for each in moved)
    return Walk(output, (h, c), state, size, highest, torch.stack(spreads) if noise else None, last_spread, moves)


def exact_steps(cell: Cell, x: Tensor, state: States, alive: Tensor | None, start: int) -> tuple[Steps, States]:
    """The steps of x in float64, the first of which is step `start`, and the states they end in."""
    from_x = cell.gates.from_x(x)
    h, c = state
    steps = []
    for t, from_x_t in enumerate(from_x.unbind(0), start):
        from_h = cell.gates.from_h(h)
        h_next, c_next = cell.step(from_x_t, from_h, h, c)
        steps.append((h, c, from_h, h_next, c_next))
        h = carried(alive, t, h_next, h)
        c = None if c_next is None else carried(alive, t, c_next, c)
    before, before_c, from_h, h_next, c_next = (joined(each, torch.stack) for each in zip(*steps, strict=True))
    return Steps(x, before, before_c, from_x, from_h, h_next, c_next), (h, c)


def joined(steps: Sequence[Tensor | None], join: Callable[[list[Tensor]], Tensor]) -> Tensor | None:
    """Some quantity of all steps; None for the one that the cell has not, c."""
    tensors = [each for each in steps if each is not None]
    return join(tensors) if tensors else None


def carried(alive: Tensor | None, t: int, new: Tensor, old: Tensor | None) -> Tensor:
    """`new` (·, B, ·) in the rows that still have data at t, `old` (zero if None) in the others."""
    if alive is None:
        return new
    return torch.where(alive[t, :, None], new, new.new_zeros(()) if old is None else old)


def largest(steps: Steps) -> Tensor:
    """(T, B): the largest number that a step met; NaN if any was."""
    numbers = (steps.from_x, steps.from_h, steps.h_next, *([] if steps.c_next is None else [steps.c_next]))
    return torch.stack([each.abs().amax(-1) for each in numbers]).amax(0)


def spread(moved: Tensor) -> Tensor:
    """The standard deviation (B, ·) of moves (K, B, ·) around 0, the exact run: a unit's own, or all its row's.

    A unit that no sample happened to move may still be moved as far as its neighbours are.
    """
    variance = (moved * LIFT).square_().mean(0)
    return torch.maximum(variance, variance.mean(-1, keepdim=True)).sqrt_().double().div_(LIFT)


def rms(values: Tensor) -> Tensor:
    return values.square().mean(-1).sqrt()
