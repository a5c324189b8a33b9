"""The variables of a layer of Keras, by the names of the attributes that hold them."""

import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor


def paths_of(layer: Any, taken: type) -> dict[int, str]:
    """The name of each variable: the end of its path of attributes, as long as it takes to tell it from the others.

    A name that `taken` has for something else ends with a slash.
    """
    full = dict[int, list[str]]()
    for path, variable in variables_in(layer, [], set()):
        full.setdefault(id(variable), path)
    for number, variable in enumerate(layer.variables):
        full.setdefault(id(variable), [variable.name, str(number)])
    found = dict[int, str]()
    for key, path in full.items():
        others = [other for each, other in full.items() if each != key]
        length = next((n for n in range(1, len(path)) if all(path[-n:] != each[-n:] for each in others)), len(path))
        name = "/".join(path[-length:]).replace(".", "_")
        found[key] = f"{name}/" if hasattr(taken, name) else name
    return found


def variables_in(layer: Any, path: list[str], seen: set[int]) -> Iterator[tuple[list[str], Any]]:
    """The variables of a layer and of the layers that its attributes hold, those with private names last."""
    if id(layer) in seen:
        return
    seen.add(id(layer))
    own = [*layer._trainable_variables, *layer._non_trainable_variables]
    attributes = vars(layer) | vars(layer).get("_modules", {})  # where torch keeps layers, on its backend
    for name, value in attributes.items():
        if name.startswith("_"):
            continue
        for place, each in places([name], value):
            if any(each is variable for variable in own):
                yield [*path, *place], each
            elif is_layer(each):
                yield from variables_in(each, [*path, *place], seen)
    yield from (([*path, each.name], each) for each in own)
    for each in layer._layers:
        yield from variables_in(each, [*path, each.name], seen)


def places(name: list[str], value: Any) -> Iterator[tuple[list[str], Any]]:
    """Every member of lists and dicts, with where it is."""
    if isinstance(value, list | tuple | dict):
        members = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in members:
            yield from places([*name, str(key)], each)
    else:
        yield name, value


def value_of(variable: Any) -> Tensor:
    value = variable.value
    return value.detach().clone() if isinstance(value, Tensor) else torch.from_numpy(variable.numpy().copy())


def is_layer(thing: object) -> bool:
    """Whether it is a layer, or a class of layers, of a Keras that was imported."""
    layer = getattr(getattr(sys.modules.get("keras"), "layers", None), "Layer", None)
    if layer is None:
        return False
    return issubclass(thing, layer) if isinstance(thing, type) else isinstance(thing, layer)
