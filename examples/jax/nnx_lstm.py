"""A layer of flax.nnx around its LSTM cell."""

from flax import nnx


class MyLSTM(nnx.Module):
    """x (B, T, I), carry (c, h) -> the last carry, outputs (B, T, H)."""

    def __init__(self, in_features, hidden_features, *, rngs):
        self.rnn = nnx.RNN(nnx.LSTMCell(in_features, hidden_features, rngs=rngs), return_carry=True)

    def __call__(self, x, carry):
        return self.rnn(x, initial_carry=carry)
