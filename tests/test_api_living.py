"""Layers that live already: what they say of themselves."""

import pytest
from torch import nn

from rnncheck import check

LIVING = [
    nn.RNN(3, 4, nonlinearity="relu"),
    nn.LSTM(3, 4, proj_size=2),
    nn.GRU(3, 4, bias=False),
    nn.LSTM(5, 7, 3, bidirectional=True),
    nn.LSTM(3, 4, 2, bidirectional=True),  # as many layers and directions as units
    nn.GRU(8, 4, 2, bidirectional=True),
    nn.RNN(3, 2, 2),
]


@pytest.mark.sample(2)
@pytest.mark.parametrize("layer", LIVING, ids=repr)
def test_a_layer_of_torch_s_says_all_that_it_is(layer: nn.Module) -> None:
    report = check(layer, witness=False)
    assert (report.verdict, report.restrictions) == ("equivalent", [])
    assert {each.quantity for each in report.comparisons} >= {"output", "h_n"}
    assert report.spec.parameter_shapes() == {name: each.shape for name, each in layer.named_parameters()}
