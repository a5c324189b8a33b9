"""`NAME@DEVICE`: an implementation that runs on its own device."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from rnncheck import machine
from rnncheck.errors import CannotRun
from rnncheck.implementations.protocol import Blames, BringsWeights, Defines, Implementation, Layer, RunsOnce
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights


def on_device(implementation: Implementation, device: str) -> "OnDevice":
    """The implementation on this device, with all members that it has besides.

    Raises `CannotRun` for an implementation that cannot be moved to a device.
    """
    if isinstance(implementation, RunsOnce | BringsWeights | Defines):
        raise CannotRun(f"{implementation.name} cannot be put on a device; leave @{device} out")
    others = [name for name in dir(implementation) if not name.startswith("_") and not hasattr(OnDevice, name)]
    members = {name: forwarded(name, is_method=callable(getattr(implementation, name))) for name in others}
    placed: OnDevice = type("OnDevice", (OnDevice,), members)(implementation, device)
    return placed


class OnDevice:
    """An implementation whose inputs are moved to a device and whose results are moved back."""

    def __init__(self, implementation: Implementation, device: str) -> None:
        self.implementation, self.device = implementation, device

    @property
    def name(self) -> str:
        return f"{self.implementation.name}@{self.device}"

    @property
    def location(self) -> str:
        return f"{self.implementation.location} on {machine.describe(self.device)}"

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        """Raises `DeviceError` if the device was not found."""
        there = self.there(spec)
        machine.require(there)
        return self.implementation.refuses(there, lengths=lengths)

    def build(self, spec: Spec, weights: Weights) -> "MovedLayer":
        return MovedLayer(self.implementation.build(self.there(spec), weights), self.device, spec.device)

    def there(self, spec: Spec) -> Spec:
        return replace(spec, device=self.device)


def forwarded(name: str, *, is_method: bool) -> Any:
    """A member of an implementation, called with each spec on its device. What it builds or returns is there, too."""

    def call(placed: OnDevice, *given: Any, **options: Any) -> Any:
        specs = [each for each in given if isinstance(each, Spec)]
        there = (placed.there(each) if isinstance(each, Spec) else each for each in given)
        found = getattr(placed.implementation, name)(*there, **options)
        if name == "build_like":
            return MovedLayer(found, placed.device, specs[-1].device)
        return on_device(found, placed.device) if isinstance(found, Implementation) else found

    return call if is_method else property(lambda placed: getattr(placed.implementation, name))


class MovedLayer:
    """A layer on `device`, called from `home`. Differentiable if the layer is: moving is.

    It has the members of `Uses` that the layer has.
    """

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
        run: Callable[..., Trace] = self._moving(self._layer.run)
        return run(x, state, lengths)

    def __getattr__(self, use: str) -> Any:
        if use.startswith("_"):
            raise AttributeError(use)
        method = self._moving(getattr(self._layer, use))
        return (lambda *given: MovedLayer(method(*given), self._device, self._home)) if use in ANEW else method

    def _moving(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method, with what it is given moved to the device, and a trace that it returns moved back."""

        def moving(*given: Any, **options: Any) -> Any:
            found = method(*(moved(each, self._device) for each in given), **options)
            return moved(found, self._home) if isinstance(found, Trace) else found

        return moving


ANEW = ("copied", "converted", "compiled")  # the uses that return a layer


def moved(given: Any, device: str) -> Any:
    """A tensor on the device, or a structure of tensors with all of them there; everything else as it is."""
    match given:
        case Tensor():
            return given.to(device)
        case State():
            return given.map(lambda each: each.to(device))
        case Trace():
            y = None if given.y is None else given.y.to(device)
            return Trace(given.output.to(device), moved(given.final, device), y, given.unexposed)
        case tuple():
            return tuple(moved(each, device) for each in given)
        case dict():
            return {name: moved(each, device) for name, each in given.items()}
    return given
