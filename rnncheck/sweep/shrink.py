"""From a configuration that fails to the smallest and simplest that still fails."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rnncheck.sweep.configuration import Configuration
from rnncheck.sweep.space import SEED, Axis, Space

Fails = Callable[[Configuration], bool | None]
"""Whether a configuration fails in the way that is looked into; None if another, known failure hides it."""
PASSES = 3
EASY: Mapping[str, int] = {"input_size": 3, "hidden_size": 4, "batch_size": 2, "seq_len": 3}
"""Sizes below which less can be told of a layer: of one unit, a transposed matrix is the same."""


def smallest(
    configuration: Configuration, space: Space, fails: Fails, floors: Mapping[str, int] | None = None
) -> Configuration:
    """Each option at its simplest value and each size at the least that still fails, but none below its floor.

    `configuration` itself fails. Options come first and T, which costs most, before other sizes; then all once more, as
    what one axis needs may have changed with another.
    """
    for _ in range(PASSES):
        before = configuration
        for axis in space.varying:
            configuration = simpler(configuration, axis, fails, (floors or {}).get(axis.name, 0))
        if configuration == before:
            break
    return configuration


def simpler(configuration: Configuration, axis: Axis, fails: Fails, floor: int) -> Configuration:
    """The simplest value of one axis with which it still fails."""
    value = getattr(configuration, axis.name)

    def tried(other: Any) -> Configuration | None:
        changed = configuration.having(**{axis.name: other})
        return changed if changed.possible and fails(changed) else None

    passed = 0
    for other in before(axis, value, floor):
        found = tried(other)
        if found is None:
            passed = other if axis.is_size else 0
            continue
        while axis.is_size and axis.between and other - passed > 1:  # between the last that passed and this
            middle = (passed + other) // 2
            nearer = tried(middle)
            if nearer is None:
                passed = middle
            else:
                found, other = nearer, middle
        return found
    return configuration


def before(axis: Axis, value: Any, floor: int) -> Iterator[Any]:
    """The values that are simpler, the simplest first."""
    if axis.is_size:
        least = [each for each in axis.values if floor <= each]
        yield from least[: bisect_left(least, value)]
    elif axis.name == SEED:
        yield from (0,) if value and axis.values == (0,) else ()
    elif value in axis.values:
        yield from axis.values[: axis.values.index(value)]
