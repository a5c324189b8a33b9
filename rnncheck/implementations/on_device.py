"""`NAME@DEVICE`: an implementation that runs on its own device."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from rnncheck import machine
from rnncheck.errors import CannotRun
from rnncheck.implementations.protocol import (
    Approximates,
    Blames,
    BringsWeights,
    Defines,
    Implementation,
    KnowsItsCell,
    Layer,
    Read,
    Reading,
    RunsOnce,
)
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights


def on_device(implementation: Implementation, device: str) -> "OnDevice":
    """Raises `CannotRun` for an implementation that cannot be moved to a device."""
    if isinstance(implementation, RunsOnce | BringsWeights | Defines):
        raise CannotRun(f"{implementation.name} cannot be put on a device; leave @{device} out")
    return (ReadOnDevice if isinstance(implementation, Read) else OnDevice)(implementation, device)


class OnDevice:
    """An implementation whose inputs are moved to a device and whose results are moved back."""

    def __init__(self, implementation: Implementation, device: str) -> None:
        self._implementation, self.device = implementation, device
        self.name = f"{implementation.name}@{device}"

    @property
    def approximate(self) -> float:
        return self._implementation.approximate if isinstance(self._implementation, Approximates) else 0.0

    @property
    def location(self) -> str:
        return f"{self._implementation.location} on {machine.describe(self.device)}"

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        """Raises `DeviceError` if the device was not found."""
        there = self._there(spec)
        machine.require(there)
        return self._implementation.refuses(there, lengths=lengths)

    def build(self, spec: Spec, weights: Weights) -> "MovedLayer":
        return MovedLayer(self._implementation.build(self._there(spec), weights), self.device, spec.device)

    def _there(self, spec: Spec) -> Spec:
        return replace(spec, device=self.device)


class ReadOnDevice(OnDevice):
    """An implementation on a device that rnncheck had to read first, such as the user's own."""

    def read(self, spec: Spec) -> Reading:
        assert isinstance(self._implementation, Read)
        return self._implementation.read(self._there(spec))

    def cell(self, spec: Spec) -> Cell:
        if isinstance(self._implementation, KnowsItsCell):
            return self._implementation.cell(self._there(spec))
        return spec.cell


class MovedLayer:
    """A layer on `device`, called from `home`. Differentiable if the layer is: moving is."""

    def __init__(self, layer: Layer, device: str, home: str) -> None:
        self._layer, self._device, self._home = layer, device, home

    def parameters(self) -> Mapping[str, Tensor]:
        return {name: value.to(self._home) for name, value in self._layer.parameters().items()}

    def leaves(self) -> Mapping[str, Tensor] | None:
        """The leaves on the device, which are the tensors that the layer reads."""
        return self._layer.leaves()

    def blamed(self, problem: Exception) -> Exception | None:
        return self._layer.blamed(problem) if isinstance(self._layer, Blames) else None

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        found = self._layer.run(x.to(self._device), self._moved(state, self._device), lengths)
        y = None if found.y is None else found.y.to(self._home)
        return Trace(found.output.to(self._home), self._moved(found.final, self._home), y, found.unexposed)

    def _moved(self, state: State, device: str) -> State:
        return state.map(lambda each: each.to(device))
