import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    """
    xt -- (n_x, m), a_prev and c_prev -- (n_a, m)
    parameters -- Wf, Wi, Wc, Wo (n_a, n_a + n_x), bf, bi, bc, bo (n_a, 1)
    """
    concat = np.concatenate([a_prev, xt], axis=0)
    ft = sigmoid(parameters["Wf"] @ concat + parameters["bf"])
    it = sigmoid(parameters["Wi"] @ concat + parameters["bi"])
    cct = np.tanh(parameters["Wc"] @ concat + parameters["bc"])
    c_next = ft * c_prev + it * cct
    ot = sigmoid(parameters["Wo"] @ concat + parameters["bo"])
    a_next = ot * np.tanh(c_next)
    return a_next, c_next


class NumpyGRU:
    def __init__(self, input_dim, hidden_dim, seed=0):
        rng = np.random.default_rng(seed)
        self.hidden_dim = hidden_dim
        self.params = {}
        for g in "zrh":
            self.params["W" + g] = rng.normal(size=(input_dim, hidden_dim))
            self.params["U" + g] = rng.normal(size=(hidden_dim, hidden_dim))
            self.params["b" + g] = np.zeros(hidden_dim)
            self.params["c" + g] = np.zeros(hidden_dim)

    def __call__(self, X, h=None):
        p = self.params
        h = np.zeros((X.shape[0], self.hidden_dim)) if h is None else h
        states = np.empty((X.shape[0], X.shape[1], self.hidden_dim))
        for t in range(X.shape[1]):
            x = X[:, t]
            z = sigmoid(x @ p["Wz"] + p["bz"] + h @ p["Uz"] + p["cz"])
            r = sigmoid(x @ p["Wr"] + p["br"] + h @ p["Ur"] + p["cr"])
            hh = np.tanh(x @ p["Wh"] + p["bh"] + r * (h @ p["Uh"] + p["ch"]))
            h = (1 - z) * hh + z * h
            states[:, t] = h
        return states, h


class LSTMNetwork:
    """one hidden layer of memory cells, every sequence on its own"""
    def __init__(self, n_in, n_hidden):
        def w(*shape):
            return np.random.uniform(-0.1, 0.1, shape)
        # rows: input, state, 1
        self.W_i = w(n_in + n_hidden + 1, n_hidden)
        self.W_f = w(n_in + n_hidden + 1, n_hidden)
        self.W_o = w(n_in + n_hidden + 1, n_hidden)
        self.W_g = w(n_in + n_hidden + 1, n_hidden)
        self.n_hidden = n_hidden

    def predict(self, xs):
        h = np.zeros(self.n_hidden)
        c = np.zeros(self.n_hidden)
        trace = []
        for x in xs:
            v = np.hstack([x, h, 1.0])
            i, f, o = sigmoid(v @ self.W_i), sigmoid(v @ self.W_f), sigmoid(v @ self.W_o)
            c = c * f + i * np.tanh(v @ self.W_g)
            h = o * np.tanh(c)
            trace.append(h)
        return np.array(trace)
