"""Every array in the result of a call, with the path to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

# Each step of a way: an index, a key, or the name of an attribute; ALL stacks every member, a range some of them, and
# NESTED the members of every member: the directions of every layer.
ALL = "*"
NESTED = "**"
Step = object
Way = tuple[Step, ...]
DEEPEST = 5


def as_tensor(value: object) -> Tensor | None:
    """A floating-point array as a tensor that shares its memory, or None."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        value = torch.from_numpy(value)
    if isinstance(value, Tensor) and value.is_floating_point():
        return value
    return None


def leaves(result: object, counts: Mapping[int, str], way: Way = ()) -> Iterator[tuple[Way, Tensor]]:
    """Every array in it. A list of as many arrays of one shape as `counts` knows is one array with an axis in front."""
    if isinstance(result, PackedSequence):
        yield (*way, "packed"), pad_packed_sequence(result)[0]
        return
    tensor = as_tensor(result)
    if tensor is not None:
        yield way, tensor
        return
    if len(way) > DEEPEST:
        return
    members = dict(children(result))
    axis = counts.get(len(result), "") if isinstance(result, list | tuple) else ""
    if isinstance(result, list | tuple) and axis and axis in "TSK":
        found = list(stacked(result, counts, way))
        yield from found
        if found and axis != "K" and isinstance(result, list):
            return
    inner = flattened(result)
    if inner is not None and counts.get(len(inner)) == "K":
        yield from stacked(inner, counts, way, NESTED)
    elif isinstance(result, dict) and members and all(isinstance(key, int) for key in members):
        found = list(timed(result, counts, way))
        yield from found
        if found:
            return
        members = {
            key: value for key, value in members.items() if isinstance(key, int) and key >= 0
        }  # -1 is before all timesteps
    for step, child in members.items():
        yield from leaves(child, counts, (*way, step))


def children(result: object) -> Iterator[tuple[Step, Any]]:
    if isinstance(result, Mapping):
        yield from result.items()
    elif isinstance(result, tuple) and hasattr(result, "_fields"):
        yield from zip(result._fields, result, strict=True)
    elif isinstance(result, list | tuple):
        yield from enumerate(result)
    elif is_dataclass(result) and not isinstance(result, type):
        for each in fields(result):
            yield each.name, getattr(result, each.name)


def member(of: Any, step: Any) -> Any:
    """What is at one step of a way. Raises `LookupError`, `TypeError` or `AttributeError` where there is nothing."""
    named = isinstance(step, str) and not isinstance(of, Mapping)
    return getattr(of, str(step)) if named or not isinstance(of, Mapping | list | tuple) else of[step]


def lists(result: object, count: int) -> bool:
    """Whether it is a list of this length or contains one."""
    if isinstance(result, list) and len(result) == count:
        return True
    return isinstance(result, list | tuple) and any(lists(each, count) for each in result)


def flattened(result: object) -> list[Any] | None:
    """The states, or pairs of them, in a list of lists; None for anything else."""
    if not isinstance(result, list) or not result or not all(isinstance(each, list) for each in result):
        return None
    inner = [each for outer in result for each in outer]
    alike = all(isinstance(each, list | tuple) for each in inner) or all(as_tensor(each) is not None for each in inner)
    return inner if inner and alike else None


def stacked(
    result: Sequence[object], counts: Mapping[int, str], way: Way, step: str = ALL
) -> Iterator[tuple[Way, Tensor]]:
    """A list of states as one array; a list of tuples, lists or dicts of states as several. `step` says of what."""
    for inner, _ in leaves(result[0], counts, (*way, 0)):
        behind = inner[len(way) + 1 :]
        try:
            yield (*way, step, *behind), follow(result, (ALL, *behind))
        except (LookupError, TypeError, ValueError, RuntimeError, AttributeError):
            continue


def timed(result: Mapping[int, object], counts: Mapping[int, str], way: Way) -> Iterator[tuple[Way, Tensor]]:
    """The values of a dict by timestep, from 0 on, without earlier ones such as -1."""
    keys = [key for key in result if key >= 0]
    if sorted(keys) == list(range(len(keys))) and len(keys) in counts:
        try:
            yield (*way, range), follow(result, (range,))
        except (TypeError, ValueError, RuntimeError):
            return


def follow(result: Any, way: Way, *, batch_first: bool = False) -> Tensor:
    """The array at the end of a way. Raises `LookupError`, `TypeError` or `ValueError` where there is none."""
    for position, step in enumerate(way):
        if step == ALL:
            return torch.stack([follow(each, way[position + 1 :]) for each in result])
        if step == NESTED:
            return torch.stack([follow(each, way[position + 1 :]) for outer in result for each in outer])
        if step is range:
            return torch.stack([follow(result[t], way[position + 1 :]) for t in range(1 + max(result))])
        if step == "packed" and isinstance(result, PackedSequence):
            result = pad_packed_sequence(result)[0]
        else:
            result = member(result, step)
    if isinstance(result, PackedSequence):  # instead of an array, because x was packed
        result = pad_packed_sequence(result, batch_first=batch_first)[0]
    tensor = as_tensor(result)
    if tensor is None:
        raise ValueError(f"it returned {type(result).__name__} where it returned an array before")
    return tensor


def described(result: object) -> str:
    """The kind and shape of a result, for an error."""
    tensor = result if isinstance(result, Tensor | np.ndarray) else None
    if tensor is not None:
        return f"{'an array' if isinstance(result, np.ndarray) else 'a tensor'} {tuple(tensor.shape)}"
    if isinstance(result, list | tuple):
        members = ", ".join(described(each) for each in result[:3])
        more = f", ... {len(result)} in all" if len(result) > 3 else ""
        return f"{type(result).__name__} ({members}{more})"
    return "None" if result is None else type(result).__name__


def is_pair(one: Way, other: Way, *, beside_others: bool) -> bool:
    """Whether these are two members of one tuple. `beside_others` says that it may have other members, as where a cell
    returns its gates too: then they must be neighbours.
    """
    if not one or not other or one[:-1] != other[:-1]:
        return False
    a, b = one[-1], other[-1]
    return not beside_others or not isinstance(a, int) or not isinstance(b, int) or abs(a - b) == 1
