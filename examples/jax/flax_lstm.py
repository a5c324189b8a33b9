"""LSTMs in flax.linen: one that computes what torch's does, and one that adds 1 to the forget gate, as Haiku's does."""

import jax
import jax.numpy as jnp
from flax import linen


class MyLSTM(linen.Module):
    """x (B, T, I), carry (c, h) as flax has it -> the last carry, outputs (B, T, H). Gates i, g, f, o."""

    features: int
    forget_bias = 0.0

    @linen.compact
    def __call__(self, x, carry):
        of_x = linen.Dense(4 * self.features, name="of_x")(x)
        kernel = self.param("of_h", linen.initializers.orthogonal(), (self.features, 4 * self.features))

        def step(carry, x_t):
            c, h = carry
            i, g, f, o = jnp.split(x_t + h @ kernel, 4, axis=-1)
            c = linen.sigmoid(f + self.forget_bias) * c + linen.sigmoid(i) * jnp.tanh(g)
            h = linen.sigmoid(o) * jnp.tanh(c)
            return (c, h), h

        carry, outputs = jax.lax.scan(step, carry, jnp.swapaxes(of_x, 0, 1))
        return carry, jnp.swapaxes(outputs, 0, 1)


class HaikuLSTM(MyLSTM):
    """The same with 1 added to the forget gate."""

    forget_bias = 1.0
