"""The axes of a tensor as letters: T timesteps, B batch, F features or units, K layers and directions, 1 size one."""

from collections.abc import Mapping, Sequence
from functools import cache

from torch import Tensor


def arrange(value: Tensor, source: str, target: str) -> Tensor:
    """`value` with its axes `source` rearranged to `target`; an axis in only one of them has size 1. It is the same
    object where nothing is to be done.

    Raises `ValueError` if the value does not have these axes.
    """
    if value.dim() != len(source):
        raise ValueError(f"{tuple(value.shape)} does not have the axes {source}")
    dropped, order, added = steps(source, target)
    for axis in dropped:
        if value.shape[axis] != 1:
            raise ValueError(f"{tuple(value.shape)} does not have the axes {source}")
    if order == sorted(order) and dropped[::-1] == added:
        return value
    for axis in dropped:
        value = value.squeeze(axis)
    if order != sorted(order):
        value = value.permute(order)
    for axis in added:
        value = value.unsqueeze(axis)
    return value


@cache
def steps(source: str, target: str) -> tuple[list[int], list[int], list[int]]:
    """The axes to drop, the last first; the order of those that stay; the axes to add."""
    kept = [each for each in source if each in target and each != "1"]
    dropped = [axis for axis in reversed(range(len(source))) if source[axis] not in kept]
    order = [kept.index(each) for each in target if each in kept]
    return dropped, order, [axis for axis, letter in enumerate(target) if letter not in kept]


def letters(shape: Sequence[int], sizes: Mapping[int, str], before: str = "") -> str | None:
    """The axes of a shape as letters, by sizes that belong to one letter. None for an unknown or repeated size.

    Of several axes of size 1 the last has that letter, if 1 is a size as well: units come last. Where F is there twice
    the first is what may stand `before` it and have the same size.
    """
    last = max((axis for axis, size in enumerate(shape) if size == 1), default=None)
    found = "".join(
        "1" if size == 1 and axis != last else sizes.get(size, "1" if size == 1 else "?")
        for axis, size in enumerate(shape)
    )
    if before and found.count("F") == 2:
        found = found.replace("F", before, 1)
    counted = [each for each in found if each != "1"]
    return found if "?" not in found and len(set(counted)) == len(counted) else None
