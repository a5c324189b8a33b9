"""What the source of a function says of the weights that it takes: which of its parameters hold several, and how these
are called.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from rnncheck.user_code.jax_code import in_jax, uncompiled
from rnncheck.user_code.roles import role_of
from rnncheck.user_code.signatures import VARIABLE

WEIGHT = re.compile(r"(w|u|r|b|v)([a-z]{0,3}|_\w+)\d?|weights?\w*|bias(es)?\w*|kernel\w*", re.IGNORECASE)


def weight_names(function: Callable[..., Any], parameters: Sequence[str]) -> list[str]:
    """The names of the weights that it takes one by one, or as members of a dict or a list."""
    found: list[str] = []
    for name in parameters:
        members = unpacked(function, name) or looked_up(function, name) if holds_many(function, name) else ()
        found += members or [name]
    return found


def holds_many(function: Callable[..., Any], name: str) -> bool:
    """Whether a parameter holds several weights: its name says so, or its code takes it apart into weights."""
    members = unpacked(function, name)
    apart = len(members) > 1 and all(WEIGHT.fullmatch(each) for each in members)
    return role_of(name) == "config" or name in ("weights", "p") or apart


def weights_wanted(function: Callable[..., Any]) -> tuple[str, ...]:
    """The parameters of a constructor that are weights: all that it requires, if every one is called like a weight."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    required = [
        each.name for each in parameters if each.default is inspect.Parameter.empty and each.kind not in VARIABLE
    ]
    some = len(required) > 1 and all(WEIGHT.fullmatch(name) for name in required)
    return tuple(required) if some else ()


def looked_up(function: Callable[..., Any], name: str) -> tuple[str, ...]:
    """What its code, or that of functions of its module that it names, looks up in weights of this name: `weights["W"]`
    or `weights.W`.
    """
    return tuple(dict.fromkeys(key for each in (function, *named_in(function)) for key in keys_in(each, name)))


def keys_in(function: Callable[..., Any], name: str) -> tuple[str, ...]:
    keys = [
        each.slice.value
        for each in ast.walk(parsed(function))
        if isinstance(each, ast.Subscript)
        and isinstance(each.value, ast.Name)
        and each.value.id == name
        and isinstance(each.slice, ast.Constant)
        and isinstance(each.slice.value, str)
    ]
    attributes = [
        each.attr
        for each in ast.walk(parsed(function))
        if isinstance(each, ast.Attribute)
        and isinstance(each.value, ast.Name)
        and each.value.id == name
        and not hasattr(dict, each.attr)
    ]
    return tuple(dict.fromkeys([*keys, *attributes]))


def only_added(function: Callable[..., Any]) -> frozenset[str]:
    """The names that its code, or that of functions of its module that it names, adds to something and does nothing
    else with: those of its parameters, and of what it looks up in a dict, are biases.
    """
    added, otherwise = set[str](), set[str]()
    for each in (function, *named_in(function)):
        for node in ast.walk(parsed(each)):
            is_sum = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Add)
            for inner in ast.iter_child_nodes(node):
                if (name := weight_name(inner)) is not None:
                    (added if is_sum else otherwise).add(name)
    return frozenset(added - otherwise)


def weight_name(node: ast.AST) -> str | None:
    """The name that is read here: of a variable, a key or an attribute."""
    match node:
        case ast.Subscript(value=ast.Name(), slice=ast.Constant(value=str(name))):
            return name
        case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(value=ast.Name(), attr=name, ctx=ast.Load()):
            return name
    return None


def named_in(function: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """The functions of its own module that its code names."""
    function = function.func if isinstance(function, partial) else function
    known = getattr(function, "__globals__", {})
    for each in ast.walk(parsed(function)):
        found = uncompiled(known.get(each.id)) if isinstance(each, ast.Name) else None
        if inspect.isfunction(found) and found is not function and found.__module__ == function.__module__:
            yield found


def unpacked(function: Callable[..., Any], name: str) -> tuple[str, ...]:
    """What its code calls the members of a list of weights, where it takes it apart: `W, U, b = weights`."""
    for each in ast.walk(parsed(function)):
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Name) and each.value.id == name:
            members = each.targets[0].elts if isinstance(each.targets[0], ast.Tuple | ast.List) else []
            if members and all(isinstance(member, ast.Name) for member in members):
                return tuple(member.id for member in members if isinstance(member, ast.Name))
    return ()


def torch_code(function: Callable[..., Any]) -> bool:
    """Whether the function computes on torch's tensors, as one in jax does here: what it calls is looked up in its
    module.
    """
    if in_jax(function):
        return True
    function = function.func if isinstance(function, partial) else function
    if isinstance(function, type):
        known = vars(sys.modules[function.__module__]).values() if function.__module__ in sys.modules else ()
    else:
        known = getattr(function, "__globals__", {}).values()
    modules = {getattr(each, "__name__", "") for each in known if inspect.ismodule(each)}
    return any(each.partition(".")[0] == "torch" for each in modules) and not (
        np.__name__ in modules and "np." in source(function)
    )


def parsed(function: Callable[..., Any]) -> ast.AST:
    """Its code; an empty module if there is none to read."""
    function = function.func if isinstance(function, partial) else function
    return parsed_once(function) if inspect.isfunction(function) else parsed_source(function)


def parsed_source(function: Callable[..., Any]) -> ast.AST:
    try:
        return ast.parse(textwrap.dedent(source(function)))
    except SyntaxError:
        return ast.Module([], [])


parsed_once = lru_cache(maxsize=64)(parsed_source)  # for every hypothesis about it, again


def source(function: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""
