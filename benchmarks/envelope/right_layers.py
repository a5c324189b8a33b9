"""Layers that are right and written differently: what an envelope must never call wrong.

Each computes `torch.nn`'s RNN, LSTM and GRU in the dtype of its weights, from tensor operations alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights

Disturb = Callable[[int, int, Tensor], Tensor]  # (layer and direction, step, a gate's value) -> the gate used


def undisturbed(index: int, t: int, gate: Tensor) -> Tensor:
    return gate


def matmul(values: Tensor, weight: Tensor) -> Tensor:
    return values @ weight.T


def reversed_matmul(values: Tensor, weight: Tensor) -> Tensor:
    return values.flip(-1) @ weight.flip(-1).T


def one_by_one(values: Tensor, weight: Tensor) -> Tensor:
    """Every product and every sum rounded, in order."""
    total = values[..., :1] * weight[:, 0]
    for column in range(1, weight.shape[1]):
        total = total + values[..., column : column + 1] * weight[:, column]
    return total


def in_pairs(values: Tensor, weight: Tensor) -> Tensor:
    """Every product and every sum rounded, in a tree."""
    terms = values[..., None, :] * weight
    while terms.shape[-1] > 1:
        if terms.shape[-1] % 2:
            terms = torch.nn.functional.pad(terms, (0, 1))
        terms = terms[..., ::2] + terms[..., 1::2]
    return terms[..., 0]


def sigmoid_by_tanh(a: Tensor) -> Tensor:
    return (torch.tanh(a / 2) + 1) / 2


def sigmoid_by_exp(a: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-a))


def tanh_by_sigmoid(a: Tensor) -> Tensor:
    return (2 * torch.sigmoid(2 * at_least_float32(a)) - 1).to(a.dtype)


def tanh_by_exp(a: Tensor) -> Tensor:
    return (1 - 2 / (torch.exp(2 * at_least_float32(a)) + 1)).to(a.dtype)


def at_least_float32(a: Tensor) -> Tensor:
    """What an activation of half precision is computed in."""
    return a if a.dtype == torch.float64 else a.float()


@dataclass(frozen=True)
class RightLayer:
    """One way to write it. `computes` is the dtype inside, if not the run's; `stores` rounds h and c to the run's."""

    name: str
    product: Callable[[Tensor, Tensor], Tensor] = matmul
    sigmoid: Callable[[Tensor], Tensor] = torch.sigmoid
    tanh: Callable[[Tensor], Tensor] = torch.tanh
    merged_bias: bool = False
    joined: bool = False  # one product with [x; h]
    lerp: bool = False
    computes: torch.dtype | None = None
    stores: bool = False
    disturb: Disturb = undisturbed

    def run(self, spec: Spec, weights: Weights, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        given = getattr(torch, spec.dtype)
        dtype = self.computes or given
        values = {name: value.to(dtype) for name, value in weights.cast(spec).items()}
        x, h, c = x.to(given).to(dtype), state.h.to(given).to(dtype), state.c
        c = None if c is None else c.to(given).to(dtype)
        alive = torch.arange(len(x))[:, None] < torch.tensor(lengths or [len(x)] * x.shape[1])
        hs, cs = [], []
        for layer in range(spec.num_layers):
            sides = []
            for direction in range(spec.directions):
                index = layer * spec.directions + direction
                start = h[index], None if c is None else c[index]
                side, last = self._walk(spec, values, x, start, alive, index)
                sides.append(side)
                hs.append(last[0])
                cs.append(last[1])
            x = torch.cat(sides, -1)
        final = State(torch.stack(hs).to(given), None if c is None else torch.stack(cs).to(given))
        return Trace(x.to(given), final)

    def _walk(self, spec, values, x, state, alive, index):
        suffix = f"_l{index // spec.directions}" + ("_reverse" if index % spec.directions else "")
        parameters = {name.removesuffix(suffix): each for name, each in values.items() if name.endswith(suffix)}
        order = range(len(x))[::-1] if suffix.endswith("reverse") else range(len(x))
        output = x.new_zeros(*x.shape[:2], spec.state_size)
        for t in order:
            step = self._step(spec, parameters, x[t], *state, index, t)
            if self.stores:
                given = getattr(torch, spec.dtype)
                step = tuple(None if each is None else each.to(given).to(each.dtype) for each in step)
            row = alive[t][:, None]
            state = tuple(
                None if new is None else torch.where(row, new, old) for new, old in zip(step, state, strict=True)
            )
            output[t] = torch.where(row, step[0], 0)
        return output, state

    def _sums(self, p: Mapping[str, Tensor], x: Tensor, h: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        """What x and h give to some of the gates' rows."""
        b_ih, b_hh = (p[name][rows] if name in p else x.new_zeros(()) for name in ("bias_ih", "bias_hh"))
        from_x, from_h = self.product(x, p["weight_ih"][rows]), self.product(h, p["weight_hh"][rows])
        if self.merged_bias:
            return from_x + (b_ih + b_hh), from_h
        return from_x + b_ih, from_h + b_hh

    def _gate(self, p: Mapping[str, Tensor], x: Tensor, h: Tensor, rows: slice) -> Tensor:
        if not self.joined:
            from_x, from_h = self._sums(p, x, h, rows)
            return from_x + from_h
        both = torch.cat([p["weight_hh"][rows], p["weight_ih"][rows]], -1)
        total = self.product(torch.cat([h, x], -1), both)
        return total + (p["bias_ih"][rows] + p["bias_hh"][rows]) if "bias_ih" in p else total

    def _step(self, spec, p, x, h, c, index, t):
        rows = [slice(k * spec.hidden_size, (k + 1) * spec.hidden_size) for k in range(spec.cell.gates)]
        if spec.cell is Cell.RNN:
            a = self._gate(p, x, h, rows[0])
            return self.disturb(index, t, self.tanh(a) if spec.nonlinearity == "tanh" else torch.relu(a)), None
        if spec.cell is Cell.GRU:
            r = self.sigmoid(self._gate(p, x, h, rows[0]))
            z = self.disturb(index, t, self.sigmoid(self._gate(p, x, h, rows[1])))
            b_ih, b_hh = (p[name][rows[2]] if name in p else 0 for name in ("bias_ih", "bias_hh"))
            n_x, n_h = self.product(x, p["weight_ih"][rows[2]]) + b_ih, self.product(h, p["weight_hh"][rows[2]]) + b_hh
            n = self.tanh(n_x + r * n_h)
            return n + z * (h - n) if self.lerp else (1 - z) * n + z * h, None
        i, f, g, o = (self._gate(p, x, h, each) for each in rows)
        i = self.disturb(index, t, self.sigmoid(i))
        c = self.sigmoid(f) * c + i * self.tanh(g)
        h = self.sigmoid(o) * self.tanh(c)
        return self.product(h, p["weight_hr"]) if spec.proj_size else h, c


PER_GATE = RightLayer("per gate")
MERGED = RightLayer("merged bias, by exp", sigmoid=sigmoid_by_exp, tanh=tanh_by_exp, merged_bias=True, lerp=True)
REVERSED = RightLayer("reversed sums, tanh by sigmoid", reversed_matmul, tanh=tanh_by_sigmoid)
JOINED = RightLayer("one product with [h; x]", joined=True, lerp=True)
ONE_BY_ONE = RightLayer("sums one by one", one_by_one, sigmoid_by_exp, joined=True, merged_bias=True)
IN_PAIRS = RightLayer("sums in pairs", in_pairs, sigmoid_by_tanh)
IN_FLOAT32 = RightLayer("float32 inside", computes=torch.float32)
STORED = RightLayer("float32 inside, states stored", computes=torch.float32, stores=True, lerp=True)


def right_layers(spec: Spec) -> list[RightLayer]:
    """Those that are right for the spec's dtype: a sum one by one is not, in half precision."""
    if spec.dtype in ("bfloat16", "float16"):
        return [PER_GATE, MERGED, REVERSED, JOINED, IN_PAIRS, IN_FLOAT32, STORED]
    return [PER_GATE, MERGED, REVERSED, JOINED, IN_PAIRS, ONE_BY_ONE]
