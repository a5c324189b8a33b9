"""What a stranger's tensor should hold, as an expression of the canonical weights.

The names are `torch.nn`'s (`weight_ih_l0`) and letters of gates, which pick and order rows: `weight_ih_l0[i].T` is the
input gate's block stored as (I, H), `bias_ih_l0[iofg]` the four blocks in another order. `cat` stacks rows, `beside`
puts columns side by side, `stack` adds an axis in front, `row` and `column` give a bias a second axis, `interleaved`
puts the gates of one unit next to each other.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

GATES = {"rnn": "h", "lstm": "ifgo", "gru": "rzn"}


class Names(dict[str, object]):
    """The names of an expression; one made of gates' letters is the index of their rows."""

    def __init__(self, weights: Mapping[str, Tensor], cell: str, hidden_size: int) -> None:
        super().__init__(weights)
        self.cell, self.hidden_size = cell, hidden_size
        self |= {"row": lambda b: b.reshape(1, -1), "column": lambda b: b.reshape(-1, 1), "stack": stacked}
        self |= {"cat": lambda *blocks: torch.cat(blocks), "beside": lambda *blocks: torch.cat(blocks, 1)}
        self |= {"zeros_like": torch.zeros_like, "interleaved": self.interleaved}

    def interleaved(self, rows: Tensor) -> Tensor:
        blocks = rows.reshape(-1, self.hidden_size, *rows.shape[1:])
        return blocks.transpose(0, 1).reshape(rows.shape)

    def __missing__(self, letters: str) -> Tensor:
        if not set(letters) <= set(GATES[self.cell]):
            raise NameError(letters)
        starts = [GATES[self.cell].index(letter) * self.hidden_size for letter in letters]
        return torch.cat([torch.arange(start, start + self.hidden_size) for start in starts])


def stacked(*blocks: Tensor) -> Tensor:
    return torch.stack(blocks)


def evaluate(expression: str, weights: Mapping[str, Tensor], cell: str, hidden_size: int) -> Tensor:
    value = eval(expression, {"__builtins__": {}}, Names(weights, cell, hidden_size))  # our own index, not input
    assert isinstance(value, Tensor)
    return value
