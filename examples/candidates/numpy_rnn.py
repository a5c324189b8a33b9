"""An RNN as a numpy function that is given its weights. Right."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def rnn_forward(x: Array, h0: Array, Wx: Array, Wh: Array, b: Array) -> Array:
    """All states (B, T, H) from x (B, T, I), h0 (B, H), Wx (I, H), Wh (H, H) and one bias b (H)."""
    states = []
    h = h0
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ Wx + h @ Wh + b)
        states.append(h)
    return np.stack(states, axis=1)
