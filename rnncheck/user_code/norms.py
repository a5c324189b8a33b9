"""Layers of torch's with modules that normalise: without these they are found to be torch's."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import nn

from rnncheck.mapping import FoundMapping, MappingError, infer
from rnncheck.mapping.budget import Budget
from rnncheck.mapping.expression import Unused
from rnncheck.mapping.switched_off import BesideOwnWeights
from rnncheck.model.spec import Spec
from rnncheck.report import Finding
from rnncheck.scratch.network import Network
from rnncheck.text import first_of
from rnncheck.user_code.native_layer import NativeLayer

SLUG = "layer-normalised"

Make = Callable[[Spec], NativeLayer]


def norms_of(thing: Any) -> list[str]:
    """The modules without others inside whose class is called a norm."""
    if not isinstance(thing, nn.Module):
        return []
    leaves = [(name, each) for name, each in thing.named_modules() if name and not any(each.children())]
    return [name for name, each in leaves if "norm" in type(each).__name__.lower()]


def handing_on(_: nn.Module, value: Any, *__: Any, **___: Any) -> Any:
    return value


def beside_norms(make: Make, spec: Spec, budget: Budget) -> FoundMapping | None:
    """The mapping of a candidate that is torch's layer if its norms hand on what they are given; None for another."""
    norms = norms_of(make(spec).thing)
    if not norms:
        return None

    def without(asked: Spec) -> NativeLayer:
        native = make(asked)
        for name in norms:
            norm = native.thing.get_submodule(name)
            norm.__class__ = type(type(norm).__name__, (type(norm),), {"forward": handing_on})
        return native

    try:
        found = infer(without, spec, budget, faults=False)
    except MappingError:
        return None
    if type(found.agrees) is not Network:
        return None
    said = Finding(
        SLUG,
        f"it normalises in {first_of(norms)}; without that it equals torch's {spec.cell}",
        explains=1.0,
    )
    entries = {
        name: replace(entry, expression=Unused()) if name.rpartition(".")[0] in norms else entry
        for name, entry in found.entries.items()
    }
    return replace(found, entries=entries, agrees=BesideOwnWeights(found.spec), findings=(said,), idle=())
