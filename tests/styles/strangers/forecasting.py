import torch
import torch.nn as nn

config = dict(n_features=1, n_units=50, horizon=1)


class SeriesRNN(nn.Module):
    """one number per timestep, (batch, time)"""
    def __init__(self, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.inp = nn.Linear(1, hidden_size)
        self.rec = nn.Linear(hidden_size, hidden_size)
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, series):
        h = torch.zeros(series.size(0), self.hidden_size, dtype=series.dtype)
        preds = []
        for i in range(series.size(1)):
            h = torch.tanh(self.inp(series[:, i:i + 1]) + self.rec(h))
            preds.append(self.out(h))
        return torch.cat(preds, 1), h


class Forecaster(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.units = cfg["n_units"]
        self.gates_x = nn.Linear(cfg["n_features"], 4 * self.units)
        self.gates_h = nn.Linear(self.units, 4 * self.units)
        self.dense = nn.Linear(self.units, cfg["horizon"])

    def forward(self, x):
        h = torch.zeros(len(x), self.units).to(x)
        c = torch.zeros(len(x), self.units).to(x)
        for step in range(x.shape[1]):
            g = self.gates_x(x[:, step]) + self.gates_h(h)
            i, f, u, o = g.split(self.units, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(u)
            h = torch.sigmoid(o) * torch.tanh(c)
        return self.dense(h), h


class StatefulRNN(nn.Module):
    def __init__(self, n_inputs, n_neurons):
        super().__init__()
        self.n_neurons = n_neurons
        self.Wx = nn.Parameter(torch.randn(n_inputs, n_neurons))
        self.Wy = nn.Parameter(torch.randn(n_neurons, n_neurons))
        self.b = nn.Parameter(torch.zeros(1, n_neurons))
        self.Y = None

    def forward(self, X):
        if self.Y is None:
            self.Y = torch.zeros(X.shape[0], self.n_neurons, dtype=X.dtype)
        ys = []
        for t in range(X.shape[1]):
            self.Y = torch.tanh(self.Y @ self.Wy + X[:, t] @ self.Wx + self.b)
            ys.append(self.Y)
        return torch.stack(ys, 1)


if __name__ == "__main__":
    model = Forecaster(config)
    print(model(torch.randn(8, 24, 1))[0].shape)
