"""The whole layer: its layers, directions and head, run exactly and with perturbations, for some batch rows."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear

from rnncheck.envelope.cells import GRUCell, LSTMCell, ReluCell, TanhCell
from rnncheck.envelope.gate_sums import EnvelopeCell
from rnncheck.envelope.layer import SIGMAS, lost_steps, spread, variance, walk
from rnncheck.envelope.rounding import Noise, Rounding
from rnncheck.envelope.variant_cell import VariantCell
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.variant import States


def exact_head(output: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
    return torch.softmax(linear(output, parameters["weight_hy"], parameters["bias_y"]), -1)


def head_spread(
    output: Tensor,
    y: Tensor,
    moves: list[Tensor],
    parameters: Mapping[str, Tensor],
    rounding: Rounding,
    noise: Noise,
    work: torch.dtype,
) -> Tensor:
    """The standard deviation (T, B, H) of y for moves (K, B, D*R) of its input at each of T steps."""
    weight, bias = parameters["weight_hy"], parameters["bias_y"]
    scores = linear(output, weight, bias)
    terms = weight.shape[1] + 1
    scores_scale = rounding.of_sum(
        terms, linear(output.square(), weight.square(), bias.square()), scores, scores - bias
    )
    shifted = scores - scores.amax(-1, keepdim=True)
    exp_scale = rounding.of_results(shifted, torch.ones_like(shifted), torch.ones_like(shifted))
    s_scale = (scores_scale.square() + exp_scale.square()).sqrt().to(work)
    sum_scale = rounding.of_sum(y.shape[-1], y.square().sum(-1, keepdim=True), torch.ones_like(y[..., :1]))
    y_scale = (y * sum_scale).to(work)
    matrix, y_work = weight.T.to(work), y.to(work)
    s_site, y_site = noise.site(), noise.site()
    variances = []
    for t, move in enumerate(moves):
        moved = moved_softmax(y_work[t], s_site(s_scale[t]) + move @ matrix)
        variances.append(variance(moved.add_(y_site(y_scale[t]))))
    return spread(torch.stack(variances))


def moved_softmax(y: Tensor, by: Tensor) -> Tensor:
    """softmax(s + d) - softmax(s) = y (e^d - E) / E, E = sum y e^d; with expm1, so that small d keep their digits."""
    grown = torch.expm1(by - by.amax(-1, keepdim=True).clamp_min(0))
    mean = (y * grown).sum(-1, keepdim=True)
    return y * (grown - mean) / (1 + mean)


UNITS = 2.0  # units of roundoff of the value itself, on top


class BatchRows(NamedTuple):
    """Some rows of the batch: x (T, B, I), the states before the first step, and `alive` (T, B) if lengths differ."""

    x: Tensor
    state: State
    alive: Tensor | None


class Judged(NamedTuple):
    """The exact result, the allowed difference, the states before every step, and the lost steps: see `Envelope`."""

    exact: Trace
    allowed: Trace
    before: State
    lost: Tensor


class Below(NamedTuple):
    """The input of a layer, (T, B, ·): its exact values, its moves in the samples, and its lost steps."""

    output: Tensor
    moves: list[Tensor] | None = None
    lost: Tensor | None = None

    def reversed(self) -> "Below":
        lost = None if self.lost is None else self.lost.flip(0)
        return Below(self.output.flip(0), self.moves and self.moves[::-1], lost)


class LayerSide(NamedTuple):
    """One layer in one direction, in the order of time."""

    output: Tensor
    before: States
    last: States
    allowed: Tensor
    allowed_last: States
    lost: Tensor
    moves: list[Tensor]


class EnvelopeNetwork:
    """A spec with its weights in float64."""

    def __init__(self, spec: Spec, values: dict[str, Tensor], rounding: Rounding) -> None:
        self._spec, self._rounding, self._values = spec, rounding, values
        # float32 is wide enough for what rounding moves, but not in layers that can grow without bound.
        wide = rounding.dtype == torch.float64 or spec.nonlinearity == "relu" or spec.variant is not None
        self.work = torch.float64 if wide else torch.float32
        self.cells = [[self._cell(layer, way) for way in range(spec.directions)] for layer in range(spec.num_layers)]

    @property
    def different_units(self) -> int:
        """The least number of different units of a layer and direction; units with equal weights count once."""
        fewest = min(cell.gates.different_units for way in self.cells for cell in way)
        return min(fewest, self._spec.state_size)

    def run(self, rows: BatchRows, noise: Noise) -> Judged:
        """The exact values and the allowances of these rows."""
        below = Below(rows.x)
        every: list[LayerSide] = []
        for layer in range(self._spec.num_layers):
            sides = [self._side(layer, direction, rows, below, noise) for direction in range(self._spec.directions)]
            below = read_together(sides)
            every += sides
        y, allowed_y = self._head(below, noise)
        allowed = torch.cat([side.allowed for side in sides], -1)
        return Judged(
            Trace(below.output, stacked_states([side.last for side in every]), y),
            Trace(allowed, stacked_states([side.allowed_last for side in every]), allowed_y),
            stacked_states([side.before for side in every], dim=1),
            torch.stack([side.lost for side in sides], -1),
        )

    def _side(self, layer: int, direction: int, rows: BatchRows, below: Below, noise: Noise) -> LayerSide:
        state, alive = rows.state, rows.alive
        index = layer * self._spec.directions + direction
        start = tuple(each[index] for each in state.tensors())
        if direction:
            below, alive = below.reversed(), None if alive is None else alive.flip(0)
        keep = self._spec.head is not None or layer + 1 < self._spec.num_layers
        cell, dx = self.cells[layer][direction], below.moves
        walked = walk(cell, below.output, start, alive, noise=noise, dx=dx, work=self.work, keep=keep)
        allowed = self._allowed(walked.output, walked.spread)
        lost = lost_steps(walked, allowed, below.lost, alive, self._rounding)
        allowed_last = tuple(
            self._allowed(*each).masked_fill_(lost[-1, :, None], torch.inf)
            for each in zip(walked.last, walked.last_spread, strict=True)
        )
        allowed.masked_fill_(lost[:, :, None], torch.inf)
        if alive is not None:
            allowed.masked_fill_(~alive[:, :, None], 0.0)  # where a row is over there is a zero, exactly
        output, before, moves = walked.output, walked.before, walked.moves
        if direction:
            output, allowed, lost, moves = output.flip(0), allowed.flip(0), lost.flip(0), moves[::-1]
            before = tuple(each.flip(0) for each in before)
        return LayerSide(output, before, walked.last, allowed, allowed_last, lost, moves)

    def _cell(self, layer: int, direction: int) -> EnvelopeCell:
        suffix = f"_l{layer}" + ("_reverse" if direction else "")
        parameters = {name.removesuffix(suffix): each for name, each in self._values.items() if name.endswith(suffix)}
        if self._spec.variant is not None:
            return VariantCell(parameters, self._rounding, self._spec.variant)
        rnn = ReluCell if self._spec.nonlinearity == "relu" else TanhCell
        kind = {Cell.RNN: rnn, Cell.LSTM: LSTMCell, Cell.GRU: GRUCell}[self._spec.cell]
        return kind(parameters, self._rounding, self.work)

    def _head(self, below: Below, noise: Noise) -> tuple[Tensor | None, Tensor | None]:
        if self._spec.head is None:
            return None, None
        y = exact_head(below.output, self._values)
        assert below.moves is not None
        assert below.lost is not None
        spread = head_spread(below.output, y, below.moves, self._values, self._rounding, noise, self.work)
        return y, self._allowed(y, spread).masked_fill(below.lost[:, :, None], torch.inf)

    def _allowed(self, exact: Tensor, spread: Tensor) -> Tensor:
        allowed = (SIGMAS * spread).add_(exact.abs(), alpha=UNITS * self._rounding.unit)
        return allowed.add_(16 * self._rounding.smallest).nan_to_num_(nan=torch.inf, posinf=torch.inf)


def read_together(sides: Sequence[LayerSide]) -> Below:
    """The input of the next layer: the outputs of all directions side by side."""
    output = torch.cat([side.output for side in sides], -1)
    moves = [torch.cat(each, -1) for each in zip(*(side.moves for side in sides), strict=True)]
    return Below(output, moves, torch.stack([side.lost for side in sides]).any(0))


def stacked_states(each: Sequence[States], dim: int = 0) -> State:
    """The states of all layers and directions, stacked as in `torch.nn`."""
    return State(*(torch.stack(kind, dim) for kind in zip(*each, strict=True)))
