"""Faults that are nothing but other parameters in the place of the right ones."""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene, weights_of
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Network

Change = Callable[[LayerWeights], LayerWeights]
Why = Callable[[Scene], str | None]


def altering(change: Change) -> type[Network]:
    """Every layer uses `change` of its parameters."""

    class Altered(CutNetwork):
        def layer_weights(self, weights: Mapping[str, Tensor], layer: int, direction: int) -> LayerWeights:
            return change(super().layer_weights(weights, layer, direction))

    return Altered


def altered(slug: str, variant: str, change: Change, why: str | Why) -> Fault:
    """The fault of using `change` of the parameters; where that is the same parameters, `why` says so."""
    mixin = altering(change)
    return Fault(slug, variant, mixin, hidden=partial(unchanged, mixin, why))


def unchanged(mixin: type[Network], why: str | Why, scene: Scene) -> str | None:
    """Why this network's parameters are the right ones, if they are."""
    for wrong, right in zip(weights_of(mixin(scene.spec), scene), scene.layers(), strict=True):
        if not all(equal(one, other) for one, other in zip(wrong, right, strict=True)):
            return None
    if isinstance(why, str):
        return why
    return why(scene) or "the parameters that it changes hold the same numbers after the change"


def equal(a: Tensor | None, b: Tensor | None) -> bool:
    return a is b or (a is not None and b is not None and torch.equal(a, b))


def blocks(value: Tensor, hidden_size: int) -> tuple[Tensor, ...]:
    """One block per gate: (..., G*H) -> G of (..., H)."""
    return value.chunk(value.shape[-1] // hidden_size, -1)
