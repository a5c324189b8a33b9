"""A list of states, one for each layer, where one tensor of all of them is refused: also of a single layer."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Verdict


class Listed(nn.Module):
    """Writes the new states into the list that it is given, and stacks them."""

    layers = 1

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cells = nn.ModuleList(
            nn.GRUCell(hidden_size if layer else input_size, hidden_size) for layer in range(self.layers)
        )

    def forward(self, x: Tensor, h0: list[Any] | None = None) -> tuple[Tensor, Tensor]:
        states = [None] * len(self.cells) if h0 is None else h0
        outputs = []
        for x_t in x:
            read = x_t
            for layer, cell in enumerate(self.cells):
                read = states[layer] = cell(read, states[layer])
            outputs.append(read)
        return torch.stack(outputs), torch.stack(states, 0)


class TwoListed(Listed):
    layers = 2


@pytest.mark.parametrize(("layer", "layers"), [(Listed, 1), (TwoListed, 2)])
def test_a_list_of_states_is_handed_over(layer: type[nn.Module], layers: int) -> None:
    report = check(layer, num_layers=layers, witness=False, paths="none")
    assert report.verdict is Verdict.EQUIVALENT
    assert "[h, ...]" in (report.candidate.read_as or "")
