"""Every array of numbers that an object holds, by its dotted name."""

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rnncheck.errors import CannotRun
from rnncheck.model.trace import dtype_name

PutValue = Callable[[Any], None]  # puts another value where this one is
PLAIN = (str, bytes, int, float, complex, bool, type(None), type, torch.device, torch.dtype)


def held(thing: object) -> dict[str, Tensor]:
    """Each tensor once. The object reads these tensors, so they can be changed in place.

    Of several that are the same numbers in memory it is the first that is trained, or else the first parameter, or else
    the first of all.
    """
    found: dict[object, tuple[str, Tensor]] = {}
    for name, value, _ in walk(thing, "", set()):
        if isinstance(value, np.ndarray):
            value = torch.from_numpy(value)
        if not value.is_floating_point():
            continue
        _, known = found.get(place := place_of(value), (name, None))
        if known is None or rank(value) > rank(known):
            found[place] = name, value
    return dict(found.values())


def rank(value: Tensor) -> tuple[bool, bool]:
    parameter = isinstance(value, nn.Parameter)
    return parameter and value.requires_grad, parameter


def place_of(value: Tensor) -> object:
    """Where its numbers lie in memory, and how; it itself if it has none of its own."""
    if not value.numel() or value.layout is not torch.strided or value.device.type == "meta":
        return id(value)
    return value.device, value.data_ptr(), value.dtype, value.shape, value.stride()


def convert(thing: object, dtype: torch.dtype, device: str) -> None:
    """Converts all of them to `dtype` and `device`; numpy arrays to the numpy dtype of that name."""
    converted: dict[object, Tensor] = {}  # two that are the same numbers in memory stay so
    for _, value, put in list(walk(thing, "", set())):
        if isinstance(value, np.ndarray):
            precision = np.dtype(dtype_name(dtype))
            # An array that is a view of another must stay one, and one that cannot be written is copied.
            if value.dtype.kind == "f" and (value.dtype != precision or not value.flags.writeable):
                put(value.astype(precision))
        elif value.is_floating_point() and (value.dtype != dtype or str(value.device) != device):
            place = place_of(value)
            value.data = converted.setdefault(place, value.data.to(device, dtype))


def copied(thing: Any) -> Any:
    """A deep copy in which results of earlier calls are detached from their graph.

    Raises `CannotRun` for a ScriptModule of which torch copies only what is compiled.
    """
    try:
        made = copy.deepcopy(thing, empty(thing))
        if isinstance(thing, torch.jit.ScriptModule) and not hasattr(made, "forward"):
            raise CannotRun(
                f"copy.deepcopy of {type(thing).__name__} loses its forward, which is not compiled; decorate forward "
                "with torch.jit.script_method, or derive the class from torch.nn.Module and compile its parts alone"
            )
        return made
    except RuntimeError:  # so torch refuses to copy a result
        left = [value for _, value, _ in walk(thing, "", set()) if isinstance(value, Tensor) and not value.is_leaf]
        return copy.deepcopy(thing, {id(each): each.detach().clone() for each in left})


def empty(thing: object) -> dict[int, Any]:
    """For `copy.deepcopy`, copies of the empty dicts of modules: each has a dozen, which take half the time."""
    modules = thing.modules() if isinstance(thing, nn.Module) else ()
    dicts = (each for module in modules for each in vars(module).values() if type(each) in (dict, OrderedDict))
    return {id(each): type(each)() for each in dicts if not each}


def memory(thing: object) -> Callable[[], None]:
    """Restores, when called, the attributes of every object inside; the contents of arrays do not change."""
    seen: set[int] = set()
    kept: list[tuple[dict[Any, Any], dict[Any, Any]]] = []

    def keep(each: object) -> None:
        if isinstance(each, (*PLAIN, Tensor, np.ndarray)) or id(each) in seen:
            return
        seen.add(id(each))
        if isinstance(each, torch.jit.ScriptModule):
            return  # compiled code keeps nothing where it could be put back
        if isinstance(each, nn.Module):
            kept.extend((own, dict(own)) for own in (each._buffers, each.__dict__))
        elif hasattr(each, "__dict__") and not callable_of_a_library(each):
            kept.append((each.__dict__, dict(each.__dict__)))
        for _, value, _ in members(each):
            keep(value)

    def restore() -> None:
        for own, before in kept:
            own.clear()
            own.update(before)

    keep(thing)
    return restore


def walk(thing: object, name: str, seen: set[int]) -> Iterator[tuple[str, Any, PutValue]]:
    """Name, array, and how to replace it, depth first: parameters, buffers, modules, then everything else."""
    if isinstance(thing, PLAIN) or id(thing) in seen:
        return
    seen.add(id(thing))
    for key, value, put in members(thing):
        dotted = f"{name}.{key}" if name else str(key)
        if isinstance(value, Tensor | np.ndarray):
            if id(value) not in seen and (isinstance(value, Tensor) or value.dtype.kind == "f"):
                seen.add(id(value))
                yield dotted, value, put
        else:
            yield from walk(value, dotted, seen)


def members(thing: Any) -> Iterator[tuple[object, Any, PutValue]]:
    if isinstance(thing, nn.Module):
        for held in (thing._parameters, thing._buffers, thing._modules):
            yield from ((key, value, setter(held, key)) for key, value in held.items() if value is not None)
        hidden = vars(nn.Module())
        own = ((key, value) for key, value in vars(thing).items() if key not in hidden)
        yield from ((key, value, setter(thing.__dict__, key)) for key, value in own)
    elif isinstance(thing, dict):
        yield from ((key, value, setter(thing, key)) for key, value in thing.items())
    elif isinstance(thing, list):
        yield from ((index, value, setter(thing, index)) for index, value in enumerate(thing))
    elif isinstance(thing, tuple):
        yield from ((index, value, refuse) for index, value in enumerate(thing))
    elif hasattr(thing, "__dict__") and not callable_of_a_library(thing):
        yield from ((key, value, setter(thing.__dict__, key)) for key, value in vars(thing).items())


def setter(container: Any, key: Any) -> PutValue:
    def put(value: Any) -> None:
        container[key] = value

    return put


def refuse(value: Any) -> None:
    """The members of a tuple cannot be replaced."""


def callable_of_a_library(thing: object) -> bool:
    module = type(thing).__module__
    return module.partition(".")[0] in {"torch", "numpy", "builtins", "functools", "types", "typing"}
