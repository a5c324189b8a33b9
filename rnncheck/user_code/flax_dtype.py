"""The dtype in which flax makes parameters and carries."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch

from rnncheck.model.trace import dtype_name


def dtype_in(tree: Any) -> torch.dtype:
    """The dtype of the first floating-point array in it."""
    import jax

    for leaf in jax.tree_util.tree_leaves(tree):
        if hasattr(leaf, "dtype") and jax.numpy.issubdtype(leaf.dtype, jax.numpy.floating):
            return getattr(torch, leaf.dtype.name)  # type: ignore[no-any-return]
    return torch.float32


@contextmanager
def flax_makes(dtype: torch.dtype) -> Iterator[None]:
    """Within it the modules of flax make parameters and carries of `dtype` unless the code says another.

    Without that they make them in float32 whatever they are given, and a scan in another dtype fails.
    """
    if dtype == torch.float32:
        yield
        return
    from jax import numpy as jnp

    ours = jnp.dtype(dtype_name(dtype)).type

    def changed(value: Any) -> Any:
        return ours if value is jnp.float32 else value

    before = [(each, each.__defaults__, each.__kwdefaults__) for each in flax_constructors()]
    try:
        for function, by_place, by_name in before:
            function.__defaults__ = by_place and tuple(map(changed, by_place))
            function.__kwdefaults__ = by_name and {name: changed(value) for name, value in by_name.items()}
        yield
    finally:
        for function, by_place, by_name in before:
            function.__defaults__, function.__kwdefaults__ = by_place, by_name


@cache
def flax_constructors() -> tuple[Any, ...]:
    """The constructors of flax's modules; none where flax is not installed."""
    try:
        from flax import linen, nnx
    except ImportError:
        return ()
    classes = [
        value
        for module, base in ((linen, linen.Module), (nnx, nnx.Module))
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, base)
    ]
    found = [inspect.unwrap(vars(each)["__init__"]) for each in classes if "__init__" in vars(each)]
    return tuple({id(each): each for each in found if inspect.isfunction(each)}.values())
