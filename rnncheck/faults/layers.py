"""What goes from one layer to the next, and what the layers wrongly share."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault
from rnncheck.faults.other_parameters import unchanged
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Spec
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Network, Sweep


def faults(spec: Spec) -> Iterator[Fault]:
    as_wide = spec.input_size == spec.output_size
    if spec.num_layers > 1 or as_wide:
        yield Fault("residual-connection", "", residual(1.0))
        yield Fault("residual-connection", "halved", residual(0.5))
    if spec.num_layers == 1:
        return
    if as_wide:
        yield Fault("layer-input-wrong", "x", ReadsX)
        yield sharing("", SharedWeights)
    yield sharing("W_hh and biases", SharedRecurrentWeights)
    yield Fault("layer-input-wrong", "one step late", ReadsLate)
    yield Fault("layer-input-wrong", "the state before the step", ReadsStateBefore)
    if spec.num_layers > 2:
        yield sharing("the upper layers", SharedUpperWeights)
        yield Fault("layer-input-wrong", "the first layer's output", ReadsFirst)
    if spec.bidirectional:
        yield Fault("layer-input-wrong", "forward twice", ReadsForwardTwice)


def residual(scale: float) -> type[Network]:
    """The output of a layer is added to a multiple of what it reads, where their widths are the same."""

    class Residual(CutNetwork):
        def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
            self.read = super().layer_input(layer, x, below, dropout)
            return self.read

        def merge(self, sides: Sequence[Sweep]) -> Tensor:
            output = super().merge(sides)
            return output + scale * self.read if self.read.shape == output.shape else output

    return Residual


class ReadsX(CutNetwork):
    """Every layer reads x."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        return super().layer_input(layer, x, x, dropout)


class ReadsLate(CutNetwork):
    """At timestep t the upper layers read what the layer below gave at t - 1, and zero at the first."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        read = super().layer_input(layer, x, below, dropout)
        return torch.cat([torch.zeros_like(read[:1]), read[:-1]]) if layer else read


class ReadsStateBefore(CutNetwork):
    """At timestep t the upper layers read the state that the layer below has before its step t."""

    def outputs(self, start: Carry, history: Sequence[Carry]) -> Tensor:
        highest = self.here[0] == self.spec.num_layers - 1
        return super().outputs(start, history if highest else [start, *history[:-1]])


class ReadsFirst(CutNetwork):
    """Every upper layer reads the output of the lowest one."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        if layer == 1:
            self.first = below
        return super().layer_input(layer, x, self.first if layer else below, dropout)


class ReadsForwardTwice(CutNetwork):
    """The upper layers read the forward direction in the place of both."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        forward = below.chunk(2, -1)[0] if layer else below
        return super().layer_input(layer, x, torch.cat([forward, forward], -1) if layer else below, dropout)


class SharedWeights(CutNetwork):
    """Every layer uses the parameters of the lowest."""

    def layer_weights(self, weights: Mapping[str, Tensor], layer: int, direction: int) -> LayerWeights:
        return super().layer_weights(weights, 0, direction)


class SharedRecurrentWeights(CutNetwork):
    """Every layer uses the recurrent weights and the biases of the lowest."""

    def layer_weights(self, weights: Mapping[str, Tensor], layer: int, direction: int) -> LayerWeights:
        own = super().layer_weights(weights, layer, direction)
        return super().layer_weights(weights, 0, direction)._replace(W_ih=own.W_ih)


class SharedUpperWeights(CutNetwork):
    """All layers above the lowest, which alone may be of another width, use the parameters of the first of them."""

    def layer_weights(self, weights: Mapping[str, Tensor], layer: int, direction: int) -> LayerWeights:
        return super().layer_weights(weights, min(layer, 1), direction)


def sharing(variant: str, mixin: type[Network]) -> Fault:
    def hidden(scene: Scene) -> str | None:
        return unchanged(mixin, "the layers have the same weights", scene)

    return Fault("layers-share-weights", variant, mixin, hidden=hidden)
