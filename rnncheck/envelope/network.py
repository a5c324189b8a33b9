"""The whole layer: its layers and directions, run exactly and perturbed, for some rows of the batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from rnncheck.envelope.gates import Cell, States
from rnncheck.envelope.gru_cell import GRUCell
from rnncheck.envelope.head import exact_head, head_spread
from rnncheck.envelope.horizon import lost_steps
from rnncheck.envelope.layer import Way, exact_steps, no_samples, perturbed_steps
from rnncheck.envelope.lstm_cell import LSTMCell
from rnncheck.envelope.noise import Noise
from rnncheck.envelope.rnn_cell import ReluCell, TanhCell
from rnncheck.envelope.rounding import Rounding
from rnncheck.spec import Cell as Kind
from rnncheck.spec import Spec
from rnncheck.trace import State, Trace

SIGMAS = 8.0  # k: how many standard deviations a right implementation may be off; measured, see docs/envelope.md
UNITS = 2.0  # units of roundoff of the value itself, on top


class Rows(NamedTuple):
    """Some rows of the batch: x (T, B, I), the states before the first step, and `alive` (T, B) if lengths differ."""

    x: Tensor
    state: State
    alive: Tensor | None


class Judged(NamedTuple):
    """What is exact, what is allowed, the states before every step, and which steps are lost: see `Envelope`."""

    exact: Trace
    allowed: Trace
    before: State
    lost: Tensor


@dataclass(frozen=True)
class Side:
    """One layer in one direction: exact values, allowances, and how far the samples moved its output."""

    output: Tensor
    before: States
    last: States
    allowed: Tensor
    allowed_last: States
    lost: Tensor
    moves: list[Tensor]


class Network:
    """One spec with its weights in float64."""

    def __init__(self, spec: Spec, values: dict[str, Tensor], rounding: Rounding) -> None:
        self.spec, self.rounding, self.values = spec, rounding, values
        # float32 is wide enough for what rounding moves, but not in layers that can grow without bound.
        wide = rounding.dtype == torch.float64 or spec.nonlinearity == "relu"
        self.work = torch.float64 if wide else torch.float32

    def run(self, rows: Rows, noise: Noise | None) -> Judged:
        """Exact values and allowances; without noise nothing is sampled, and every allowance is infinite."""
        spec, x = self.spec, rows.x
        dx: list[Tensor] | None = None
        lost: Tensor | None = None
        every: list[Side] = []
        for layer in range(spec.num_layers):
            keep = layer + 1 < spec.num_layers or spec.head is not None
            sides = [self._side(layer, each, rows, x, dx, lost, noise, keep=keep) for each in range(spec.directions)]
            x = torch.cat([side.output for side in sides], -1)
            lost = torch.stack([side.lost for side in sides], -1).any(-1)
            if keep:
                dx = [torch.cat(moves, -1) for moves in zip(*(side.moves for side in sides), strict=True)]
            every += sides
        y, allowed_y = self._head(x, dx, lost, noise)
        exact = Trace(x, states([side.last for side in every]), y)
        allowed = Trace(
            torch.cat([side.allowed for side in sides], -1), states([side.allowed_last for side in every]), allowed_y
        )
        before = states([side.before for side in every], dim=1)
        return Judged(exact, allowed, before, torch.stack([side.lost for side in sides], -1))

    def _side(
        self,
        layer: int,
        direction: int,
        rows: Rows,
        x: Tensor,
        dx: list[Tensor] | None,
        lost_below: Tensor | None,
        noise: Noise | None,
        *,
        keep: bool,
    ) -> Side:
        index = layer * self.spec.directions + direction
        order = range(len(x))
        way = Way(order[::-1] if direction else order, rows.alive)
        cell = self._cell(layer, direction)
        h, c = rows.state.h[index], None if rows.state.c is None else rows.state.c[index]
        steps, output, last = exact_steps(cell, x, h, c, way)
        spread = perturbed_steps(cell, steps, way, dx, noise, self.work, keep=keep) if noise else no_samples(output, last)
        allowed = self._allowed(output, spread.output)
        lost = lost_steps(steps, allowed, lost_below, way, self.rounding)
        at_end = lost[way.order[-1]][:, None]
        h_allowed = self._allowed(last[0], spread.h).masked_fill(at_end, torch.inf)
        c_allowed = None
        if last[1] is not None and spread.c is not None:
            c_allowed = self._allowed(last[1], spread.c).masked_fill(at_end, torch.inf)
        allowed = allowed.masked_fill(lost[:, :, None], torch.inf)
        if way.alive is not None:
            allowed = allowed.masked_fill(~way.alive[:, :, None], 0.0)  # zero is what stands there, exactly
        return Side(output, (steps.h, steps.c), last, allowed, (h_allowed, c_allowed), lost, spread.moves)

    def _cell(self, layer: int, direction: int) -> Cell:
        suffix = f"_l{layer}" + ("_reverse" if direction else "")
        parameters = {name.removesuffix(suffix): each for name, each in self.values.items() if name.endswith(suffix)}
        rnn = ReluCell if self.spec.nonlinearity == "relu" else TanhCell
        kind = {Kind.RNN: rnn, Kind.LSTM: LSTMCell, Kind.GRU: GRUCell}[self.spec.cell]
        return kind(parameters, self.rounding, self.work)

    def _head(
        self, output: Tensor, moves: list[Tensor] | None, lost: Tensor | None, noise: Noise
    ) -> tuple[Tensor | None, Tensor | None]:
        if self.spec.head is None or moves is None or lost is None:
            return None, None
        y = exact_head(output, self.values)
        if noise is None:
            return y, torch.full_like(y, torch.inf)
        spread = head_spread(output, y, moves, self.values, self.rounding, noise, self.work)
        return y, self._allowed(y, spread).masked_fill(lost[:, :, None], torch.inf)

    def _allowed(self, exact: Tensor, spread: Tensor) -> Tensor:
        allowed = SIGMAS * spread + UNITS * self.rounding.unit * exact.abs() + 16 * self.rounding.smallest
        return allowed.nan_to_num(nan=torch.inf, posinf=torch.inf)


def states(each: Sequence[States], dim: int = 0) -> State:
    """The states of all layers and directions in one, as `torch.nn` stacks them."""
    h = torch.stack([h for h, _ in each], dim)
    cs = [c for _, c in each if c is not None]
    return State(h, torch.stack(cs, dim) if cs else None)
