"""The input of a faulty network, and the correct result for it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from rnncheck.faults.overridable import CutNetwork
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Network


@dataclass(frozen=True)
class Scene:
    """The inputs of a run, in float64 on the host: x (T, B, I), the weights, the initial states and the lengths."""

    spec: Spec
    weights: Mapping[str, Tensor]
    x: Tensor
    state: State
    lengths: tuple[int, ...] | None = None

    @property
    def seq_len(self) -> int:
        return self.x.shape[0]

    @property
    def batch_size(self) -> int:
        return self.x.shape[1]

    @cached_property
    def right(self) -> Trace:
        """The result of the network without a fault."""
        return self.run(Network(self.spec))

    def run(self, network: Network) -> Trace:
        return network.run(self.weights, self.x, self.state, self.lengths)

    @cached_property
    def right_gradients(self) -> Mapping[str, Tensor | None]:
        return self.gradients(Network(self.spec))

    def gradients(self, network: Network) -> dict[str, Tensor | None]:
        """Gradients of a fixed projection of all results by x, h0, c0 and every parameter; None where there is none."""
        with torch.inference_mode(False), torch.enable_grad():
            given = {"x": self.x, "h0": self.state.h, "c0": self.state.c, **self.weights}
            leaves = {name: value.clone().requires_grad_() for name, value in given.items() if value is not None}
            weights = {name: leaves[name] for name in self.weights}
            trace = network.run(weights, leaves["x"], State(leaves["h0"], leaves.get("c0")), self.lengths)
            yielded = (trace.output, trace.final.h, trace.final.c, trace.y)
            parts = [projection(each) for each in yielded if each is not None and each.requires_grad]
            if not parts:
                return dict.fromkeys(leaves)
            found = torch.autograd.grad(torch.stack(parts).sum(), list(leaves.values()), allow_unused=True)
        return dict(zip(leaves, found, strict=True))

    def copied(self) -> "Scene":
        """A copy with x and the states in memory of its own, for a network that may write there."""
        return replace(self, x=self.x.clone(), state=self.state.map(torch.clone))

    def layers(self) -> list[LayerWeights]:
        """The parameters of every layer and direction, in the order of the final states."""
        return weights_of(Network(self.spec), self)


def weights_of(network: Network, scene: Scene) -> list[LayerWeights]:
    """The parameters that this network uses in every layer and direction."""
    found = []
    for layer in range(scene.spec.num_layers):
        for direction in range(scene.spec.directions):
            if isinstance(network, CutNetwork):
                network.here = (layer, direction)
            found.append(network.layer_weights(scene.weights, layer, direction))
    return found


def projection(value: Tensor) -> Tensor:
    """A weighted sum of all elements, with another weight for each element."""
    return (value.flatten() * torch.arange(1.0, value.numel() + 1, dtype=value.dtype).cos()).sum()
