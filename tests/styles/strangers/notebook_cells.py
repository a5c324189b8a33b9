import numpy as np
import torch
import torch.nn as nn

device = "cpu"
print("using", device)


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.wh = torch.rand(hidden_size, hidden_size).to(device)
        self.bh = torch.rand(1).to(device)
        self.wx = torch.rand(hidden_size, input_size).to(device)
        self.bx = torch.rand(1).to(device)

    def forward(self, x, h=None):
        if h is None:
            h = torch.zeros(1, self.hidden_size).to(x.dtype).to(device)
        a = torch.matmul(h, self.wh.T) + self.bh + torch.matmul(x, self.wx.T) + self.bx
        a = torch.tanh(a)
        return a, a[-1]


class MyRNNLoop(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.wh = torch.rand(hidden_size, hidden_size).to(device)
        self.bh = torch.rand(hidden_size).to(device)
        self.wx = torch.rand(hidden_size, input_size).to(device)
        self.bx = torch.rand(hidden_size).to(device)

    def forward(self, x, h=None):
        if h is None:
            h = torch.zeros(self.hidden_size, dtype=x.dtype).to(device)
        states = []
        for i in range(len(x)):
            h = torch.tanh(self.wh @ h + self.bh + self.wx @ x[i] + self.bx)
            states.append(h)
        return torch.stack(states), h
