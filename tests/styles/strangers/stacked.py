import torch
import torch.nn as nn


class VanillaCell(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.Wx = nn.Linear(n_in, n_out)
        self.Wh = nn.Linear(n_out, n_out)

    def forward(self, x, h):
        return torch.tanh(self.Wx(x) + self.Wh(h))


class DeepRNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=2):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        cells = [VanillaCell(input_size if l == 0 else hidden_size, hidden_size) for l in range(num_layers)]
        self.cells = nn.ModuleList(cells)

    def forward(self, x, h0=None):
        # x: [T, B, F]
        if h0 is None:
            h0 = x.new_zeros(self.num_layers, x.shape[1], self.hidden_size)
        h = list(h0.unbind(0))
        out = []
        for t in range(x.shape[0]):
            inp = x[t]
            for l, cell in enumerate(self.cells):
                h[l] = cell(inp, h[l])
                inp = h[l]
            out.append(inp)
        return torch.stack(out), torch.stack(h)


class StackedRNN(nn.Module):
    def __init__(self, size, num_layers=2):
        super().__init__()
        self.size = size
        self.layers = nn.ModuleList([VanillaCell(size, size)] * num_layers)

    def forward(self, x):
        for layer in self.layers:
            h = x.new_zeros(x.shape[0], self.size)
            ys = []
            for t in range(x.shape[1]):
                h = layer(x[:, t], h)
                ys.append(h)
            x = torch.stack(ys, 1)
        return x


class LSTMCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.ih = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state):
        hx, cx = state
        i, f, g, o = torch.chunk(self.ih(x) + self.hh(hx), 4, dim=-1)
        cy = torch.sigmoid(f) * cx + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(cy), cy


class TwoLayerLSTM(nn.Module):
    """bottom and top layer, as in the encoder of the paper"""
    def __init__(self, embed_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.net = nn.ModuleDict({
            'bottom': LSTMCell(embed_size, hidden_size),
            'top': LSTMCell(hidden_size, hidden_size),
        })

    def forward(self, x):
        b = x.size(0)
        zeros = lambda: torch.zeros(b, self.hidden_size, dtype=x.dtype)
        s1, s2 = (zeros(), zeros()), (zeros(), zeros())
        outputs = []
        for x_t in x.unbind(1):
            s1 = self.net['bottom'](x_t, s1)
            s2 = self.net['top'](s1[0], s2)
            outputs.append(s2[0])
        return torch.stack(outputs, 1), [s1, s2]


class TwoLayerGRU(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=2):
        super().__init__()
        H = hidden_size
        self.H, self.num_layers = H, num_layers
        self.i2h = nn.ModuleList()
        self.h2h = nn.ModuleList()
        for k in range(num_layers):
            self.i2h.append(nn.Linear(input_size if k == 0 else H, 3 * H))
            self.h2h.append(nn.Linear(H, 3 * H))

    def forward(self, x, hidden=None):
        if hidden is None:
            hidden = torch.zeros(self.num_layers, x.size(1), self.H, dtype=x.dtype)
        for k in range(self.num_layers):
            h = hidden[k]
            seq = []
            for x_t in x:
                xr, xz, xn = self.i2h[k](x_t).chunk(3, -1)
                hr, hz, hn = self.h2h[k](h).chunk(3, -1)
                r = torch.sigmoid(xr + hr)
                z = torch.sigmoid(xz + hz)
                n = torch.tanh(xn + r * hn)
                h = (1 - z) * n + z * h
                seq.append(h)
            if k == 0:
                hidden_out = h
            x = torch.stack(seq)
        return x, torch.stack([hidden_out] * self.num_layers)
