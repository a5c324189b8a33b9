"""The layer and direction of each tensor by its name, where the names of all cells are alike but for one part or two.

So are `Wi0` and `Wi1`, `cells.0.weight` and `cells.1.weight`, `fwd.w_hh` and `bwd.w_hh`. Names only rank what is tried:
what agrees is right.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from rnncheck.mapping.layouts import Layout, Placed, layouts
from rnncheck.model.spec import Spec

PART = re.compile(r"\d+|[A-Z]?[a-z]+|[A-Z]+")
BACKWARD = re.compile(r"b|bw|bwd|back.*|rev.*|r|right|rl", re.IGNORECASE)


@dataclass(frozen=True)
class Split:
    """The names by the value of their part number `at`: for each the template, the name without that part."""

    at: int
    values: Sequence[str]  # in the order of the cells

    def value(self, name: str) -> int | None:
        parts = PART.findall(name)
        value = parts[self.at] if self.at < len(parts) else ""
        return self.values.index(value) if value in self.values else None


def as_named(tensors: Sequence[Placed], held: Mapping[str, Tensor], spec: Spec) -> Iterator[list[Placed]]:
    """Every order of the cells that the names may tell; each tensor has the role of its like in the first cell, whose
    shapes tell x from h."""
    layers, directions = spec.num_layers, spec.directions
    if layers * directions == 1 or any(each.pinned for each in tensors):
        return
    every = splits(held)
    for split in every:
        if len(split.values) == layers * directions:
            yield from moved(tensors, held, spec, [split], lambda at: at[0])
            if layers > 1 and directions > 1:
                yield from moved(tensors, held, spec, [split], lambda at: at[0] % layers * 2 + at[0] // layers)
        elif len(split.values) == layers:
            yield from moved(tensors, held, spec, [split], lambda at: at[0] * 2, of_layers=True)
    if layers == 1 or directions == 1:
        return
    for of_layers in every:
        for of_directions in every:
            found = len(of_layers.values), len(of_directions.values)
            if of_layers is not of_directions and found == (layers, directions):
                yield from moved(tensors, held, spec, [of_layers, of_directions], lambda at: at[0] * 2 + at[1])


def splits(names: Mapping[str, object]) -> list[Split]:
    """Every part by which the names fall into groups that are alike, numbers first."""
    found = []
    for at in range(max(len(PART.findall(name)) for name in names)):
        groups: dict[str, set[str]] = {}
        for name in names:
            parts = PART.findall(name)
            if at < len(parts):
                groups.setdefault(without(name, at), set()).add(parts[at])
        several = dict.fromkeys(frozenset(values) for values in groups.values() if len(values) > 1)
        found += [Split(at, sorted(values, key=order)) for values in several]
    return sorted(found, key=lambda split: not split.values[0].isdigit())


def order(part: str) -> tuple[bool, int, str]:
    """A key by which numbers are in their order, and what says backward comes last."""
    return bool(BACKWARD.fullmatch(part)), int(part) if part.isdigit() else 0, part


def without(name: str, *at: int) -> str:
    """The name with these of its parts left out."""
    found = list(PART.finditer(name))
    for each in sorted(at, reverse=True):
        name = name[: found[each].start()] + "*" + name[found[each].end() :]
    return name


def moved(
    tensors: Sequence[Placed],
    held: Mapping[str, Tensor],
    spec: Spec,
    by: Sequence[Split],
    cell: Callable[[Sequence[int]], int],
    *,
    of_layers: bool = False,
) -> Iterator[list[Placed]]:
    """The tensors in the cells that their names say; nothing where one of them has no place there. Where names say the
    layer alone (`of_layers`), the direction is as it is.
    """
    known = {each.name: each for each in tensors}
    alike: dict[str, dict[int, str]] = {}
    for name in held:
        values = [value for split in by if (value := split.value(name)) is not None]
        if len(values) == len(by):
            alike.setdefault(without(name, *(split.at for split in by)), {})[cell(values)] = name
    found = []
    for names in alike.values():
        first = known.get(names.get(0, ""))
        if first is None or len(names) < spec.num_layers * (1 if of_layers else spec.directions):
            continue
        direction = first.k % spec.directions if of_layers else 0
        for at, name in names.items():
            k = at + direction
            possible = layouts(held[name].shape, spec, k // spec.directions)
            layout = next((other for other in possible if role(other) == role(first.layout)), None)
            if layout is None:
                return
            own = known.get(name, first)
            layout = replace(layout, interleaved=first.layout.interleaved)
            found.append(Placed(name, layout, k, own.live, adds=own.adds))
    if found:
        yield found


def role(layout: Layout) -> tuple[object, ...]:
    """What two cells have alike."""
    return layout.kinds, layout.count, layout.transposed, layout.stacked
