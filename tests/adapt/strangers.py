"""Layers of kinds that no rule reads: what each wants, takes or returns is only known to its author."""

HEAD = "import torch\nfrom torch import nn\n\n"

# A course's homework: column vectors, time last, weights in a dict, caches for the way back.
HOMEWORK = '''import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    z = np.concatenate([a_prev, xt])
    ft = sigmoid(parameters["Wf"] @ z + parameters["bf"])
    it = sigmoid(parameters["Wi"] @ z + parameters["bi"])
    cct = np.tanh(parameters["Wc"] @ z + parameters["bc"])
    ot = sigmoid(parameters["Wo"] @ z + parameters["bo"])
    c = ft * c_prev + it * cct
    return ot * np.tanh(c), c, (a_prev, c_prev, ft, it, cct, ot)

def lstm_forward(x, a0, c0, parameters):
    """x (n_x, m, T), a0 and c0 (n_a, m): a (n_a, m, T), c (n_a, m, T), caches."""
    a, c = a0, c0
    seq_a, seq_c, caches = [], [], []
    for t in range(x.shape[2]):
        a, c, cache = lstm_cell_forward(x[:, :, t], a, c, parameters)
        seq_a.append(a)
        seq_c.append(c)
        caches.append(cache)
    return np.stack(seq_a, -1), np.stack(seq_c, -1), caches
'''

# A state of a class of its own, which goes in and comes out.
OWN_STATE = (
    HEAD
    + """
class Memory:
    def __init__(self, short, cell):
        self.short, self.cell = short, cell

class MemoryLSTM(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.gates = nn.Linear(n_in + n_hidden, 4 * n_hidden)

    def forward(self, xs, memory: Memory):
        rows = []
        for x in xs.unbind(1):
            i, f, g, o = self.gates(torch.cat([x, memory.short], 1)).chunk(4, 1)
            cell = f.sigmoid() * memory.cell + i.sigmoid() * g.tanh()
            memory = Memory(o.sigmoid() * cell.tanh(), cell)
            rows.append(memory.short)
        return torch.stack(rows, 1), memory
"""
)

# A kernel: the gates of x come ready made, and what it does with the state is one product.
KERNEL = (
    HEAD
    + '''
def gru_kernel(gx, state, R, bn):
    """gx (T, B, 3H) with every bias but that of R's last block, R (H, 3H)."""
    rows = []
    for g in gx:
        gr, gz, gn = g.chunk(3, 1)
        rr, rz, rn = (state @ R).chunk(3, 1)
        r, z = torch.sigmoid(gr + rr), torch.sigmoid(gz + rz)
        state = (1 - z) * torch.tanh(gn + r * (rn + bn)) + z * state
        rows.append(state)
    return {"states": torch.stack(rows), "last": state}
'''
)

# A configuration with fields that no name explains, of a class of its own.
CONFIGURED = (
    HEAD
    + """
class Settings:
    def __init__(self, width, n_hidden, flavour, dropout=0.0):
        self.width, self.n_hidden, self.flavour, self.dropout = width, n_hidden, flavour, dropout

class ConfiguredRNN(nn.Module):
    def __init__(self, config: Settings):
        super().__init__()
        assert config.flavour == "plain"
        self.read, self.keep = nn.Linear(config.width, config.n_hidden), nn.Linear(config.n_hidden, config.n_hidden)

    def forward(self, x, hidden):
        rows = []
        for step in x:
            hidden = torch.tanh(self.read(step) + self.keep(hidden))
            rows.append(hidden)
        return torch.stack(rows), hidden
"""
)

# Two recurrent layers, one of which is meant.
TRANSLATOR = (
    HEAD
    + """
class Translator(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.encoder = nn.GRU(input_size, hidden_size, batch_first=True)
        self.decoder = nn.ModuleList([nn.GRU(hidden_size, hidden_size, batch_first=True)])
        self.words = nn.Linear(hidden_size, 11)

    def forward(self, source, target):
        _, thought = self.encoder(source)
        return self.words(self.decoder[0](target, thought)[0])
"""
)

# Weights that are arguments of the constructor.
GIVEN_WEIGHTS = """import numpy as np

class GivenRNN:
    def __init__(self, Wx, Wh, b):
        self.Wx, self.Wh, self.b = Wx, Wh, b

    def forward(self, xs, h0):
        h, rows = h0, []
        for x in xs:
            h = np.tanh(x @ self.Wx + h @ self.Wh + self.b)
            rows.append(h)
        return np.stack(rows)
"""
