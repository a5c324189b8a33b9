"""A fault as an implementation: the right layer, with this one thing wrong."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights
from rnncheck.scratch.network import Network

PREFIX = "fault:"


class Planted:
    """An implementation that runs as the networks of `make` do, which get something wrong."""

    location = "rnncheck.faults"

    def __init__(self, name: str, make: Callable[[Spec], Network]) -> None:
        self.name, self._make = PREFIX + name, make

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        return None

    def build(self, spec: Spec, weights: Weights) -> "PlantedLayer":
        return PlantedLayer(self._make(spec), weights.cast(spec), spec)


class PlantedLayer:
    """One network for all its runs, since some faults show in the second."""

    def __init__(self, network: Network, values: Mapping[str, Tensor], spec: Spec) -> None:
        self._network = network
        # What is made in inference mode can never be differentiated; these should be, wherever they are made.
        with torch.inference_mode(False):
            self._leaves = {name: values[name].clone().requires_grad_() for name in spec.recurrent_shapes()}
            self._head = {name: values[name].clone() for name in spec.head_shapes()}

    def parameters(self) -> Mapping[str, Tensor]:
        return {name: value.detach() for name, value in self._leaves.items()} | self._head

    def leaves(self) -> Mapping[str, Tensor]:
        return self._leaves

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        return self._network.run(self._leaves | self._head, x, state, lengths)
