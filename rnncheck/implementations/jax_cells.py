"""`flax:...`, `flax.nnx:...` and `equinox:...`: the recurrent cells of flax and equinox as layers.

Flax runs a cell over time with its own RNN; a cell of equinox is scanned by `jax.lax.scan` and mapped over the batch by
`jax.vmap`. Layers and directions are put together here: neither has them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from rnncheck.extras import needed
from rnncheck.implementations import jax_layout
from rnncheck.implementations.jax_bridge import bridge
from rnncheck.implementations.jax_names import CELLS, EQUINOX, LINEN, NNX
from rnncheck.implementations.protocol import Reading, no_place_for_own
from rnncheck.implementations.uses import NotOffered
from rnncheck.model.leaves import Leaves
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights

PLACES = {LINEN: "flax.linen", NNX: "flax.nnx", EQUINOX: "equinox.nn"}


class JaxCell:
    """One cell, by the name of its class. Raises `CannotRun` where jax or the cell's package is not installed."""

    def __init__(self, prefix: str, name: str) -> None:
        self._prefix, self._class = prefix, name
        self.name, self.location = prefix + name, f"{PLACES[prefix]}.{name}"
        needed(self.name, "jax", "jax", PLACES[prefix].partition(".")[0])
        self._cell, self._layout = CELLS[prefix][name], jax_layout.LAYOUTS[self.name]

    def cell(self, spec: Spec) -> Cell:
        return self._cell

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        if reason := no_place_for_own(spec):
            return reason
        if spec.cell is not self._cell:
            return f"it is the {self._cell} cell, not the {spec.cell} cell; use --cell {self._cell}"
        if spec.device != "cpu":
            return f"rnncheck runs jax on the cpu only, not on {spec.device}"
        if spec.proj_size:
            return "it has no projection of h; leave --proj-size out"
        if not spec.bias and self._prefix != EQUINOX:
            return "it always has biases; leave --no-bias out"
        if lengths and self._prefix == EQUINOX:
            return "equinox has no lengths; leave --lengths out"
        return None

    def read(self, spec: Spec) -> Reading:
        run_by = "jax.lax.scan" if self._prefix == EQUINOX else f"{PLACES[self._prefix]}.RNN"
        cells = spec.num_layers * spec.directions
        stacked = f", {cells} of them in {spec.num_layers} layers" if cells > 1 else ""
        return Reading(
            f"{self.location} run by {run_by}{stacked}",
            restrict=lambda weights: jax_layout.restricted(self._layout, spec, weights),
            restrictions=jax_layout.restrictions(self._layout, spec),
            withheld=jax_layout.without_place(self._layout, spec),
        )

    def build(self, spec: Spec, weights: Weights) -> "JaxLayer":
        return JaxLayer(JaxNetwork(self._prefix, self._class, spec), self._layout, weights)


linen, nnx, equinox = (partial(JaxCell, prefix) for prefix in (LINEN, NNX, EQUINOX))


class JaxLayer(Leaves):
    """A network with torch's weights, which it turns into its own parameters in every run."""

    def __init__(self, network: "JaxNetwork", layout: Mapping[str, jax_layout.CellParameter], weights: Weights) -> None:
        super().__init__(weights.cast(network.spec), network.spec)
        self._network, self._layout = network, layout

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        return self._run(x, state.tensors(), lengths)

    def run_without_state(self, x: Tensor, lengths: Sequence[int] | None = None) -> Trace:
        if self._network.prefix == EQUINOX:
            raise NotOffered("a cell of equinox is always given a state")
        return self._run(x, None, lengths)

    def _run(self, x: Tensor, states: list[Tensor] | None, lengths: Sequence[int] | None) -> Trace:
        network, spec = self._network, self._network.spec
        cells = [
            jax_layout.parameters(self._layout, self._leaves, spec.cell, f"_l{layer}{'_reverse' * side}")
            for layer in range(spec.num_layers)
            for side in range(spec.directions)
        ]
        head = list(self._head.values())
        ends = None if lengths is None else torch.tensor(lengths, dtype=torch.int32)
        output, final, y = bridge(network, cells, head, x, states, ends)
        return Trace(output, State(*final), y)


@dataclass(frozen=True)
class JaxNetwork:
    """The layers as a function of their parameters, in jax. Networks of one spec are the same function."""

    prefix: str
    name: str
    spec: Spec

    def __call__(self, cells: Sequence[Mapping[str, Any]], head: Sequence[Any], x: Any, states: Any, ends: Any) -> Any:
        """x (T, B, I), states h and c (L*D, B, H) -> output (T, B, D*H), [h_n, c_n], y (T, B, H) or None."""
        import jax
        from jax import numpy as jnp

        spec, finals = self.spec, []
        given = jnp.swapaxes(x, 0, 1) if spec.batch_first else x
        for layer in range(spec.num_layers):
            outputs = []
            for side in range(spec.directions):
                k = layer * spec.directions + side
                before = None if states is None else tuple(each[k] for each in states)
                output, final = self._over_time(k, cells[k], given, before, ends, bool(side))
                outputs.append(output)
                finals.append(final)
            given = jnp.concatenate(outputs, -1)
        output = jnp.swapaxes(given, 0, 1) if spec.batch_first else given
        if ends is not None:  # behind a row's end flax leaves its outputs undefined
            output = jnp.where((jnp.arange(len(x))[:, None] < ends)[..., None], output, jnp.zeros_like(output))
        y = jax.nn.softmax(output @ head[0].T + head[1]) if head else None
        return output, [jnp.stack(each) for each in zip(*finals, strict=True)], y

    def _over_time(self, k: int, cell: Mapping[str, Any], x: Any, before: Any, ends: Any, reverse: bool) -> Any:
        """One layer in one direction: its outputs, and (h,) or (h, c) after the last timestep."""
        width = self.spec.layer_input_size(k // self.spec.directions)
        if self.prefix == EQUINOX:
            return self._by_scan(self._equinox(cell, width), x, before, reverse)
        carry = before and (before[::-1] if self.spec.cell is Cell.LSTM else before[0])  # of an LSTM (c, h)
        options = {"initial_carry": carry, "seq_lengths": ends, "reverse": reverse}
        final, output = (self._linen if self.prefix == LINEN else self._nnx)(cell, width, x, options)
        return output, final[::-1] if self.spec.cell is Cell.LSTM else (final,)

    def _activation(self) -> dict[str, Any]:
        import jax

        return {"activation_fn": jax.nn.relu} if self.spec.nonlinearity == "relu" else {}

    def _linen(self, cell: Mapping[str, Any], width: int, x: Any, options: Mapping[str, Any]) -> Any:
        from flax import linen

        made = getattr(linen, self.name)(self.spec.hidden_size, param_dtype=x.dtype, **self._activation())
        rnn = linen.RNN(made, time_major=not self.spec.batch_first, return_carry=True, keep_order=True)
        return rnn.apply({"params": {"cell": nested(cell)}}, x, **options)

    def _nnx(self, cell: Mapping[str, Any], width: int, x: Any, options: Mapping[str, Any]) -> Any:
        from flax import nnx

        kind, rngs = getattr(nnx, self.name), nnx.Rngs(0)
        made = kind(width, self.spec.hidden_size, dtype=x.dtype, param_dtype=x.dtype, rngs=rngs, **self._activation())
        nnx.update(made, nnx.State(nested(cell)))
        rnn = nnx.RNN(made, time_major=not self.spec.batch_first, return_carry=True, keep_order=True, rngs=rngs)
        return rnn(x, **options)

    def _equinox(self, cell: Mapping[str, Any], width: int) -> Any:
        import equinox
        import jax

        made = getattr(equinox.nn, self.name)(
            width, self.spec.hidden_size, use_bias=self.spec.bias, key=jax.random.key(0)
        )
        return equinox.tree_at(lambda one: [getattr(one, name) for name in cell], made, list(cell.values()))

    def _by_scan(self, cell: Any, x: Any, before: Any, reverse: bool) -> Any:
        import jax

        lstm = self.spec.cell is Cell.LSTM
        start = before if lstm else before[0]

        def step(state: Any, x_t: Any) -> Any:
            state = (jax.vmap(cell) if x_t.ndim == 2 else cell)(x_t, state)
            return state, state[0] if lstm else state

        def scan(start: Any, x: Any) -> Any:
            return jax.lax.scan(step, start, x, reverse=reverse)

        final, output = (jax.vmap(scan) if self.spec.batch_first else scan)(start, x)
        return output, final if lstm else (final,)


def nested(cell: Mapping[str, Any]) -> dict[str, Any]:
    """{"ii.kernel": a, "ii.bias": b} as {"ii": {"kernel": a, "bias": b}}."""
    found: dict[str, Any] = {}
    for name, value in cell.items():
        outer, _, inner = name.rpartition(".")
        found.setdefault(outer, {})[inner] = value
    return found
