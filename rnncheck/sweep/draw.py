"""Which configurations a sweep tries, in which order, and never one twice.

They come in groups: one layer on several data, so that a layer is built once. Group `index` follows from the space and
the seed alone, so that any process can make any group, and a sweep can go on where it stopped.
"""

from bisect import bisect
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from math import ceil, gcd, prod
from random import Random
from typing import Any

from rnncheck.model.spec import Cell
from rnncheck.sweep.configuration import Configuration
from rnncheck.sweep.space import OFTEN, SEED, Axis, Space

DATA = 16  # configurations of one group
HEAVY = 8  # one group in so many has long, wide or large runs
WORK, HEAVY_WORK = 100_000, 4_000_000  # multiplications of one configuration
SMALL = 4  # sizes far beyond it are drawn as much less often as they are larger
TRIES = 40
SIMPLEST = {"input_size": 3, "hidden_size": 4, "num_layers": 1, "seq_len": 12, "batch_size": 3, "proj_size": 0}


def group(space: Space, seed: int, index: int) -> list[Configuration]:
    """The configurations of one group; none where they are no layers."""
    return random_group(space, seed, index) if space.endless else listed_group(space, seed, index)


def groups(space: Space) -> int | None:
    """How many groups there are; None where there is no end of them."""
    if space.endless:
        return None
    layers, data = (prod(len(each.values) for each in space.axes(data=which)) for which in (False, True))
    return layers * ceil(data / DATA)


def random_group(space: Space, seed: int, index: int) -> list[Configuration]:
    """At random. Each group has a seed of its own, so no configuration comes twice."""
    rng = Random(f"{seed} {index}")
    heavy = index % HEAVY == HEAVY - 1
    most = HEAVY_WORK if heavy else WORK
    of_layer, of_data = space.axes(data=False), space.axes(data=True)
    own = next(each for each in space.varying if each.name == SEED).values
    number = seed + index if own == (0,) else own[index % len(own)]
    for _ in range(TRIES):
        layer = space.base.having(seed=number, **drawn(of_layer, rng, heavy))
        if layer.possible and least(layer, of_data).work <= most:
            break
    else:
        layer = least(layer, of_data)
    found = dict[Configuration, None]()
    for _ in range(TRIES if of_data else 1):
        each = layer.having(**drawn(of_data, rng, heavy))
        if each.possible and each.work <= most:
            found[each] = None
        if len(found) == (1 if heavy else DATA):
            break
    return list(found)


def least(layer: Configuration, axes: Sequence[Axis]) -> Configuration:
    """The layer on the smallest data."""
    return layer.having(**{each.name: each.values[0] for each in axes})


def drawn(axes: Sequence[Axis], rng: Random, heavy: bool) -> dict[str, Any]:
    """A value of each axis: of sizes a usual one, or one time in four any in between; small ones more often, if not
    `heavy`.
    """
    values = dict[str, Any]()
    for axis in axes:
        if axis.between and rng.random() < 0.25:
            first, last = max(1, axis.values[0]), axis.values[-1]
            values[axis.name] = int(first * (last / first) ** rng.random())
        else:
            shares = shares_of(axis, heavy)
            values[axis.name] = axis.values[bisect(shares, rng.random() * shares[-1])]
    if values.get("cell", "rnn") != "rnn":
        values.pop("nonlinearity", None)
    if values.get("cell", "lstm") != "lstm" or rng.random() < 0.8:
        values.pop("proj_size", None)
    return values


@cache
def shares_of(axis: Axis, heavy: bool) -> tuple[float, ...]:
    """How often each value is drawn, added up."""
    often = OFTEN.get(axis.name, ())
    if len(often) != len(axis.values):
        often = [1 / (1 + value / SMALL) if axis.between and not heavy else 1.0 for value in axis.values]
    return tuple(accumulate(often))


def listed_group(space: Space, seed: int, index: int) -> list[Configuration]:
    """Of all combinations, in an order that jumps: a step that shares no factor with their number meets each once."""
    of_layer, of_data = space.axes(data=False), space.axes(data=True)
    layers, data = (prod(len(each.values) for each in axes) for axes in (of_layer, of_data))
    block, which = divmod(index, layers)
    layer = space.base.having(**combination(of_layer, jumped(which, layers, seed)))
    found = []
    for place in range(block * DATA, min((block + 1) * DATA, data)):
        each = layer.having(**combination(of_data, jumped(place, data, seed + which)))
        if each.possible:
            found.append(each)
    return found


def jumped(place: int, count: int, seed: int) -> int:
    """Where the place-th of `count` stands: a permutation that the seed chooses."""
    step = max(1, int(count * 0.618))
    while gcd(step, count) != 1:
        step += 1
    return (place * step + Random(seed).randrange(count)) % count


def combination(axes: Sequence[Axis], number: int) -> dict[str, Any]:
    """The number-th of all combinations of values."""
    values = dict[str, Any]()
    for axis in axes:
        number, which = divmod(number, len(axis.values))
        values[axis.name] = axis.values[which]
    return values


def small(space: Space) -> Configuration:
    """The simplest option of each axis, and sizes that are all different."""
    values = {each.name: each.values[0] for each in space.varying if not each.is_size}
    sizes = {
        each.name: min(each.values, key=lambda value: (abs(value - SIMPLEST[each.name]), value))
        for each in space.varying
        if each.is_size
    }
    return space.base.having(**values | sizes)


def fitting(each: Configuration) -> Configuration:
    """With the cell that has such an option."""
    if each.proj_size and each.cell is not Cell.LSTM:
        each = each.having(cell=Cell.LSTM)
    if each.nonlinearity != "tanh" and each.cell is not Cell.RNN:
        each = each.having(cell=Cell.RNN)
    return each
