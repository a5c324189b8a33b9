# Classifying names with a character-level RNN
import torch
import torch.nn as nn

n_categories = 18


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size=n_categories):
        super(RNN, self).__init__()

        self.hidden_size = hidden_size

        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        combined = torch.cat((input, hidden), 1)
        hidden = torch.tanh(self.i2h(combined))
        output = self.softmax(self.h2o(hidden))
        return output, hidden

    def initHidden(self, batch=1):
        return torch.zeros(batch, self.hidden_size)


class RNNNoActivation(nn.Module):
    """ first version, trains ok too """
    def __init__(self, input_size, hidden_size, output_size):
        super(RNNNoActivation, self).__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.i2o = nn.Linear(input_size + hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        combined = torch.cat((input, hidden), 1)
        hidden = self.i2h(combined)
        output = self.softmax(self.i2o(combined))
        return output, hidden

    def initHidden(self):
        return torch.zeros(1, self.hidden_size)


if __name__ == "__main__":
    rnn = RNN(57, 128)
    h = rnn.initHidden()
    out, h = rnn(torch.zeros(1, 57), h)
    print(out.shape)
