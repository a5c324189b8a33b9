"""Names that tell the layer or the direction of each tensor put it there; names that do not, change nothing."""

import torch
from torch import Tensor

from rnncheck.mapping.layouts import Placed, layouts
from rnncheck.mapping.named_cells import as_named
from rnncheck.model.spec import Cell, Spec

BOTH = Spec(Cell.RNN, input_size=4, hidden_size=4, num_layers=2, bidirectional=True)
OF_H = torch.zeros(4, 4)


def places(names: dict[str, int], spec: Spec) -> list[dict[str, int]]:
    """Where the names put the tensors that were measured to be at these places."""
    held: dict[str, Tensor] = dict.fromkeys(names, OF_H)
    layout = next(each for each in layouts(OF_H.shape, spec, 0) if each.kinds == ("h",))
    measured = [Placed(name, layout, k, live=True) for name, k in names.items()]
    return [{each.name: each.k for each in way} for way in as_named(measured, held, spec)]


def test_a_name_that_tells_the_layer_alone_leaves_the_direction_as_measured() -> None:
    assert {"up0": 0, "up1": 2, "down0": 1, "down1": 3, "side0": 0, "side1": 2} in places(
        {"up0": 0, "up1": 0, "down0": 1, "down1": 1, "side0": 0, "side1": 1}, BOTH
    )


def test_a_name_that_tells_the_direction_puts_it_there() -> None:
    assert {"fwd0": 0, "bwd0": 1, "fwd1": 2, "bwd1": 3} in places({"fwd0": 0, "bwd0": 0, "fwd1": 1, "bwd1": 1}, BOTH)


def test_names_that_tell_nothing_put_it_nowhere() -> None:
    assert places({"up0": 0, "up1": 0, "up2": 0}, Spec(Cell.RNN, hidden_size=4, num_layers=2)) == []
