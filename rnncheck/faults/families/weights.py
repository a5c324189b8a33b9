"""Faults of the weights: matrices transposed, reshaped or shared; biases lost or doubled."""

from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene
from rnncheck.faults.shared import Change, altered, blocks
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry


@family(reported=4)
def of_matrices(spec: Spec) -> Iterator[Fault]:
    square = [spec.layer_input_size(layer) == spec.hidden_size for layer in range(spec.num_layers)]
    gates = spec.cell.gates
    if not spec.proj_size:
        yield recurrent_transposed(gates)
    if any(square):
        yield input_transposed(gates)
    if gates > 1:
        yield altered("recurrent-weight-transposed", "reshaped instead", recurrent_reshaped, one_unit)
    if gates > 1 or not all(square):
        yield altered("input-weight-transposed", "reshaped instead", input_reshaped, one_input)
    yield altered("input-and-recurrent-swapped", "", swapped, "the two matrices hold the same numbers")
    if gates > 1:
        yield gates_shared(gates)


def transposed(value: Tensor, gates: int) -> Tensor:
    return torch.cat([block.t() for block in blocks(value, gates)], -1)


def recurrent_transposed(gates: int) -> Fault:
    """h W_hh.T instead of h W_hh, for the block of each gate."""

    def change(w: LayerWeights) -> LayerWeights:
        return w._replace(W_hh=transposed(w.W_hh, gates))

    return altered("recurrent-weight-transposed", "", change, one_unit)


def input_transposed(gates: int) -> Fault:
    """x W_ih.T instead of x W_ih, in the layers where the shapes fit."""

    def change(w: LayerWeights) -> LayerWeights:
        return w if len(w.W_ih) * gates != w.W_ih.shape[-1] else w._replace(W_ih=transposed(w.W_ih, gates))

    return altered("input-weight-transposed", "", change, one_unit)


def reshaped(value: Tensor) -> Tensor:
    """(n, G*H) from (G*H, n) by a reshape instead of a transpose."""
    return value.t().contiguous().view(value.shape)


def recurrent_reshaped(w: LayerWeights) -> LayerWeights:
    return w._replace(W_hh=reshaped(w.W_hh))


def input_reshaped(w: LayerWeights) -> LayerWeights:
    return w._replace(W_ih=reshaped(w.W_ih))


def swapped(w: LayerWeights) -> LayerWeights:
    """[x h] multiplied by the weights of [h x]: with I = H, W_ih and W_hh exchanged."""
    W_hh, W_ih = torch.cat([w.W_ih, w.W_hh]).tensor_split((len(w.W_hh),))  # noqa: N806
    return w._replace(W_ih=W_ih, W_hh=W_hh)


def gates_shared(gates: int) -> Fault:
    """Every gate uses the parameters of the first gate."""

    def first(value: Tensor) -> Tensor:
        block, *others = blocks(value, gates)
        return torch.cat([block] * (1 + len(others)), -1)

    def change(w: LayerWeights) -> LayerWeights:
        return LayerWeights(first(w.W_ih), first(w.W_hh), first(w.b_ih), first(w.b_hh), w.W_hr, w.own)

    return altered("gates-share-weights", "", change, "all gates have the same weights")


def one_unit(scene: Scene) -> str | None:
    if scene.spec.hidden_size == 1:
        return "H is 1: a 1 by 1 matrix is its own transpose"
    return "the matrices are their own transposes"


def one_input(scene: Scene) -> str | None:
    if scene.spec.input_size == 1:
        return "I is 1: one row of weights has only one order"
    return "every column of the matrices holds the same numbers"


@family(reported=7)
def of_biases(spec: Spec) -> Iterator[Fault]:
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
        yield altered("bias-counted-twice", "their sum in both products", sum_for_both, "all biases are zero")
        yield without_biases("b_hh", "n")
        yield without_biases("b_hh", "rz")
        yield without_biases("b_ih", "rz")
        yield altered("input-and-recurrent-swapped", "biases alone", exchanged, "b_ih equals b_hh")
    yield scalar("", spec.cell.gates, first_number)
    yield scalar("the mean", spec.cell.gates, mean)
    yield Fault("bias-along-batch", "", AlongBatch, hidden=does_not_fit)


def times(input_side: float, recurrent_side: float) -> Change:
    def change(w: LayerWeights) -> LayerWeights:
        return w._replace(b_ih=input_side * w.b_ih, b_hh=recurrent_side * w.b_hh)

    return change


def input_for_both(w: LayerWeights) -> LayerWeights:
    return w._replace(b_hh=w.b_ih)


def recurrent_for_both(w: LayerWeights) -> LayerWeights:
    return w._replace(b_ih=w.b_hh)


def sum_for_both(w: LayerWeights) -> LayerWeights:
    return w._replace(b_ih=w.b_ih + w.b_hh, b_hh=w.b_ih + w.b_hh)


def exchanged(w: LayerWeights) -> LayerWeights:
    return w._replace(b_ih=w.b_hh, b_hh=w.b_ih)


def without_biases(which: Literal["b_ih", "b_hh"], gates: str) -> Fault:
    """Leaves out some biases of the GRU: b_hn, which cannot be added to b_ih; or those of r and z, where other
    frameworks have one bias for the two of torch and the other was forgotten.
    """

    def change(w: LayerWeights) -> LayerWeights:
        found = zip("rzn", blocks(getattr(w, which), 3), strict=True)
        kept = [torch.zeros_like(block) if gate in gates else block for gate, block in found]
        return w._replace(**{which: torch.cat(kept)})

    slug, said = {"b_ih": "missing-input-bias", "b_hh": "missing-recurrent-bias"}[which], " and ".join(gates)
    return altered(slug, f"{said} alone", change, f"{which} is zero for {said}")


def first_number(block: Tensor) -> Tensor:
    return block[:1]


def mean(block: Tensor) -> Tensor:
    return block.mean(0, keepdim=True)


def scalar(variant: str, gates: int, number: Callable[[Tensor], Tensor]) -> Fault:
    """The bias of each gate is one number, the same for all units."""

    def one(bias: Tensor) -> Tensor:
        return torch.cat([number(block).expand(len(block)) for block in blocks(bias, gates)])

    def change(w: LayerWeights) -> LayerWeights:
        return w._replace(b_ih=one(w.b_ih), b_hh=one(w.b_hh))

    return altered("scalar-bias", variant, change, one_number)


def one_number(scene: Scene) -> str | None:
    if scene.spec.hidden_size == 1:
        return "H is 1: a bias is one number"
    return "the biases of each gate are one number"


class AlongBatch(CutNetwork):
    """Adds the bias of unit b to all units of batch row b. This broadcasts only with B = H."""

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
        return w._replace(b_ih=turned(w.b_ih, self.spec.cell.gates), b_hh=turned(w.b_hh, self.spec.cell.gates))


def turned(bias: Tensor, gates: int) -> Tensor:
    return torch.cat([block[:, None].expand(-1, len(block)) for block in blocks(bias, gates)], -1)


def does_not_fit(scene: Scene) -> str | None:
    if scene.batch_size != scene.spec.hidden_size:
        return f"B is {scene.batch_size} and H is {scene.spec.hidden_size}: a bias fits along the batch only if B is H"
    if scene.spec.hidden_size == 1:
        return "H and B are 1: along the batch is along the units"
    return None
