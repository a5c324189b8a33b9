"""What the code of a constructor does with its parameters: which it calls, counts, or compares with None."""

import ast
from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import Any

from rnncheck.user_code.function_code import parsed


class ConstructorCode:
    """The code of a class or of a factory. What a constructor keeps as an attribute is its parameter still."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function, self._counted = function, dict[str, bool]()
        self._made_by: Any = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]

    @cached_property
    def _code(self) -> ast.AST:
        return parsed(self._function)

    @cached_property
    def _calls(self) -> Sequence[ast.Call]:
        return [each for each in ast.walk(self._code) if isinstance(each, ast.Call)]

    @cached_property
    def compared_with_none(self) -> frozenset[str]:
        """The parameters that it compares with None: their values may be left out."""
        compared = (each for each in ast.walk(parsed(self._made_by)) if isinstance(each, ast.Compare))
        return frozenset(
            each.left.id
            for each in compared
            if isinstance(each.left, ast.Name)
            and isinstance(other := each.comparators[0], ast.Constant)
            and other.value is None
        )

    def calls(self, name: str) -> bool:
        """Whether it calls this parameter with an argument, and does not compare it with text."""
        kept = self._kept(name)
        if compared_with_text(self._code, {name, *kept}):
            return False
        return any(is_variable(each.func, name, kept) for each in self._calls if each.args)

    def counts(self, name: str) -> bool:
        """Whether it asks for the length of this parameter."""
        if name not in self._counted:
            of = [each for call in self._calls if getattr(call.func, "id", None) == "len" for each in call.args]
            kept = self._kept(name) if of else ()
            self._counted[name] = any(is_variable(each, name, kept) for each in of)
        return self._counted[name]

    def _kept(self, name: str) -> set[str]:
        """The attributes as which this parameter is kept."""
        return {
            target.attr
            for each in ast.walk(parsed(self._made_by))
            if isinstance(each, ast.Assign)
            for whole in each.targets
            for target, value in zip(members(whole), members(each.value), strict=False)
            if isinstance(target, ast.Attribute) and is_variable(value, name, ())
        }


def members(code: ast.expr) -> Sequence[ast.expr]:
    """The parts of a tuple, or the whole of anything else."""
    return code.elts if isinstance(code, ast.Tuple) else [code]


def is_variable(code: ast.AST, name: str, attributes: Collection[str]) -> bool:
    """Whether it is the variable of this name, or one of these attributes."""
    return getattr(code, "id", None) == name or getattr(code, "attr", None) in attributes


def compared_with_text(code: ast.AST, names: Collection[str]) -> bool:
    """Whether it compares a variable or attribute of these names with text, or looks something up by it."""

    def is_it(each: ast.AST) -> bool:
        return getattr(each, "id", None) in names or getattr(each, "attr", None) in names

    def is_text(each: ast.AST) -> bool:
        return isinstance(each, ast.Constant) and isinstance(each.value, str)

    def is_looked_up(each: ast.AST) -> bool:
        if isinstance(each, ast.Compare):
            return any(map(is_it, [each.left, *each.comparators])) and any(map(is_text, ast.walk(each)))
        if isinstance(each, ast.Call):
            return getattr(each.func, "id", None) == "getattr" and any(map(is_it, each.args))
        return isinstance(each, ast.Subscript) and is_it(each.slice)

    return any(map(is_looked_up, ast.walk(code)))
