"""Reads the source of a function: whether it loops, what it returns, which attributes it reads from a parameter."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

LOOPS = (ast.For, ast.While, ast.ListComp, ast.GeneratorExp)
SCANS = {"cumsum", "cumprod", "logcumsumexp", "scan", "associative_scan"}


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


def loops(function: Callable[..., Any], owner: type | None = None) -> bool:
    """Whether there is a loop or a scan in it or in what it calls, over timesteps presumably, or it asks x for three
    axes. `owner` is the class whose method it is.
    """
    members = {name: inspect.unwrap(getattr(each, "__func__", each)) for name, each in vars(owner or object).items()}
    own = {name: each for name, each in members.items() if inspect.isfunction(each)}
    waiting, seen = [function, *called_in(function)], set[str]()
    while waiting:
        tree = parsed(waiting.pop())
        for each in ast.walk(tree[0]) if tree else ():
            if isinstance(each, LOOPS) or _scans(each) or _asks_for_three_axes(each):
                return True
            if isinstance(each, ast.Attribute) and each.attr in own.keys() - seen and _is_self(each.value):
                seen.add(each.attr)
                waiting.append(own[each.attr])
    return False


def _scans(node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in SCANS


def _asks_for_three_axes(node: ast.AST) -> bool:
    """`b, t, _ = x.shape`, or `x.size()`."""
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Tuple):
        return False
    value = node.value.func if isinstance(node.value, ast.Call) else node.value
    return len(node.targets[0].elts) == 3 and isinstance(value, ast.Attribute) and value.attr in ("shape", "size")


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


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
