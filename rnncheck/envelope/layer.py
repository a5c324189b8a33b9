"""One layer in one direction over all its steps: first exactly, then perturbed."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.envelope.gates import Cell, States, Steps
from rnncheck.envelope.noise import Noise

ROUNDINGS_PER_STEP = 4  # gates, c, h, projection: the most that a cell asks noise for


@dataclass(frozen=True)
class Way:
    """How a layer goes through time: the order of its T steps, and which rows still have data at each (T, B)."""

    order: Sequence[int]
    alive: Tensor | None

    def carried(self, t: int, new: Tensor, old: Tensor | None) -> Tensor:
        """`new` (·, B, ·) in the rows that are alive at t, `old` (zero if None) in the others."""
        if self.alive is None:
            return new
        return torch.where(self.alive[t, :, None], new, new.new_zeros(()) if old is None else old)

    def shown(self, t: int, new: Tensor) -> Tensor:
        """`new` (·, B, ·), zero in the rows that are over at t."""
        return self.carried(t, new, None)


def exact_steps(cell: Cell, x: Tensor, h: Tensor, c: Tensor | None, way: Way) -> tuple[Steps, Tensor, States]:
    """All steps in float64, the output (T, B, R), and the last states."""
    from_x = cell.gates.from_x(x)
    steps: list[tuple[Tensor | None, ...]] = [()] * len(x)
    for t in way.order:
        from_h = cell.gates.from_h(h)
        h_next, c_next = cell.step(from_x[t], from_h, h, c)
        steps[t] = h, c, from_h, h_next, c_next, way.shown(t, h_next)
        h = way.carried(t, h_next, h)
        c = None if c_next is None else way.carried(t, c_next, c)
    hs, cs, from_hs, hs_next, cs_next, output = (stacked(each) for each in zip(*steps, strict=True))
    return Steps(x, hs, cs, from_x, from_hs, hs_next, cs_next), output, (h, c)


def stacked(steps: Sequence[Tensor | None]) -> Tensor | None:
    tensors = [each for each in steps if each is not None]
    return torch.stack(tensors) if tensors else None


@dataclass(frozen=True)
class Spread:
    """The standard deviation of what rounding moves: the output (T, B, R), and the last h and c (B, ·).

    `moves` are the samples themselves, (K, B, R) at every step: what the next layer reads.
    """

    output: Tensor
    h: Tensor
    c: Tensor | None
    moves: list[Tensor]


def perturbed_steps(
    cell: Cell, steps: Steps, way: Way, dx: Sequence[Tensor] | None, noise: Noise, work: torch.dtype, *, keep: bool
) -> Spread:
    """The same steps with every operation rounding, K times over; `dx` is what already moved the input."""
    frames = list(zip(*(each.to(work).unbind(0) for each in cell.frame(steps)), strict=True))
    sites = [noise.site() for _ in range(ROUNDINGS_PER_STEP)]
    dh: Tensor | None = None
    dc: Tensor | None = None
    moves, spreads = [steps.x] * len(frames), [steps.x] * len(frames)
    for t in way.order:
        dh_next, dc_next = cell.move(frames[t], None if dx is None else dx[t], dh, dc, sites)
        dh = way.carried(t, dh_next, dh)
        dc = None if dc_next is None else way.carried(t, dc_next, dc)
        spreads[t] = way.shown(t, spread(dh_next))
        if keep:
            moves[t] = way.shown(t, dh_next)
    assert dh is not None
    return Spread(torch.stack(spreads), spread(dh), None if dc is None else spread(dc), moves)


def no_samples(output: Tensor, last: States) -> Spread:
    """The spread of rows that are not sampled: nobody knows."""
    h, c = last
    unknown = torch.full_like(h, torch.inf)
    return Spread(torch.full_like(output, torch.inf), unknown, None if c is None else torch.full_like(c, torch.inf), [])


LIFT = 2.0**56  # moves of 1e-35 still have a square in float32


def spread(moved: Tensor) -> Tensor:
    """The standard deviation (B, ·) of moves (K, B, ·) around 0, the exact run: a unit's own, or all its row's.

    A unit that no sample happened to move may still be moved as far as its neighbours are.
    """
    variance = (moved * LIFT).square_().mean(0)
    return torch.maximum(variance, variance.mean(-1, keepdim=True)).sqrt_().double() / LIFT
