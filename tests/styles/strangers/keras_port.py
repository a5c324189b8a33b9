import torch
import torch.nn as nn


class KerasLSTM(nn.Module):
    def __init__(self, units, input_dim):
        super().__init__()
        self.units = units
        self.kernel = nn.Parameter(nn.init.xavier_uniform_(torch.empty(input_dim, 4 * units)))
        self.recurrent_kernel = nn.Parameter(nn.init.orthogonal_(torch.empty(units, 4 * units)))
        self.bias = nn.Parameter(torch.zeros(4 * units))
        self.bias.data[units:2 * units] = 1.0  # unit_forget_bias

    def forward(self, inputs, initial_state=None, return_sequences=True):
        if initial_state is None:
            h = torch.zeros(inputs.shape[0], self.units).to(inputs)
            c = torch.zeros(inputs.shape[0], self.units).to(inputs)
        else:
            h, c = initial_state
        seq = []
        for x in torch.unbind(inputs, dim=1):
            z = torch.matmul(x, self.kernel) + torch.matmul(h, self.recurrent_kernel) + self.bias
            z0, z1, z2, z3 = torch.split(z, self.units, dim=1)
            i = torch.sigmoid(z0)
            f = torch.sigmoid(z1)
            c = f * c + i * torch.tanh(z2)
            o = torch.sigmoid(z3)
            h = o * torch.tanh(c)
            seq.append(h)
        out = torch.stack(seq, dim=1) if return_sequences else h
        return out, h, c


class KerasGRU(nn.Module):
    """reset_after=True"""
    def __init__(self, units, input_dim):
        super().__init__()
        self.units = units
        self.kernel = nn.Parameter(nn.init.xavier_uniform_(torch.empty(input_dim, 3 * units)))
        self.recurrent_kernel = nn.Parameter(nn.init.orthogonal_(torch.empty(units, 3 * units)))
        self.bias = nn.Parameter(torch.zeros(2, 3 * units))

    def forward(self, inputs, initial_state=None, return_sequences=True):
        h = torch.zeros(inputs.shape[0], self.units).to(inputs) if initial_state is None else initial_state
        seq = []
        for x in torch.unbind(inputs, dim=1):
            x_z, x_r, x_h = torch.split(x @ self.kernel + self.bias[0], self.units, dim=1)
            r_z, r_r, r_h = torch.split(h @ self.recurrent_kernel + self.bias[1], self.units, dim=1)
            z = torch.sigmoid(x_z + r_z)
            r = torch.sigmoid(x_r + r_r)
            hh = torch.tanh(x_h + r * r_h)
            h = z * h + (1 - z) * hh
            seq.append(h)
        return (torch.stack(seq, dim=1) if return_sequences else h), h


class BasicLSTMCell(nn.Module):
    """tf.contrib's cell (i, j, f, o)"""
    def __init__(self, num_units, input_dim, forget_bias=1.0):
        super().__init__()
        self.forget_bias = forget_bias
        self.kernel = nn.Parameter(torch.randn(input_dim + num_units, 4 * num_units) * 0.1)
        self.bias = nn.Parameter(torch.zeros(4 * num_units))

    def forward(self, inputs, state):
        c, h = state
        concat = torch.cat([inputs, h], 1) @ self.kernel + self.bias
        i, j, f, o = concat.chunk(4, 1)
        new_c = c * torch.sigmoid(f + self.forget_bias) + torch.sigmoid(i) * torch.tanh(j)
        new_h = torch.tanh(new_c) * torch.sigmoid(o)
        return new_h, (new_c, new_h)
