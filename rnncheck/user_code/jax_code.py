"""Code of the user's that is written in jax: whether it is, and what its constructors want beside torch's options."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import CodeType, FunctionType
from typing import Any, Literal

import torch

Framework = Literal["linen", "nnx", "equinox"]
PLACES: Mapping[str, Framework] = {"flax.linen": "linen", "flax.nnx": "nnx", "equinox": "equinox"}
ROOTS = {"jax", "flax", "equinox", "jaxlib"}
# Where a constructor wants random numbers: flax.nnx and equinox draw their parameters when they are constructed.
DRAWS = ("rngs", "rng", "key", "prng_key", "rng_key")
LINENS_OWN = ("parent", "name")


def framework(thing: object) -> Framework | None:
    """The framework of a class, or of an instance, by its bases. Imports none of them."""
    bases = thing.__mro__ if isinstance(thing, type) else type(thing).__mro__
    places = [f"{each.__module__}." for each in bases]
    return next((name for place, name in PLACES.items() if any(each.startswith(f"{place}.") for each in places)), None)


def is_jax(thing: object) -> bool:
    """Whether this is a layer of one of the frameworks, or what one is made of, or a function in jax."""
    return isinstance(thing, Unmade) or framework(thing) is not None or in_jax(thing)


def holds_jax(thing: object) -> bool:
    """Whether an object of a class of one's own has arrays of jax as attributes."""
    held = getattr(thing, "__dict__", {}).values() if framework(thing) is None else ()
    return any(type(each).__module__.startswith("jaxlib") and hasattr(each, "shape") for each in held)


def written_in_jax(thing: object) -> bool:
    """Whether this is a layer in jax, or a class of one's own with methods in jax."""
    code = thing if isinstance(thing, type) else type(thing)
    return is_jax(thing) or any(map(in_jax, vars(code).values()))


def uncompiled(thing: Any) -> Any:
    """The function itself, if `jax.jit` or `equinox.filter_jit` wraps it."""
    while type(thing).__module__.partition(".")[0] in ROOTS and inspect.isfunction(inside := inner(thing)):
        thing = inside
    return thing


def inner(thing: Any) -> Any:
    return getattr(thing, "__wrapped__", None)


def in_jax(function: object) -> bool:
    """Whether a function computes in jax, and not in torch: by the modules of what it names, and of what that names."""
    function = function.func if isinstance(function, partial) else function
    roots = set(named_roots(function, set())) if isinstance(function, FunctionType) else set()
    return bool(roots & ROOTS) and "torch" not in roots


def named_roots(function: FunctionType, seen: set[int]) -> Iterator[str]:
    if id(function) in seen:
        return
    seen.add(id(function))
    closed = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
    for name in names_in(function.__code__):
        value = function.__globals__.get(name)
        if name in closed:
            try:
                value = closed[name].cell_contents
            except ValueError:  # not yet filled
                continue
        if value is None:
            continue
        inside = uncompiled(value)
        if isinstance(inside, FunctionType) and inside.__module__ == function.__module__:
            yield from named_roots(inside, seen)
        else:
            place = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
            yield str(place or type(value).__module__).partition(".")[0]


def names_in(code: CodeType) -> Iterator[str]:
    """The names that code uses, and code inside of it."""
    yield from (*code.co_names, *code.co_freevars)
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from names_in(each)


@dataclass(frozen=True)
class Unmade:
    """A class of a framework, and the arguments for it: it is made where its parameters are."""

    made_by: Callable[..., Any]
    arguments: tuple[tuple[str, Any], ...]
    draws: str | None  # the parameter that takes random numbers

    def made(self, numbers: Any = None) -> Any:
        """Made, with these random numbers."""
        drawn = {} if self.draws is None else {self.draws: numbers}
        return self.made_by(**dict(self.arguments), **drawn)


class JaxClass:
    """A class of a framework as a constructor of torch's options. It takes the input size where linen infers it."""

    def __init__(self, made_by: Any) -> None:
        code = made_by.func if isinstance(made_by, partial) else made_by
        self._made_by, self.__name__, self.__doc__ = made_by, code.__name__, code.__doc__
        own = list(inspect.signature(code.__init__).parameters.values())[1:]
        preset = made_by.keywords if isinstance(made_by, partial) else {}
        left_out = LINENS_OWN if framework(code) == "linen" else DRAWS
        self._draws = next((each.name for each in own if each.name in left_out and each.name in DRAWS), None)
        if self._draws is None and any(each.kind is inspect.Parameter.VAR_KEYWORD for each in own):
            self._draws = {"nnx": "rngs", "equinox": "key"}.get(framework(code) or "")
        shown = [each for each in own if each.name not in left_out and each.name not in preset]
        self._lacks_input = framework(code) == "linen" and not any(each.name == "input_size" for each in shown)
        if self._lacks_input:
            shown = [inspect.Parameter("input_size", inspect.Parameter.KEYWORD_ONLY), *shown]
        self.__signature__ = inspect.Signature(sorted(shown, key=lambda each: each.kind))

    def __call__(self, **arguments: Any) -> Unmade:
        if self._lacks_input:
            arguments.pop("input_size", None)
        given = tuple((name, in_terms_of_jax(value)) for name, value in arguments.items())
        return Unmade(self._made_by, given, self._draws)


def in_terms_of_jax(value: Any) -> Any:
    """A dtype or an activation of torch as jax's; other values as they are."""
    from jax import nn
    from jax import numpy as jnp

    if isinstance(value, torch.dtype):
        return jnp.dtype(str(value).removeprefix("torch.")).type
    same: Mapping[Any, Any] = {torch.tanh: jnp.tanh, torch.relu: nn.relu}
    return same.get(value, value) if callable(value) else value
