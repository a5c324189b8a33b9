import torch
import torch.nn as nn


class StackedLSTM(nn.Module):
    """input feeding decoder needs one step at a time"""

    def __init__(self, num_layers, input_size, rnn_size):
        super(StackedLSTM, self).__init__()
        self.num_layers = num_layers
        self.rnn_size = rnn_size
        self.layers = nn.ModuleList()
        for _ in range(num_layers):
            self.layers.append(nn.LSTMCell(input_size, rnn_size))
            input_size = rnn_size

    def forward(self, input_feed, hidden):
        h_0, c_0 = hidden
        h_1, c_1 = [], []
        for i, layer in enumerate(self.layers):
            h_1_i, c_1_i = layer(input_feed, (h_0[i], c_0[i]))
            input_feed = h_1_i
            h_1 += [h_1_i]
            c_1 += [c_1_i]
        return input_feed, (torch.stack(h_1), torch.stack(c_1))


class GRUDecoder(nn.Module):
    def __init__(self, dim, out_dim=7):
        super().__init__()
        self.gru = nn.GRUCell(dim, dim)
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Linear(dim, out_dim)

    def forward(self, x, h):
        hs = []
        for i in range(x.shape[0]):
            h = self.gru(x[i], h)
            hs.append(h)
        hs = torch.stack(hs)
        return self.out(self.norm(hs)), hs


class ListedRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        shapes = [(hidden_size, input_size), (hidden_size, hidden_size), (hidden_size,), (hidden_size,)]
        self.all_weights = nn.ParameterList([nn.Parameter(torch.randn(*s) * 0.1) for s in shapes])

    def forward(self, x, h=None):
        w_ih, w_hh, b_ih, b_hh = self.all_weights
        T, B, _ = x.shape
        out = torch.zeros(T + 1, B, self.hidden_size, dtype=x.dtype)
        if h is not None:
            out[0] = h
        out = list(out.unbind(0))
        for t in range(T):
            out[t + 1] = torch.tanh(x[t].mm(w_ih.t()).add(b_ih) + torch.addmm(b_hh, out[t], w_hh.t()))
        return torch.stack(out[1:])
