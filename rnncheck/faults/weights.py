"""Right numbers in the wrong place: matrices transposed, reshaped, exchanged or shared."""

from collections.abc import Iterator

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault
from rnncheck.faults.other_parameters import altered, blocks
from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Spec
from rnncheck.scratch.cells import LayerWeights


def faults(spec: Spec) -> Iterator[Fault]:
    square = [spec.layer_input_size(layer) == spec.hidden_size for layer in range(spec.num_layers)]
    gates = spec.cell.gates
    if not spec.proj_size:
        yield recurrent_transposed(spec.hidden_size)
    if any(square):
        yield input_transposed(spec.hidden_size)
    if gates > 1:
        yield altered("recurrent-weight-transposed", "reshaped instead", recurrent_reshaped, one_unit)
    if gates > 1 or not all(square):
        yield altered("input-weight-transposed", "reshaped instead", input_reshaped, one_input)
    yield altered("input-and-recurrent-swapped", "", swapped, "the two matrices hold the same numbers")
    if gates > 1:
        yield gates_shared(spec.hidden_size)


def transposed(value: Tensor, hidden_size: int) -> Tensor:
    return torch.cat([block.t() for block in blocks(value, hidden_size)], -1)


def recurrent_transposed(hidden_size: int) -> Fault:
    """h W_hh.T in the place of h W_hh, each gate's block for itself."""

    def change(w: LayerWeights) -> LayerWeights:
        return w._replace(W_hh=transposed(w.W_hh, hidden_size))

    return altered("recurrent-weight-transposed", "", change, one_unit)


def input_transposed(hidden_size: int) -> Fault:
    """x W_ih.T in the place of x W_ih, in the layers where that fits."""

    def change(w: LayerWeights) -> LayerWeights:
        return w if len(w.W_ih) != hidden_size else w._replace(W_ih=transposed(w.W_ih, hidden_size))

    return altered("input-weight-transposed", "", change, one_unit)


def reshaped(value: Tensor) -> Tensor:
    """(n, G*H) read from the memory of (G*H, n), as a reshape has it that should have been a transpose."""
    return value.t().contiguous().view(value.shape)


def recurrent_reshaped(w: LayerWeights) -> LayerWeights:
    return w._replace(W_hh=reshaped(w.W_hh))


def input_reshaped(w: LayerWeights) -> LayerWeights:
    return w._replace(W_ih=reshaped(w.W_ih))


def swapped(w: LayerWeights) -> LayerWeights:
    """[x h] multiplied by the weights of [h x]: with I = H, W_ih and W_hh exchanged."""
    W_hh, W_ih = torch.cat([w.W_ih, w.W_hh]).tensor_split((len(w.W_hh),))  # noqa: N806
    return w._replace(W_ih=W_ih, W_hh=W_hh)


def gates_shared(hidden_size: int) -> Fault:
    """Every gate uses the first one's parameters."""

    def first(value: Tensor) -> Tensor:
        block, *others = blocks(value, hidden_size)
        return torch.cat([block] * (1 + len(others)), -1)

    def change(w: LayerWeights) -> LayerWeights:
        return LayerWeights(first(w.W_ih), first(w.W_hh), first(w.b_ih), first(w.b_hh), w.W_hr)

    return altered("gates-share-weights", "", change, "all gates have the same weights")


def one_unit(scene: Scene) -> str | None:
    if scene.spec.hidden_size == 1:
        return "H is 1: a 1 by 1 matrix is its own transpose"
    return "the matrices are their own transposes"


def one_input(scene: Scene) -> str | None:
    if scene.spec.input_size == 1:
        return "I is 1: one row of weights has only one order"
    return "every column of the matrices holds the same numbers"
