"""Options accepted and not heeded. Most are faults of what they should have switched, by their own names."""

from collections.abc import Iterator
from dataclasses import replace

from rnncheck.faults.fault import Fault
from rnncheck.faults.overridable import CutNetwork
from rnncheck.model.spec import Spec


def faults(spec: Spec) -> Iterator[Fault]:
    if spec.num_layers > 1:
        yield Fault("option-ignored", "num_layers", OneLayer)


class OneLayer(CutNetwork):
    """There is one layer, however many were asked for."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(replace(spec, num_layers=1, dropout=0.0))
