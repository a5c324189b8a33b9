"""A candidate's own weights, from a file or an instance: kept as they are, or converted to torch's."""

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rnncheck.errors import RefusedError, WeightsError
from rnncheck.model.weights import Weights, listed
from rnncheck.report import Finding, Mapped
from rnncheck.text import printable
from rnncheck.user_code.isolation import put_back, seeds
from rnncheck.user_code.native_layer import NativeLayer

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Kept:
    """In the place of a mapping: the candidate keeps its own weights, those that it is made with or those of `tensors`,
    by its own names. `beside` are the weights of the reference: with no others can it be compared.
    """

    tensors: Tensors | None
    beside: Weights
    findings: tuple[Finding, ...] = ()
    conventions: tuple[str, ...] = ("compared with its own weights",)
    restrictions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ("weight gradients are not compared: each side has its own weights",)

    def fill(self, native: NativeLayer, weights: Tensors) -> None:
        """Fills it with its own weights. Raises `RefusedError` if `weights` are not those of the reference."""
        expected = self.beside.cast(native.spec)
        if any(not torch.equal(value, expected[name]) for name, value in weights.items() if name in expected):
            raise RefusedError("it keeps its own weights and takes no others")
        if self.tensors is not None:
            for name, value in native.tensors().items():
                value.copy_(self.tensors[name])

    def holds(self, native: NativeLayer, weights: Tensors) -> bool:
        return False

    def restrict(self, weights: Weights) -> Weights:
        return weights

    def absent(self) -> Mapping[str, list[str]]:
        return {}

    def mapped(self, native: NativeLayer) -> list[Mapped]:
        return [Mapped(name, "its own", "kept", tuple(value.shape)) for name, value in native.tensors().items()]


def repeats(make: Callable[[], NativeLayer]) -> bool:
    """Whether each construction gives the same weights, independent of random draws before."""
    before, first = seeds(), make().tensors()
    try:
        torch.rand(1), np.random.rand(1), random.random()
        again = make().tensors()
    finally:
        put_back(before)
    return all(torch.equal(value, again[name]) for name, value in first.items())


def by_own_names(tensors: Tensors, native: NativeLayer, used: frozenset[str], source: str) -> tuple[Tensors, list[str]]:
    """The tensors in a file by the candidate's names, and what to note of that.

    A prefix may stand before all the candidate's names in the file, or before the file's in the candidate. What is not
    `used` may be missing. Raises `WeightsError` where a name or a shape is not the candidate's.
    """
    held = native.wholes()
    before, behind = prefixes(tensors, native.wholes_of(used), source)
    found, notes = dict[str, Tensor](), list[str]()
    for name, value in tensors.items():
        own = behind + name.removeprefix(before)
        if not name.startswith(before):
            notes.append(name)
        elif own not in held and own not in native.names():
            raise WeightsError(f"{source} has {printable(name)}, which the candidate does not have")
        elif own in held and value.shape != held[own].shape:
            raise WeightsError(
                f"{source}: {printable(name)} has shape {tuple(value.shape)}, and the candidate's has shape "
                f"{tuple(held[own].shape)}; set the sizes that it was trained with"
            )
        elif own in held:
            found |= native.in_parts({own: value})
    left = f"{source} holds tensors that the candidate does not have: {listed(list(map(printable, notes)))}"
    return found, [left] if notes else []


def prefixes(names: Collection[str], used: frozenset[str], source: str) -> tuple[str, str]:
    """The prefix of the candidate's names in the file, and the prefix of the file's names in the candidate."""
    one = min(used, default="")
    starts = sorted(each.removesuffix(one) for each in names if each == one or each.endswith(f".{one}"))
    fitting = [start for start in starts if all(start + each in names for each in used)]
    if len(fitting) > 1 and "" not in fitting:
        offered = ", ".join(f"'{printable(each)}'" for each in fitting)
        raise WeightsError(f"{source} holds these tensors more than once, under {offered}; save one set of them")
    if fitting:
        return fitting[0], ""
    parts = one.split(".")
    for n in range(1, len(parts)):
        inner = ".".join(parts[:n]) + "."
        if all(each.startswith(inner) and each.removeprefix(inner) in names for each in used):
            return "", inner
    lacking = [printable(each) for each in sorted(used) if each not in names]
    raise WeightsError(f"{source} lacks {listed(lacking)}, which the candidate has; it has {listed(sorted(names))}")
