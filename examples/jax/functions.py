"""Recurrent layers as functions of their parameters, in jax.numpy."""

import jax
import jax.numpy as jnp


@jax.jit
def lstm(params, x, state):
    """x (T, B, I), state (h, c), each (B, H) -> outputs (T, B, H), the last state. Gates i, f, g, o."""

    def step(state, x_t):
        h, c = state
        gates = x_t @ params["W_x"] + h @ params["W_h"] + params["b"]
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    state, outputs = jax.lax.scan(step, state, x)
    return outputs, state
