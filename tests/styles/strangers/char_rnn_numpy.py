"""
Minimal character-level RNN in plain numpy
"""
import numpy as np


class CharRNN:
    def __init__(self, vocab_size, hidden_size, lr=1e-1):
        self.hidden_size = hidden_size
        self.lr = lr
        self.Wxh = np.random.randn(hidden_size, vocab_size) * 0.01
        self.Whh = np.random.randn(hidden_size, hidden_size) * 0.01
        self.Why = np.random.randn(vocab_size, hidden_size) * 0.01
        self.bh = np.zeros((hidden_size, 1))
        self.by = np.zeros((vocab_size, 1))

    def forward(self, inputs, hprev):
        # inputs is a list of column vectors, hprev is (H, 1)
        xs, hs, ys = {}, {}, {}
        hs[-1] = np.copy(hprev)
        for t in range(len(inputs)):
            xs[t] = np.asarray(inputs[t]).reshape(-1, 1)
            hs[t] = np.tanh(np.dot(self.Wxh, xs[t]) + np.dot(self.Whh, hs[t - 1]) + self.bh)
            ys[t] = np.dot(self.Why, hs[t]) + self.by
        return ys, hs
