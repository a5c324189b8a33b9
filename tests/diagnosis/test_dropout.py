"""Dropout is told from other randomness by what it leaves of the outputs."""

import pytest
import torch
from faults.scenes import scene
from torch import Tensor
from torch.nn.functional import dropout as dropped

from rnncheck.diagnosis import dropout, dropout_between_layers
from rnncheck.faults.catalogue import by_name
from rnncheck.faults.planted import Planted
from rnncheck.model.spec import Cell, Spec


def right() -> Tensor:
    return torch.randn(12, 3, 8, generator=torch.Generator().manual_seed(0)).tanh()


@pytest.mark.parametrize("chance", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_its_chance_is_read_off(chance: float, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    found = dropout(dropped(right().to(dtype), chance), right().to(dtype))
    assert found is not None
    assert found.slug == "dropout-in-eval"
    assert f"p = {chance:.2g}" in found.message


def test_noise_a_factor_and_zeros_without_one_are_something_else() -> None:
    torch.manual_seed(1)
    mask = (torch.rand(right().shape) > 0.25).float()
    for other in (right() + torch.rand_like(right()), 1.25 * right(), mask * right(), 2 * mask * right(), right()[1:]):
        assert dropout(other, right()) is None


@pytest.mark.parametrize("fault", ["dropout-in-eval", "nondeterministic", "no-recurrence"])
def test_between_layers_it_is_what_a_layer_is_right_without(fault: str) -> None:
    spec = Spec(Cell.LSTM, num_layers=2, dropout=0.3)
    found = dropout_between_layers(Planted("it", by_name(fault, spec).network), scene(spec))
    assert (found is not None) == (fault == "dropout-in-eval")
