"""The plain loops are torch.nn's functions, and the fast path's."""

import pytest
import torch
from scratch.pairs import CELLS, assert_same, pair

from rnncheck.scratch import lesson


@pytest.mark.parametrize("cell", CELLS)
def test_the_plain_loop_is_torch_s_layer_and_the_fast_path(cell: str) -> None:
    torch.manual_seed(0)
    both = pair(cell, 3, 4)
    x, h, c = torch.randn(6, 2, 3).double(), torch.randn(1, 2, 4).double(), torch.randn(1, 2, 4).double()
    start = (h, c) if cell == "LSTM" else h
    states = (h[0], c[0]) if cell == "LSTM" else (h[0],)
    with torch.no_grad():
        said = getattr(lesson, cell.lower())(x, *states, *both.theirs.parameters())
        assert_same([said, said], [both.theirs(x, start)[0], both.ours(x, start)[0]])
    assert len(said) == 6
