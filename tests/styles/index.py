"""The corpus: implementations of the three cells in as many styles as strangers have, right and wrong."""

from styles.index_gru import GRU
from styles.index_homework import HOMEWORK
from styles.index_lstm import LSTM
from styles.index_lstm_more import MORE_LSTM
from styles.index_rnn import RNN
from styles.index_rnn_more import MORE_RNN
from styles.index_torch_clones import TORCH_CLONES
from styles.index_wrappers import WRAPPERS
from styles.style import Style

STYLES: list[Style] = [*RNN, *MORE_RNN, *TORCH_CLONES, *LSTM, *MORE_LSTM, *GRU, *WRAPPERS, *HOMEWORK]
