"""Gates that read one of x and h alone."""

from collections.abc import Iterator

import torch

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.shared import Change, altered, blocks
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.cells import LayerWeights

GATES = {Cell.LSTM: ("i", "f", "o", "g", "ifo"), Cell.GRU: ("r", "z", "n", "rz")}
SIDES = {"gate-ignores-input": "W_ih", "gate-ignores-state": "W_hh"}


@family(reported=12)
def of_one_side(spec: Spec) -> Iterator[Fault]:
    """One gate, or all but the proposal, without the product with x or with h. The biases are added."""
    for slug, name in SIDES.items():
        for n, gates in enumerate(GATES.get(spec.cell, ())):
            change = without(name, gates, spec.cell.letters)
            why = f"the rows of {' and '.join(gates)} in {name} are zero"
            found = altered(slug, ", ".join(gates), change, why)
            yield Fault(slug, found.variant, found.mixin, hidden=found.hidden, rare=n > 0)


def without(name: str, gates: str, order: str) -> Change:
    """The rows of these gates in W_ih or W_hh are zero."""

    def change(w: LayerWeights) -> LayerWeights:
        every = zip(order, blocks(getattr(w, name), len(order)), strict=True)
        kept = [torch.zeros_like(block) if gate in gates else block for gate, block in every]
        return w._replace(**{name: torch.cat(kept, -1)})

    return change
