"""Biases lost, doubled, taken for each other, or added along the wrong axis."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault
from rnncheck.faults.other_parameters import Change, altered, blocks
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry


def faults(spec: Spec) -> Iterator[Fault]:
    if not spec.bias:
        return
    yield altered("missing-recurrent-bias", "", times(1, 0), "every b_hh is zero")
    yield altered("missing-input-bias", "", times(0, 1), "every b_ih is zero")
    yield altered("missing-bias", "", times(0, 0), "all biases are zero")
    yield altered("bias-counted-twice", "", times(2, 2), "all biases are zero")
    yield altered("bias-counted-twice", "b_ih", times(2, 1), "every b_ih is zero")
    yield altered("bias-counted-twice", "b_hh", times(1, 2), "every b_hh is zero")
    yield altered("bias-counted-twice", "b_ih for both", input_for_both, "b_ih equals b_hh")
    yield altered("bias-counted-twice", "b_hh for both", recurrent_for_both, "b_ih equals b_hh")
    if spec.cell is Cell.GRU:
        yield without_proposal_bias(spec.hidden_size)
        yield altered("input-and-recurrent-swapped", "biases alone", exchanged, "b_ih equals b_hh")
    yield scalar("", spec.hidden_size, first_number)
    yield scalar("the mean", spec.hidden_size, mean)
    yield Fault("bias-along-batch", "", AlongBatch, hidden=does_not_fit)


def times(input_side: float, recurrent_side: float) -> Change:
    def change(w: LayerWeights) -> LayerWeights:
        return w._replace(b_ih=input_side * w.b_ih, b_hh=recurrent_side * w.b_hh)

    return change


def input_for_both(w: LayerWeights) -> LayerWeights:
    return w._replace(b_hh=w.b_ih)


def recurrent_for_both(w: LayerWeights) -> LayerWeights:
    return w._replace(b_ih=w.b_hh)


def exchanged(w: LayerWeights) -> LayerWeights:
    return w._replace(b_ih=w.b_hh, b_hh=w.b_ih)


def without_proposal_bias(hidden_size: int) -> Fault:
    """The GRU's b_hn is lost, the only part of b_hh that b_ih cannot take over."""

    def change(w: LayerWeights) -> LayerWeights:
        b_r, b_z, b_n = blocks(w.b_hh, hidden_size)
        return w._replace(b_hh=torch.cat([b_r, b_z, torch.zeros_like(b_n)]))

    return altered("missing-recurrent-bias", "n alone", change, "b_hn is zero")


def first_number(block: Tensor) -> Tensor:
    return block[:1]


def mean(block: Tensor) -> Tensor:
    return block.mean(0, keepdim=True)


def scalar(variant: str, hidden_size: int, number: Callable[[Tensor], Tensor]) -> Fault:
    """Each gate has one number for its bias, the same for all units."""

    def one(bias: Tensor) -> Tensor:
        return torch.cat([number(block).expand(hidden_size) for block in blocks(bias, hidden_size)])

    def change(w: LayerWeights) -> LayerWeights:
        return w._replace(b_ih=one(w.b_ih), b_hh=one(w.b_hh))

    return altered("scalar-bias", variant, change, one_number)


def one_number(scene: Scene) -> str | None:
    if scene.spec.hidden_size == 1:
        return "H is 1: a bias is one number"
    return "the biases of each gate are one number"


class AlongBatch(CutNetwork):
    """The bias of unit b is added to all units of batch row b; only with B = H does that even broadcast."""

    def project(self, w: LayerWeights, x: Tensor) -> Tensor:
        if x.shape[1] != self.spec.hidden_size:
            return super().project(w, x)
        along = self.along(w)
        without = w._replace(b_ih=torch.zeros_like(w.b_ih), b_hh=torch.zeros_like(w.b_hh))
        return super().project(without, x) + (along.b_ih if self.spec.cell is Cell.GRU else along.b_ih + along.b_hh)

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        return super().step(self.along(w) if len(p) == self.spec.hidden_size else w, p, carry)

    def along(self, w: LayerWeights) -> LayerWeights:
        """b (G*H) -> (B, G*H), with B = H."""
        return w._replace(b_ih=turned(w.b_ih, self.spec.hidden_size), b_hh=turned(w.b_hh, self.spec.hidden_size))


def turned(bias: Tensor, hidden_size: int) -> Tensor:
    return torch.cat([block[:, None].expand(-1, hidden_size) for block in blocks(bias, hidden_size)], -1)


def does_not_fit(scene: Scene) -> str | None:
    if scene.batch_size != scene.spec.hidden_size:
        return f"B is {scene.batch_size} and H is {scene.spec.hidden_size}: a bias fits along the batch only if B is H"
    if scene.spec.hidden_size == 1:
        return "H and B are 1: along the batch is along the units"
    return None
