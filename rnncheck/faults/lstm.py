"""What is done to the LSTM's cell and to the gates that guard it."""

from collections.abc import Iterator

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault
from rnncheck.faults.overridable import CutNetwork
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Network


def faults(spec: Spec) -> Iterator[Fault]:
    if spec.cell is not Cell.LSTM:
        return
    yield Fault("forget-bias-added", "", ForgetBiasAdded)
    yield Fault("stale-cell-state", "", StaleCell)
    yield Fault("coupled-gates", "i = 1 - f", InputCoupled)
    yield Fault("coupled-gates", "f = 1 - i", ForgetCoupled)
    yield Fault("peephole", "", Peephole)
    if not spec.proj_size:
        yield Fault("peephole", "c through W_hh", CellThroughWeights)
    for gate in "ifo":
        yield Fault("gate-ignored", gate, open_gate(gate))


class ForgetBiasAdded(CutNetwork):
    """f = σ(a_f + 1): a bias of one that TensorFlow's cells add by themselves."""

    def gate_sums(self, w: LayerWeights, p: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        i, f, g, o = super().gate_sums(w, p, h, c)
        return i, f + 1, g, o


class StaleCell(CutNetwork):
    """h' = o tanh(c): the output reads the cell before it is written."""

    def new_hidden(self, o: Tensor, new: Tensor, c: Tensor) -> Tensor:
        return super().new_hidden(o, c, c)


class InputCoupled(CutNetwork):
    """c' = f c + (1 - f) g."""

    def new_cell(self, i: Tensor, f: Tensor, g: Tensor, c: Tensor) -> Tensor:
        return super().new_cell(1 - f, f, g, c)


class ForgetCoupled(CutNetwork):
    """c' = (1 - i) c + i g."""

    def new_cell(self, i: Tensor, f: Tensor, g: Tensor, c: Tensor) -> Tensor:
        return super().new_cell(i, 1 - i, g, c)


class Peephole(CutNetwork):
    """i = σ(a_i + c), f = σ(a_f + c), o = σ(a_o + c'): peepholes whose weights are one."""

    def gate_sums(self, w: LayerWeights, p: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        i, f, g, o = super().gate_sums(w, p, h, c)
        return i + c, f + c, g, o

    def output_gate(self, o: Tensor, new: Tensor) -> Tensor:
        return super().output_gate(o + new, new)


class CellThroughWeights(CutNetwork):
    """Every gate reads h + c in the place of h."""

    def gate_sums(self, w: LayerWeights, p: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        return super().gate_sums(w, p, h + c, c)


def open_gate(gate: str) -> type[Network]:
    """The gate is one, whatever its sum."""

    class OpenGate(CutNetwork):
        def activate(self, what: str, value: Tensor) -> Tensor:
            return torch.ones_like(value) if what == gate else super().activate(what, value)

    return OpenGate
