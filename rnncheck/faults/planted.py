"""A fault as an implementation: the correct layer with one error in it."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.faults.overridable import CutNetwork
from rnncheck.model.leaves import Leaves
from rnncheck.model.spec import Dtype, Spec
from rnncheck.model.trace import State, Trace, dtype_name
from rnncheck.model.weights import Weights
from rnncheck.scratch.network import Network

PREFIX = "fault:"


class Planted:
    """An implementation that runs the faulty networks of `make`."""

    location = "rnncheck.faults"

    def __init__(self, name: str, make: Callable[[Spec], Network]) -> None:
        self.name, self._make = PREFIX + name, make

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        return None

    def build(self, spec: Spec, weights: Weights) -> "PlantedLayer":
        return PlantedLayer(self._make(spec), weights.cast(spec), spec)


class PlantedLayer(Leaves):
    """One network for all runs, because some faults show only in the second run."""

    def __init__(self, network: Network, values: Mapping[str, Tensor], spec: Spec) -> None:
        super().__init__(values, spec)
        self._network, self._spec = network, spec

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        return self._network.run(self._weights(), x, state, lengths)

    def _weights(self) -> dict[str, Tensor]:
        return self._leaves | self._head

    # The other ways in which a layer is used, each of which some network gets wrong: see `implementations.uses`.

    @contextmanager
    def as_called(self) -> Iterator[None]:
        yield

    def run_without_state(self, x: Tensor, lengths: Sequence[int] | None = None) -> Trace:
        return self._network.run(self._weights(), x, None, lengths)

    def run_unbatched(self, x: Tensor, state: State | None) -> Trace:
        start = None if state is None else state.map(lambda each: each[:, None])
        trace = self._network.run(self._weights(), x[:, None], start)
        return Trace(trace.output[:, 0], trace.final.map(lambda each: each[:, 0]))

    @contextmanager
    def training(self) -> Iterator[None]:
        self._train(True)
        try:
            yield
        finally:
            self._train(False)

    def _train(self, on: bool) -> None:
        if isinstance(self._network, CutNetwork):
            self._network.training = on

    def saved(self) -> Mapping[str, Tensor]:
        left_out = getattr(self._network, "unregistered", ())
        return {name: leaf.detach().clone() for name, leaf in self._leaves.items() if name not in left_out}

    def load(self, saved: Mapping[str, Tensor], *, assign: bool = False) -> None:
        self.change({name: saved.get(name, leaf.detach()) for name, leaf in self._leaves.items()})

    def copied(self, how: str) -> "PlantedLayer":
        return self._around(self._spec, copy.deepcopy(self._network))

    def converted(self, dtype: torch.dtype) -> "PlantedLayer":
        spec = replace(self._spec, dtype=Dtype(dtype_name(dtype)))
        network = copy.deepcopy(self._network)
        network.spec = replace(network.spec, dtype=spec.dtype)
        return self._around(spec, network)

    def _around(self, spec: Spec, network: Network) -> "PlantedLayer":
        return PlantedLayer(network, Weights(self.parameters()).cast(spec), spec)
