"""What a faulty network is run on, and what the right one makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from rnncheck.faults.cut import CutNetwork
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Network
from rnncheck.spec import Spec
from rnncheck.trace import State, Trace


@dataclass(frozen=True)
class Scene:
    """What a run is given, in float64 on the host: x (T, B, I), the weights, the initial states and the lengths."""

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
        """What the network without a fault makes of it."""
        return self.run(Network(self.spec))

    def run(self, network: Network) -> Trace:
        return network.run(self.weights, self.x, self.state, self.lengths)

    def layers(self) -> list[LayerWeights]:
        """The parameters of every layer and direction, in the order of the final states."""
        return weights_of(Network(self.spec), self)


def weights_of(network: Network, scene: Scene) -> list[LayerWeights]:
    """The parameters that this network would use in every layer and direction."""
    found = []
    for layer in range(scene.spec.num_layers):
        for direction in range(scene.spec.directions):
            if isinstance(network, CutNetwork):
                network.here = (layer, direction)
            found.append(network.layer_weights(scene.weights, layer, direction))
    return found
