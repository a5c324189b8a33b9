"""`rnncheck adapt`: writes a wrapper for a layer that rnncheck cannot read."""

from collections.abc import Mapping
from pathlib import Path

from rnncheck.adapt.subject import subject
from rnncheck.adapt.wrapper import wrapper
from rnncheck.errors import CannotRun
from rnncheck.implementations.target import parse
from rnncheck.model.spec import Cell
from rnncheck.user_code.hints import IN_JAX
from rnncheck.user_code.jax_code import written_in_jax
from rnncheck.user_code.loading import load, meant


def adapt(name: str, cell: Cell | None, arguments: Mapping[str, object], path: Path | None) -> str:
    """The wrapper of `path/to/file.py:Class` or `package.module:Class`, to be written to `path`, if that is known.

    Raises `CannotRun` for what cannot be loaded, and `UsageError` where nothing says which cell it is.
    """
    loaded = load(parse(name))
    if written_in_jax(loaded.thing):
        raise CannotRun(f"{name} is in jax, and rnncheck writes wrappers in torch and numpy\n{IN_JAX}")
    return wrapper(subject(loaded, cell, meant(arguments, loaded)), path)
