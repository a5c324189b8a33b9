"""The network around a cell: layers, directions and time.

It is a pure function of (spec, weights, x, state, lengths), split into small methods. Each method is one thing that a
recurrent layer must do right; a fault overrides one of them.

The axes: T timesteps, B batch, I input_size, H hidden_size, L layers, D directions, R the width of h.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.variant import exactly
from rnncheck.scratch import cells
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.head import softmax_head

Carry = tuple[Tensor, ...]
"""The state between two timesteps of one layer: (h,), or (h, c) for the LSTM; h (B, R), c (B, H)."""


class Given(NamedTuple):
    """What one run is given: weights by `torch.nn`'s names, x (T, B, I), and the options of `Network.run`."""

    weights: Mapping[str, Tensor]
    x: Tensor
    state: State | None = None
    lengths: Sequence[int] | Tensor | None = None
    dropout: float = 0.0


class DirectionRun(NamedTuple):
    """The states of one layer in one direction over all timesteps."""

    h: Tensor  # (T, B, R), in the order of time in both directions
    final: Carry  # after the last step of this direction; for the backward direction that is t = 0
    history: Sequence[Carry] = ()  # after each step, in the order of the steps; the fast path keeps none


class Network:
    """The recurrent network that `spec` describes, as `torch.nn` defines it, for any weights and any float dtype."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def run(
        self,
        weights: Mapping[str, Tensor],
        x: Tensor,
        state: State | None = None,
        lengths: Sequence[int] | Tensor | None = None,
        dropout: float = 0.0,
    ) -> Trace:
        """The whole network: x (T, B, I) in, `Trace` out. Time is the first axis, whatever `spec.batch_first` says.

        `weights` have `torch.nn`'s names; without `state` it starts from zeros. With `lengths` (B), row b ends after
        lengths[b] steps: its later outputs are zero, and its final state is the one after its last step.
        `dropout` is for training: the probability that a value between two layers is set to zero.
        Raises `ValueError` for x that is not (T, B, input_size) with T at least 1, and for lengths that do not fit it.
        """
        return self.trace(Given(weights, x, state, lengths, dropout))

    def trace(self, given: Given) -> Trace:
        """The results of one run. A fault around the whole network overrides this."""
        output, sweeps = self.sweeps(given)
        return Trace(output, self.final_state(sweeps), self.head(given.weights, output))

    def sweeps(self, given: Given) -> tuple[Tensor, list[DirectionRun]]:
        """The last layer's output (T, B, D*R), and the states of every layer, in the order of the final states."""
        weights, x, state, lengths, dropout = given
        self.check(x)
        active = self.active(x, lengths)
        if active is not None:
            x = self.hide_padding(x, active)
        state = self.initial_state(x, state)
        output, sweeps = x, list[DirectionRun]()
        for layer in range(self.spec.num_layers):
            read = self.layer_input(layer, x, output, dropout)
            sides = [self.side(weights, layer, d, read, state, active) for d in range(self.spec.directions)]
            output = self.merge(sides)
            sweeps += sides
        return output, sweeps

    def states(
        self,
        weights: Mapping[str, Tensor],
        x: Tensor,
        state: State | None = None,
        lengths: Sequence[int] | Tensor | None = None,
    ) -> State:
        """The states of every layer after every step: h (L*D, T, B, R) and for the LSTM c (L*D, T, B, H), indexed like
        the final states. Both directions are in the order of time: the step before t of the backward one is at t + 1.
        """
        _, sweeps = self.sweeps(Given(weights, x, state, lengths))
        every: list[list[Tensor]] = []
        for k, sweep in enumerate(sweeps):
            steps = zip(*sweep.history, strict=True)  # T of (h, c) -> T of h, T of c
            every.append([self.time_order(torch.stack(step), k % self.spec.directions) for step in steps])
        h, *c = (torch.stack(layers) for layers in zip(*every, strict=True))
        return State(h, *c)

    def check(self, x: Tensor) -> None:
        """Raises `ValueError` for an x of the wrong shape."""
        if x.dim() != 3 or x.shape[2] != self.spec.input_size or not x.shape[0]:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; it must be (T, B, {self.spec.input_size}), with T at least 1"
            )

    # What goes in.

    def initial_state(self, x: Tensor, state: State | None) -> State:
        """The states of all layers before the first step: the given ones, or zeros."""
        if state is not None:
            return state
        rows = (self.spec.num_layers * self.spec.directions, x.shape[1])
        h = x.new_zeros(*rows, self.spec.state_size)
        return State(h, x.new_zeros(*rows, self.spec.hidden_size) if self.spec.cell is Cell.LSTM else None)

    def start(self, state: State, layer: int, direction: int) -> Carry:
        """The initial state of this layer in this direction."""
        k = layer * self.spec.directions + direction
        return tuple(each[k] for each in state.tensors())

    def layer_weights(self, weights: Mapping[str, Tensor], layer: int, direction: int) -> LayerWeights:
        """The parameters of this layer in this direction."""
        suffix = f"_l{layer}_reverse" if direction else f"_l{layer}"
        w = LayerWeights.named(weights, suffix)
        own = [weights[name + suffix] for name in self.spec.variant.own] if self.spec.variant is not None else []
        return w._replace(own=torch.cat(own)) if own else w

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        """The input of a layer: x for the first, the outputs of the layer below (T, B, D*R) for the others."""
        return x if layer == 0 else self.drop(below, dropout)

    def drop(self, below: Tensor, dropout: float) -> Tensor:
        """Dropout between layers: in training some values are set to zero and the others scaled up."""
        return functional.dropout(below, dropout) if dropout else below

    # Time.

    def side(
        self,
        weights: Mapping[str, Tensor],
        layer: int,
        direction: int,
        x: Tensor,
        state: State,
        active: Tensor | None,
    ) -> DirectionRun:
        """One layer in one direction. The backward one reads padding first and keeps its state until the row begins."""
        w, carry = self.layer_weights(weights, layer, direction), self.start(state, layer, direction)
        in_order = None if active is None else self.reading_order(active, direction)
        sweep = self.unroll(w, self.reading_order(x, direction), carry, in_order)
        return sweep._replace(h=self.time_order(sweep.h, direction))

    def reading_order(self, sequence: Tensor, direction: int) -> Tensor:
        """The backward direction reads the last timestep first."""
        return sequence.flip(0) if direction else sequence

    def time_order(self, h: Tensor, direction: int) -> Tensor:
        """The outputs of the backward direction, flipped back to the order of time."""
        return h.flip(0) if direction else h

    def unroll(self, w: LayerWeights, x: Tensor, carry: Carry, active: Tensor | None) -> DirectionRun:
        """The states at every timestep for x (T, B, I); both in the order in which this direction reads."""
        history = self.scan(w, self.project(w, x), carry, active)
        h = self.outputs(carry, history)
        return DirectionRun(h if active is None else self.pad(h, active), history[-1], history)

    def project(self, w: LayerWeights, x: Tensor) -> Tensor:
        """The input part of all steps, p_t = x_t W_ih + b_ih + b_hh: (T, B, I) -> (T, B, G*H).

        A GRU adds b_hh in its step, because the reset gate multiplies it; so does a variant.
        """
        apart = self.spec.cell is Cell.GRU or self.spec.variant is not None
        bias = w.b_ih if apart else w.b_ih + w.b_hh
        return torch.addmm(bias, x.flatten(0, 1), w.W_ih).view(*x.shape[:2], -1 if x.shape[1] else len(bias))

    def scan(self, w: LayerWeights, p: Tensor, carry: Carry, active: Tensor | None) -> list[Carry]:
        """The recurrence: each step starts from the state after the step before."""
        history = []
        # unbind, not p[t]: the gradient of each index would be a tensor (T, B, G*H) of zeros.
        for t, p_t in enumerate(p.unbind(0)):
            stepped = self.step(w, p_t, carry)
            carry = stepped if active is None else self.hold(active[t], stepped, carry)
            history.append(carry)
        return history

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        """One timestep of the cell."""
        if self.spec.variant is not None:
            own = self.spec.variant.own
            sizes = [blocks * self.spec.hidden_size for blocks in own.values()]
            parts = () if w.own is None else torch.split(w.own, sizes)
            by = exactly(lambda values: torch.addmm(w.b_hh, values, w.W_hh), dict(zip(own, parts, strict=True)))
            return self.spec.variant.step(p, by.recur(carry[0]), carry, by)
        match self.spec.cell:
            case Cell.RNN:
                return (cells.rnn(w, p, carry[0], torch.tanh if self.spec.nonlinearity == "tanh" else torch.relu),)
            case Cell.LSTM:
                return cells.lstm(w, p, *carry)
            case Cell.GRU:
                return (cells.gru(w, p, *carry),)

    def outputs(self, start: Carry, history: Sequence[Carry]) -> Tensor:
        """h after every step, (T, B, R)."""
        return torch.stack([h for h, *_ in history])

    # Rows of different lengths.

    def active(self, x: Tensor, lengths: Sequence[int] | Tensor | None) -> Tensor | None:
        """Which rows have not ended at each timestep, (T, B, 1); None without lengths."""
        if lengths is None:
            return None
        ends = torch.as_tensor(lengths, device=x.device)
        if ends.shape != x.shape[1:2] or ends.dtype.is_floating_point or bool(((ends < 0) | (ends > len(x))).any()):
            raise ValueError(
                f"lengths are {ends.tolist()}; they must be {x.shape[1]} whole numbers, one per row, from 0 to {len(x)}"
            )
        return torch.arange(len(x), device=x.device)[:, None, None] < ends[:, None]

    def hide_padding(self, x: Tensor, active: Tensor) -> Tensor:
        """x with zeros after the end of each row, so that a NaN there reaches neither a state nor a gradient."""
        return x.where(active, 0)

    def hold(self, active: Tensor, stepped: Carry, carry: Carry) -> Carry:
        """A row that has ended keeps its last state. active is (B, 1)."""
        return tuple(new.where(active, old) for new, old in zip(stepped, carry, strict=True))

    def pad(self, h: Tensor, active: Tensor) -> Tensor:
        """After a row's end the output is zero."""
        return h.where(active, 0)

    # What comes out.

    def merge(self, sides: Sequence[DirectionRun]) -> Tensor:
        """The directions side by side: D of (T, B, R) -> (T, B, D*R)."""
        return sides[0].h if len(sides) == 1 else torch.cat([side.h for side in sides], -1)

    def final_state(self, sweeps: Sequence[DirectionRun]) -> State:
        """The states after the last step, (L*D, B, R) and for the LSTM (L*D, B, H); k = layer * D + direction."""
        h, *c = (torch.stack(k) for k in zip(*(sweep.final for sweep in sweeps), strict=True))
        return State(h, *c)

    def head(self, weights: Mapping[str, Tensor], output: Tensor) -> Tensor | None:
        """y (T, B, H), if the spec has a head."""
        return softmax_head(output, weights["weight_hy"], weights["bias_y"]) if self.spec.head else None
