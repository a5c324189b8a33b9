"""A layer that takes no state has no gradients of it; its other gradients name what is wrong."""

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check


class DetachesH(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[1], self.cell.hidden_size)
        outputs = []
        for x_t in x:
            h, c = self.cell(x_t, (h.detach(), c))
            outputs.append(h)
        return torch.stack(outputs)


@pytest.mark.explained
def test_a_cut_between_timesteps_is_named() -> None:
    (finding,) = check(DetachesH, witness=False, paths="none").findings
    assert (finding.slug, finding.variant) == ("gradient-detached", "h alone")
