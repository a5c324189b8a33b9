"""`numpy`: the same equations as plain loops over layers, directions and time, in numpy.

It shares no code with the scratch layers or with torch, so that it can show a mistake in either. It takes
float64 and float32 on the host, and computes in the precision it is given.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncheck.implementations.protocol import no_place_for_own
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights

Array = NDArray[np.floating[Any]]


class NumpyLoop:
    """An independent loop in numpy, float64 and float32, on the CPU."""

    name = "numpy"
    location = "rnncheck.implementations.numpy_loop"

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        if reason := no_place_for_own(spec):
            return reason
        if spec.dtype not in (Dtype.FLOAT64, Dtype.FLOAT32):
            return f"it computes in float64 or float32, not in {spec.dtype}"
        if spec.device != "cpu":
            return f"it runs on the cpu only, not on {spec.device}"
        return None

    def build(self, spec: Spec, weights: Weights) -> "NumpyLayer":
        return NumpyLayer(spec, {name: value.numpy() for name, value in weights.cast(spec).items()})


class NumpyLayer:
    def __init__(self, spec: Spec, values: Mapping[str, Array]) -> None:
        self._spec, self._values = spec, values

    def parameters(self) -> Mapping[str, Tensor]:
        return {name: torch.from_numpy(value) for name, value in self._values.items()}

    def leaves(self) -> None:
        """numpy has no gradients."""

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        spec, values = self._spec, x.detach().numpy()
        alive = alive_rows(len(x), x.shape[1], lengths)
        h0, c0 = state.h.detach().numpy(), None if state.c is None else state.c.detach().numpy()
        last_h, last_c = np.empty_like(h0), None if c0 is None else np.empty_like(c0)
        for layer in range(spec.num_layers):
            sides = []
            for direction in range(spec.directions):
                k = layer * spec.directions + direction
                states = [h0[k]] if c0 is None else [h0[k], c0[k]]
                side, last = self._scan(values, states, alive, layer, backward=direction == 1)
                sides.append(side)
                last_h[k] = last[0]
                if last_c is not None:
                    last_c[k] = last[1]
            values = np.concatenate(sides, axis=-1)
        y = torch.from_numpy(self._softmax_head(values)) if spec.head else None
        final = State(torch.from_numpy(last_h), None if last_c is None else torch.from_numpy(last_c))
        return Trace(torch.from_numpy(values), final, y)

    def _scan(
        self, x: Array, states: list[Array], alive: NDArray[np.bool_], layer: int, *, backward: bool
    ) -> tuple[Array, list[Array]]:
        """One layer in one direction: h at every step, zero after the end of a row, and the last states of each row."""
        suffix = f"_l{layer}_reverse" if backward else f"_l{layer}"
        parameters = {name.removesuffix(suffix): value for name, value in self._values.items() if name.endswith(suffix)}
        output = np.zeros((*x.shape[:2], self._spec.state_size), x.dtype)
        for t in reversed(range(len(x))) if backward else range(len(x)):
            stepped = self._step(x[t], states, parameters)
            row_lives = alive[t][:, None]
            states = [np.where(row_lives, new, old) for new, old in zip(stepped, states, strict=True)]
            output[t] = np.where(row_lives, states[0], 0)
        return output, states

    def _step(self, x: Array, states: list[Array], parameters: Mapping[str, Array]) -> list[Array]:
        """h' (and c') of one step, from x (B, I) and the states [h] or [h, c]."""
        h, *cell = states
        from_x = x @ parameters["weight_ih"].T + parameters.get("bias_ih", 0)
        from_h = h @ parameters["weight_hh"].T + parameters.get("bias_hh", 0)
        if self._spec.cell is Cell.RNN:
            return [np.tanh(from_x + from_h) if self._spec.nonlinearity == "tanh" else relu(from_x + from_h)]
        if self._spec.cell is Cell.GRU:
            (r_x, z_x, n_x), (r_h, z_h, n_h) = blocks(from_x, 3), blocks(from_h, 3)
            r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
            n = np.tanh(n_x + r * n_h)
            return [(1 - z) * n + z * h]
        i, f, g, o = blocks(from_x + from_h, 4)
        c = sigmoid(f) * cell[0] + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        return [h @ parameters["weight_hr"].T if self._spec.proj_size else h, c]

    def _softmax_head(self, output: Array) -> Array:
        scores = output @ self._values["weight_hy"].T + self._values["bias_y"]
        powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares: Array = powers / powers.sum(axis=-1, keepdims=True)
        return shares


def alive_rows(seq_len: int, batch_size: int, lengths: Sequence[int] | None) -> NDArray[np.bool_]:
    """(T, B), true where row b still has data at step t."""
    ends = np.full(batch_size, seq_len) if lengths is None else np.asarray(lengths)
    return np.arange(seq_len)[:, None] < ends


def blocks(stacked: Array, count: int) -> Iterator[Array]:
    return iter(np.split(stacked, count, axis=-1))


def relu(value: Array) -> Array:
    return np.maximum(value, 0)


def sigmoid(value: Array) -> Array:
    """1 / (1 + exp(-value)), as (1 + tanh(value / 2)) / 2, which cannot overflow."""
    return (np.tanh(value / 2) + 1) / 2
