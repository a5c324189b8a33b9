"""A candidate with its own `load_torch_weights(module, state_dict)`."""

import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rnncheck.mapping import MappingError, shows
from rnncheck.mapping.agreement import published_as
from rnncheck.model.spec import Spec
from rnncheck.model.trace import dtype_of
from rnncheck.model.weights import Weights, draw
from rnncheck.report import Finding, Mapped
from rnncheck.scratch.network import Network
from rnncheck.user_code.blame import blaming
from rnncheck.user_code.isolation import isolated
from rnncheck.user_code.keras_module import KerasModule
from rnncheck.user_code.loading import Loaded
from rnncheck.user_code.native_layer import NativeLayer

NAME = "load_torch_weights"


@dataclass(frozen=True)
class OwnLoading:
    """Used instead of a mapping: the candidate's own code fills it, so single tensors are not known.

    `state_dict` is that of a torch.nn layer of the spec, at its dtype and on its device.
    """

    loaded: Loaded
    findings: tuple[Finding, ...] = ()
    agrees: Network | None = None
    conventions: tuple[str, ...] = ()
    restrictions: tuple[str, ...] = ()
    notes: tuple[str, ...] = (f"weight gradients are not compared: {NAME} copies the weights",)

    def fill(self, native: NativeLayer, weights: Mapping[str, Tensor]) -> None:
        """Raises `CandidateError` for an error in the candidate's code."""
        dtype = dtype_of(native.spec)
        with (
            torch.inference_mode(False),  # whose tensors could not be kept for a run with gradients
            torch.no_grad(),
            self.loaded.import_path.entered(),
            isolated(dtype),
            blaming(f"{NAME} failed", self.loaded.file),
        ):
            own = {name: weights[name].clone() for name in native.spec.recurrent_shapes()}
            native.filled_by(lambda thing: self._load(thing, OrderedDict(own)))

    def _load(self, thing: Any, state_dict: Mapping[str, Tensor]) -> None:
        if isinstance(thing, KerasModule):
            thing.filled_by(lambda layer: self._load(layer, state_dict))
        elif callable(method := getattr(thing, NAME, None)):
            method(state_dict)
        else:
            getattr(self.loaded.module, NAME)(thing, state_dict)

    def holds(self, native: NativeLayer, weights: Mapping[str, Tensor]) -> bool:
        """Whether the candidate still holds the weights, so that filling it again changes nothing."""
        before = {name: value.detach().clone() for name, value in native.tensors().items()}
        self.fill(native, weights)
        after = native.tensors()
        return before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)

    def restrict(self, weights: Weights) -> Weights:
        return weights

    def absent(self) -> Mapping[str, list[str]]:
        return {}

    def mapped(self, native: NativeLayer) -> list[Mapped]:
        return [Mapped(NAME, name, "own", shape) for name, shape in native.spec.recurrent_shapes().items()]


def loads_itself(loaded: Loaded) -> bool:
    """Whether the class has such a method, or its file such a function."""
    method, function = getattr(loaded.thing, NAME, None), getattr(loaded.module, NAME, None)
    return callable(method) or (callable(function) and not inspect.isfunction(loaded.thing))


def proved(loaded: Loaded, make: Callable[[Spec], NativeLayer], spec: Spec) -> OwnLoading:
    """Each weight, changed by itself, must change what the candidate computes; which does not is a finding.

    Raises `MappingError` if none does.
    """
    loading = OwnLoading(loaded)

    def shown(weights: Mapping[str, Tensor]) -> list[Tensor]:
        native = make(spec)
        dtype = dtype_of(spec)
        loading.fill(native, {name: value.to(spec.device, dtype) for name, value in weights.items()})
        return shows(native)

    weights = {name: 2 * value for name, value in draw(spec, 0).values.items()}
    before = shown(weights)
    dead = []
    for name in spec.recurrent_shapes():
        after = shown({**weights, name: weights[name] + 0.1})
        if all(torch.equal(a, b) for a, b in zip(before, after, strict=True)):
            dead.append(name)
    if len(dead) == len(spec.recurrent_shapes()):
        raise MappingError(f"its {NAME} has no effect: the candidate computes the same with all weights changed")
    findings = tuple(
        Finding("dead-parameter", f"{name}, set by {NAME}, does not change what the candidate computes.")
        for name in dead
    )
    return OwnLoading(loaded, findings, published_as(make(spec), loading))
