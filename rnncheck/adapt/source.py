"""Reads the source of a function: whether it loops, what it returns, which attributes it reads from a parameter."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

LOOPS = (ast.For, ast.While, ast.ListComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Returned:
    """One return statement: its expression, as parsed and as written, and its line in the file."""

    value: ast.expr
    text: str
    line: int


def parsed(thing: Any) -> tuple[ast.AST, int] | None:
    """A function or class as a syntax tree, and the line that its first one is in the file; None without source."""
    try:
        lines, first = inspect.getsourcelines(thing)
        return ast.parse(textwrap.dedent("".join(lines))), first
    except (OSError, TypeError, SyntaxError):
        return None


def loops(function: Callable[..., Any]) -> bool:
    """Whether there is a loop in it, over timesteps presumably."""
    tree = parsed(function)
    return tree is not None and any(isinstance(each, LOOPS) for each in ast.walk(tree[0]))


def last_return(function: Callable[..., Any]) -> Returned | None:
    """The last return statement that returns something."""
    tree = parsed(function)
    if tree is None:
        return None
    inner = {id(node) for each in _functions(tree[0]) for node in ast.walk(each) if node is not each}
    found = [
        each for each in ast.walk(tree[0]) if isinstance(each, ast.Return) and each.value and id(each) not in inner
    ]
    if not found:
        return None
    last = max(found, key=lambda each: each.lineno)
    assert last.value is not None
    return Returned(last.value, ast.unparse(last.value), tree[1] + last.lineno - 1)


def _functions(tree: ast.AST) -> Iterator[ast.AST]:
    """Those that are defined inside the one that the tree is of."""
    outer = tree.body[0] if isinstance(tree, ast.Module) and tree.body else tree
    for each in ast.walk(outer):
        if isinstance(each, ast.FunctionDef | ast.Lambda) and each is not outer:
            yield each


@dataclass(frozen=True)
class Asked:
    """What the code asks a parameter for: `config.name` or `config["name"]`."""

    attributes: tuple[str, ...]
    keys: tuple[str, ...]


def asked_of(name: str, *things: Any) -> Asked:
    """Of the parameter `name`, or of an attribute that it was kept under, in these functions or classes."""
    attributes: dict[str, None] = {}
    keys: dict[str, None] = {}
    for thing in (part for each in things for part in methods(each)):
        tree = parsed(thing)
        for each in ast.walk(tree[0]) if tree else ():
            if isinstance(each, ast.Attribute) and _is(each.value, name):
                attributes[each.attr] = None
            elif isinstance(each, ast.Subscript) and _is(each.value, name) and isinstance(each.slice, ast.Constant):
                keys |= {each.slice.value: None} if isinstance(each.slice.value, str) else {}
    return Asked(tuple(attributes), tuple(keys))


def methods(thing: Any) -> list[Any]:
    """The functions of a class, whose source is found also where its module is no longer imported."""
    own = vars(thing).values() if isinstance(thing, type) else ()
    return [each for each in own if inspect.isfunction(each)] or [thing]


def _is(node: ast.expr, name: str) -> bool:
    kept = isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.value, ast.Name)
    return kept or (isinstance(node, ast.Name) and node.id == name)


def called_in(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """The functions of its own module that it calls, and those that they call."""
    here = getattr(function, "__globals__", {})
    found: list[Callable[..., Any]] = []
    waiting = [function]
    while waiting:
        tree = parsed(waiting.pop())
        for each in ast.walk(tree[0]) if tree else ():
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Name):
                called = here.get(each.func.id)
                if inspect.isfunction(called) and called.__module__ == function.__module__ and called not in found:
                    found.append(called)
                    waiting.append(called)
    return found
