"""Gates read from the wrong rows of the weights: frameworks stack them in different orders."""

from collections.abc import Iterator
from itertools import permutations

import torch
from torch import Tensor

from rnncheck.faults.altered import altered, blocks
from rnncheck.faults.fault import Fault
from rnncheck.scratch.cells import LayerWeights
from rnncheck.spec import Cell, Spec

ORDER = {Cell.LSTM: "ifgo", Cell.GRU: "rzn"}


def faults(spec: Spec) -> Iterator[Fault]:
    """All wrong orders."""
    right = ORDER.get(spec.cell)
    if right is not None:
        for order in list(permutations(right))[1:]:
            yield in_order("".join(order), right, spec.hidden_size)


def in_order(order: str, right: str, hidden_size: int) -> Fault:
    """The weights' blocks are taken for those of the gates in `order`."""
    taken = [order.index(gate) for gate in right]

    def reordered(value: Tensor) -> Tensor:
        every = blocks(value, hidden_size)
        return torch.cat([every[k] for k in taken], -1)

    def change(w: LayerWeights) -> LayerWeights:
        return LayerWeights(reordered(w.W_ih), reordered(w.W_hh), reordered(w.b_ih), reordered(w.b_hh), w.W_hr)

    return altered("gate-order", ", ".join(order), change, "the gates that change places have the same weights")
