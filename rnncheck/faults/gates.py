"""Gates read from the wrong rows of the weights: frameworks stack them in different orders."""

from collections.abc import Iterator
from itertools import permutations

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault
from rnncheck.faults.other_parameters import altered, blocks
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.cells import LayerWeights

RIGHT = {Cell.LSTM: "ifgo", Cell.GRU: "rzn"}
# Those of other frameworks first: Caffe and DyNet i f o g, TensorFlow 1 and Haiku i g f o, ONNX i o f g; Keras z r n.
KNOWN = {Cell.LSTM: ("ifog", "igfo", "iofg"), Cell.GRU: ("zrn",)}
PARTS = {"W_ih alone": ("W_ih",), "W_hh alone": ("W_hh",), "biases alone": ("b_ih", "b_hh")}


def faults(spec: Spec) -> Iterator[Fault]:
    """All wrong orders on both sides, and the best known one in a part of the parameters."""
    if spec.cell is Cell.RNN:
        return
    right, known = RIGHT[spec.cell], KNOWN[spec.cell]
    others = ["".join(order) for order in permutations(right)]
    for order in (*known, *(order for order in others if order != right and order not in known)):
        yield in_order(order, right, spec.hidden_size, ("W_ih", "W_hh", "b_ih", "b_hh"))
    for part, names in PARTS.items():
        if spec.bias or part != "biases alone":
            yield in_order(known[0], right, spec.hidden_size, names, part)


def in_order(order: str, right: str, hidden_size: int, names: tuple[str, ...], part: str = "") -> Fault:
    """The blocks of these parameters are taken for those of the gates in `order`."""
    taken = [order.index(gate) for gate in right]

    def reordered(value: Tensor) -> Tensor:
        every = blocks(value, hidden_size)
        return torch.cat([every[k] for k in taken], -1)

    def change(w: LayerWeights) -> LayerWeights:
        return w._replace(**{name: reordered(getattr(w, name)) for name in names})

    variant = ", ".join(order) + (f"; {part}" if part else "")
    return altered("gate-order", variant, change, "the gates that change places have the same weights")
