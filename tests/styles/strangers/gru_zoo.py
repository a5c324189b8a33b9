import torch
import torch.nn as nn
import torch.nn.functional as F


class TorchLikeGRU(nn.Module):
    """reads the same state_dict as nn.GRU"""
    def __init__(self, input_size, hidden_size, batch_first=False):
        super().__init__()
        self.input_size, self.hidden_size, self.batch_first = input_size, hidden_size, batch_first
        k = hidden_size ** -0.5
        self.weight_ih_l0 = nn.Parameter(torch.empty(3 * hidden_size, input_size).uniform_(-k, k))
        self.weight_hh_l0 = nn.Parameter(torch.empty(3 * hidden_size, hidden_size).uniform_(-k, k))
        self.bias_ih_l0 = nn.Parameter(torch.empty(3 * hidden_size).uniform_(-k, k))
        self.bias_hh_l0 = nn.Parameter(torch.empty(3 * hidden_size).uniform_(-k, k))

    def cell(self, gi, gh, h):
        ir, iz, inn = gi.chunk(3, -1)
        hr, hz, hn = gh.chunk(3, -1)
        r = torch.sigmoid(ir + hr)
        z = torch.sigmoid(iz + hz)
        n = torch.tanh(inn + r * hn)
        return (1 - z) * n + z * h

    def forward(self, x, h0=None):
        if self.batch_first:
            x = x.transpose(0, 1)
        h = x.new_zeros(x.shape[1], self.hidden_size) if h0 is None else h0[0]
        gx = F.linear(x, self.weight_ih_l0, self.bias_ih_l0)
        ys = []
        for gi in gx:
            h = self.cell(gi, F.linear(h, self.weight_hh_l0, self.bias_hh_l0), h)
            ys.append(h)
        y = torch.stack(ys)
        return (y.transpose(0, 1) if self.batch_first else y), h.unsqueeze(0)


class TorchLikeGRUv2(TorchLikeGRU):
    def cell(self, gi, gh, h):
        ir, iz, inn = gi.chunk(3, -1)
        hr, hz, hn = gh.chunk(3, -1)
        r = torch.sigmoid(ir + hr)
        z = torch.sigmoid(iz + hz)
        n = torch.tanh(inn + r * hn)
        return h + z * (n - h)


class TorchLikeGRUv3(TorchLikeGRU):
    def cell(self, gi, gh, h):
        zr = torch.sigmoid((gi + gh)[..., :2 * self.hidden_size])
        z, r = zr.chunk(2, -1)
        n = torch.tanh(gi[..., 2 * self.hidden_size:] + r * gh[..., 2 * self.hidden_size:])
        return (1 - z) * n + z * h


class MetalGRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        s = hidden_size ** -0.5
        self.Wx = nn.Parameter(torch.rand(3 * hidden_size, input_size) * 2 * s - s)
        self.Wh = nn.Parameter(torch.rand(3 * hidden_size, hidden_size) * 2 * s - s)
        self.b = nn.Parameter(torch.zeros(3 * hidden_size))
        self.bhn = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, hidden=None):
        x = torch.addmm(self.b, x.reshape(-1, x.shape[-1]), self.Wx.T).view(*x.shape[:-1], -1)
        x_rz, x_n = x[..., :-self.hidden_size], x[..., -self.hidden_size:]
        all_hidden = []
        if hidden is None:
            hidden = torch.zeros_like(x_n[..., 0, :])
        for idx in range(x.shape[-2]):
            h_proj = hidden @ self.Wh.T
            rz = torch.sigmoid(x_rz[..., idx, :] + h_proj[..., :-self.hidden_size])
            r, z = rz.chunk(2, -1)
            n = torch.tanh(x_n[..., idx, :] + r * (h_proj[..., -self.hidden_size:] + self.bhn))
            hidden = (1 - z) * n + z * hidden
            all_hidden.append(hidden)
        return torch.stack(all_hidden, dim=-2)


class OneBiasGRUCell(nn.Module):
    def __init__(self, nx, nh):
        super().__init__()
        self.W = nn.Linear(nx, 3 * nh)
        self.U = nn.Linear(nh, 3 * nh, bias=False)

    def forward(self, x, h):
        Wr, Wz, Wn = self.W(x).chunk(3, dim=1)
        Ur, Uz, Un = self.U(h).chunk(3, dim=1)
        r, z = torch.sigmoid(Wr + Ur), torch.sigmoid(Wz + Uz)
        n = torch.tanh(Wn + r * Un)
        return z * h + (1 - z) * n


def gru_step(params, h, x):
    """one step, params is a plain dict of tensors"""
    def lin(v, k):
        return v @ params["w" + k] + params["b" + k]
    z = torch.sigmoid(lin(x, "xz") + lin(h, "hz"))
    r = torch.sigmoid(lin(x, "xr") + lin(h, "hr"))
    h_new = torch.tanh(lin(x, "xh") + r * lin(h, "hh"))
    return z * h + (1.0 - z) * h_new
