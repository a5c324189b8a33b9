"""A state of the user's own kind: a named tuple, a dataclass or a dict of h, or of h and c."""

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from rnncheck.user_code.function_code import keys_in
from rnncheck.user_code.results import as_tensor, children
from rnncheck.user_code.signatures import is_cell_state


@dataclass(frozen=True)
class OwnState:
    """`kind` makes it from its members by name: h, and c after it."""

    kind: Callable[..., object]
    names: tuple[str, ...]

    def __str__(self) -> str:
        letters = zip(self.names, "hc", strict=False)
        if self.kind is dict:
            return "{" + ", ".join(f"{name!r}: {letter}" for name, letter in letters) + "}"
        return f"{getattr(self.kind, '__name__', 'state')}({', '.join('='.join(each) for each in letters)})"

    def made(self, values: Sequence[object]) -> object:
        return self.kind(**dict(zip(self.names, values, strict=True)))


def own_states(function: Callable[..., Any], parameter: str, returned: object, count: int) -> Iterator[OwnState]:
    """The kinds of `count` members that a parameter may want: what it is said to be, what a call without a state
    returns, a dict with the keys that the code looks up.
    """
    kinds = [(each, names_of(each)) for each in said(function, parameter)]
    kinds += [(dict if isinstance(each, Mapping) else type(each), names) for each, names in held_in(returned)]
    kinds += [(dict, keys_in(function, parameter))]
    for kind, names in dict.fromkeys((kind, tuple(names)) for kind, names in kinds):
        if len(names) == count and all(isinstance(name, str) for name in names):
            yield OwnState(kind, tuple(sorted(names, key=is_cell_state)))  # the sort is stable


def said(function: Callable[..., Any], parameter: str) -> list[type]:
    """The classes in the annotation of a parameter, such as `Optional[LSTMState]`."""
    try:
        said = typing.get_type_hints(getattr(function, "__func__", function)).get(parameter)
    except Exception:  # names that are not known at run time, for one
        try:
            said = inspect.signature(function).parameters[parameter].annotation
        except (KeyError, TypeError, ValueError):
            return []
    found, open_ = list[type](), [said]
    while open_:
        each = open_.pop(0)
        open_ += typing.get_args(each)
        found += [each] if isinstance(each, type) and names_of(each) else []
    return found


def names_of(kind: type) -> tuple[str, ...]:
    """The members of a named tuple, a dataclass or a typed dict that must be given; none for any other class."""
    if typing.is_typeddict(kind):
        return tuple(kind.__annotations__)
    if is_dataclass(kind):
        return tuple(each.name for each in fields(kind) if each.init)
    return tuple(getattr(kind, "_fields", ()))


def held_in(result: object, depth: int = 3) -> Iterator[tuple[object, tuple[str, ...]]]:
    """Everything of such a kind in a result that holds arrays alone, with the names of its members."""
    if depth and as_tensor(result) is None:
        members = list(children(result))
        if members and all(isinstance(name, str) and as_tensor(each) is not None for name, each in members):
            yield result, tuple(str(name) for name, _ in members)
        for _, each in members:
            yield from held_in(each, depth - 1)


def with_each(value: Any, change: Callable[[Any], Any]) -> Any:
    """What a call is given, with every array in it changed."""
    if isinstance(value, Mapping):
        return type(value)((name, with_each(each, change)) for name, each in value.items())  # type: ignore[call-arg]
    if hasattr(value, "_fields"):
        return type(value)(*(with_each(each, change) for each in value))
    if isinstance(value, list | tuple):
        return type(value)(with_each(each, change) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        return type(value)(**{each.name: with_each(getattr(value, each.name), change) for each in fields(value)})
    return change(value)
