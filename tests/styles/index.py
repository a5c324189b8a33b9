"""The corpus: implementations of the three cells in as many styles as strangers have, right and wrong."""

from styles.index_gru import GRU
from styles.index_lstm import LSTM
from styles.index_rnn import RNN
from styles.style import Style

STYLES: list[Style] = [*RNN, *LSTM, *GRU]
