"""A fault in one place: in one layer, in one direction, or in one of both."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from rnncheck.faults.fault import Fault
from rnncheck.faults.overridable import CutNetwork
from rnncheck.model.spec import Spec
from rnncheck.scratch.network import Network

DIRECTIONS = ("forward", "reverse")


@dataclass(frozen=True)
class Where:
    """Some of a network's layers and directions; None stands for all of them."""

    layer: int | None = None
    direction: int | None = None

    def covers(self, here: tuple[int, int]) -> bool:
        return self.layer in (None, here[0]) and self.direction in (None, here[1])

    def names_both(self) -> bool:
        """Whether it is one layer in one of two directions."""
        return self.layer is not None and self.direction is not None

    def __str__(self) -> str:
        layer = [] if self.layer is None else [f"layer {self.layer}"]
        return ", ".join(layer + ([] if self.direction is None else [DIRECTIONS[self.direction]]))


def places(spec: Spec) -> Iterator[Where]:
    """The places that are not the whole network, the larger ones first."""
    layers, directions = range(spec.num_layers), range(spec.directions)
    if len(layers) > 1:
        yield from (Where(layer=layer) for layer in layers)
    if len(directions) > 1:
        yield from (Where(direction=direction) for direction in directions)
    if len(layers) > 1 and len(directions) > 1:
        yield from (Where(layer, direction) for layer in layers for direction in directions)


def only_at(where: Where, fault: Fault) -> Fault:
    """The same fault, in one place. It must be one of weights or of a step, which know what place they are in."""
    variant = f"{fault.variant}; {where}" if fault.variant else str(where)
    return replace(fault, variant=variant, mixin=guarded(where, fault.mixin))


def guarded(where: Where, mixin: type[Network]) -> type[Network]:
    """Overrides what `mixin` overrides, and passes over it in every other place."""
    overridden = [name for name, value in vars(mixin).items() if callable(value)]
    return type(mixin.__name__, (mixin,), {name: guard(where, mixin, name) for name in overridden})


def guard(where: Where, mixin: type[Network], name: str) -> Callable[..., Any]:
    wrong = getattr(mixin, name)

    def method(self: CutNetwork, *args: Any) -> Any:
        return wrong(self, *args) if where.covers(self.here) else getattr(super(mixin, self), name)(*args)

    return method
