"""A layer of equinox around its GRU cell. Like all of equinox it takes no batch: that is jax.vmap's to add."""

import equinox
import jax
import jax.numpy as jnp


class MyGRU(equinox.Module):
    """x (T, I) -> the last state (H,), outputs (T, H)."""

    cell: equinox.nn.GRUCell

    def __init__(self, input_size, hidden_size, *, key):
        self.cell = equinox.nn.GRUCell(input_size, hidden_size, key=key)

    def __call__(self, x):
        def step(h, x_t):
            h = self.cell(x_t, h)
            return h, h

        return jax.lax.scan(step, jnp.zeros(self.cell.hidden_size), x)
