"""A fault in one place only: a layer, a direction, a parameter, a gate, some units, or a combination."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault
from rnncheck.faults.overridable import CutNetwork
from rnncheck.model.spec import Spec
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Network
from rnncheck.text import in_words

DIRECTIONS = ("forward", "reverse")
PARAMETERS = LayerWeights._fields
# What is called while a layer and a direction are known, and gives states, sums or gates of every unit, or parameters.
IN_LAYERS = {
    *("start", "unroll", "project", "scan", "step", "outputs", "hold", "pad", "time_order", "activate", "sums"),
    *("lstm_step", "gate_sums", "new_cell", "output_gate", "new_hidden", "narrowed"),
    *("gru_step", "recurrent", "of_update", "reset", "proposal", "mixed", "mix", "layer_weights"),
}


@dataclass(frozen=True)
class Where:
    """A part of a network. None, or an empty value, means all. Parameters and gates are for faults of weights."""

    layer: int | None = None
    direction: int | None = None
    parameters: tuple[str, ...] = ()
    gate: str = ""
    units: frozenset[int] = frozenset()

    def covers(self, here: tuple[int, int]) -> bool:
        return self.layer in (None, here[0]) and self.direction in (None, here[1])

    @property
    def everywhere(self) -> bool:
        return self == Where()

    def within_layer(self) -> bool:
        """Whether it names parameters, a gate or units."""
        return bool(self.parameters or self.gate or self.units)

    def names_both(self) -> bool:
        """Whether it is one layer in one of two directions."""
        return self.layer is not None and self.direction is not None

    def __str__(self) -> str:
        parts = [
            *([] if self.layer is None else [f"layer {self.layer}"]),
            *([] if self.direction is None else [DIRECTIONS[self.direction]]),
            *([" and ".join(self.parameters)] if self.parameters else []),
            *([f"gate {self.gate}"] if self.gate else []),
            *([listed(sorted(self.units))] if self.units else []),
        ]
        return ", ".join(parts)

    def blended(self, right: Any, wrong: Any, spec: Spec) -> Any:
        """The `wrong` values in this place, and the `right` values elsewhere."""
        if isinstance(right, LayerWeights):
            names = self.parameters or PARAMETERS
            return right._replace(
                **{name: self.part(getattr(right, name), getattr(wrong, name), spec) for name in names}
            )
        return self.part(right, wrong, spec)

    def part(self, right: Any, wrong: Any, spec: Spec) -> Any:
        """The same of tensors (..., H) and (..., G*H), and of what holds them."""
        if isinstance(right, Tensor):
            here = mask(self, spec, right.shape[-1])
            return wrong if here is None else wrong.where(here, right)
        if isinstance(right, tuple | list):
            parts = [self.part(one, other, spec) for one, other in zip(right, wrong, strict=True)]
            return type(right)(*parts) if hasattr(right, "_fields") else type(right)(parts)
        return right


@lru_cache(64)
def mask(where: Where, spec: Spec, width: int) -> Tensor | None:
    """Which of so many columns lie in this gate and these units; None for all. What has other widths has neither."""
    gates, size = spec.cell.letters, spec.hidden_size
    blocks = len(gates) if width == len(gates) * size else 1
    if width != blocks * size or not (where.gate or where.units):
        return None
    unit = torch.tensor([not where.units or unit in where.units for unit in range(size)])
    gate = torch.tensor([blocks == 1 or not where.gate or letter == where.gate for letter in gates[:blocks]])
    return (gate[:, None] & unit).flatten()


def listed(units: list[int]) -> str:
    """Units in words: "unit 3", "units 2 to 5" or "units 1, 3 and 4"."""
    if len(units) == 1:
        return f"unit {units[0]}"
    if len(units) > 2 and units[-1] - units[0] == len(units) - 1:
        return f"units {units[0]} to {units[-1]}"
    return f"units {in_words([str(each) for each in units])}"


def parsed(text: str, spec: Spec) -> Where | None:
    """The place with this name, as `Where` writes it. None if a layer of this spec has no such place."""
    where = Where()
    for part in filter(None, (each.strip() for each in text.split(","))):
        numbers = [int(each) for each in re.findall(r"\d+", part)]
        word = re.sub(r"\s*(\d+|to|and)\s*", " ", part).strip() if numbers else part
        if word == "layer" and len(numbers) == 1 and numbers[0] < spec.num_layers:
            where = replace(where, layer=numbers[0])
        elif part in DIRECTIONS[: spec.directions]:
            where = replace(where, direction=DIRECTIONS.index(part))
        elif set(part.split(" and ")) <= set(PARAMETERS):
            where = replace(where, parameters=tuple(part.split(" and ")))
        elif part.startswith("gate ") and part[5:] in tuple(spec.cell.letters):
            where = replace(where, gate=part[5:])
        elif (word in ("unit", "units") or (where.units and not word)) and max(numbers) < spec.hidden_size:
            first, last = numbers[0], numbers[-1]
            found = range(first, last + 1) if " to " in part else numbers
            where = replace(where, units=where.units | frozenset(found))
        else:
            return None
    return None if where.everywhere else where


def places(spec: Spec) -> Iterator[Where]:
    """The layers and directions that are less than the whole network, the larger ones first."""
    layers, directions = range(spec.num_layers), range(spec.directions)
    if len(layers) > 1:
        yield from (Where(layer=layer) for layer in layers)
    if len(directions) > 1:
        yield from (Where(direction=direction) for direction in directions)
    if len(layers) > 1 and len(directions) > 1:
        yield from (Where(layer, direction) for layer in layers for direction in directions)


def placeable(fault: Fault, where: Where) -> bool:
    """Whether the fault can be in a part of the network: in one of a layer if all that it changes belongs to units, and
    in a parameter or a gate if it changes parameters alone.
    """
    changed = overridden(fault.mixin)
    if where.parameters or where.gate:
        return changed <= {"layer_weights"}
    return changed <= (IN_LAYERS if where.units else IN_LAYERS | {"reading_order"})


def overridden(mixin: type[Network]) -> set[str]:
    """The methods in which it differs from the correct network."""
    every = (item for each in own(mixin) for item in vars(each).items())
    return {name for name, value in every if callable(value) and hasattr(CutNetwork, name)}


def own(mixin: type[Network]) -> list[type]:
    """The classes that it consists of, without those of the correct network."""
    return list(takewhile(lambda each: each is not CutNetwork, mixin.__mro__))


def only_at(where: Where, fault: Fault) -> Fault:
    """The same fault in one place. It must be a fault of weights or of a step, because only these know their place."""
    variant = f"{fault.variant}; {where}" if fault.variant else str(where)
    return replace(fault, variant=variant, mixin=guarded(where, fault.mixin))


def guarded(where: Where, mixin: type[Network]) -> type[Network]:
    """Overrides the methods that `mixin` overrides, and uses the correct method in every other place."""
    names = overridden(mixin)
    return type(mixin.__name__, (mixin,), {name: guard(where, mixin, name) for name in names})


def guard(where: Where, mixin: type[Network], name: str) -> Callable[..., Any]:
    wrong, last = getattr(mixin, name), own(mixin)[-1]

    def method(self: CutNetwork, *args: Any) -> Any:
        covered = where.covers(self.here)
        found = wrong(self, *args) if covered else None
        if covered and not where.within_layer():
            return found
        right = getattr(super(last, self), name)(*args)
        return where.blended(right, found, self.spec) if covered else right

    return method
