"""Recurrent layers from scratch: what an RNN, an LSTM and a GRU are, in tensor operations alone.

Read `lesson.py` first, then `cells.py` and `network.py`. `RNN`, `LSTM` and `GRU` take the place of `torch.nn`'s.
"""

from rnncheck.scratch.fast_path import InPlaceNetwork
from rnncheck.scratch.modules import GRU, LSTM, RNN
from rnncheck.scratch.network import Network

__all__ = ["GRU", "LSTM", "RNN", "InPlaceNetwork", "Network"]
