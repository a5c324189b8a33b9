"""What the return statement of a function says of its first value: whether that is called a gate."""

import ast
import re
from collections.abc import Callable
from typing import Any

from rnncheck.user_code.function_code import parsed

GATES = re.compile(r"(all_?)?([ifgorzun]|.*gates?)(_?(t|ts|s|all|seq|list|hist(ory)?|gates?))?", re.IGNORECASE)
OUTPUT = re.compile(r".*(out|hid|state|seq|result|pred).*|[hy](_?(t|s|ts|all|seq|list))?", re.IGNORECASE)


def returns_gates_first(function: Callable[..., Any]) -> bool:
    """Whether it returns several values, the first of which is made of variables that are called gates."""
    code = parsed(function)
    tuples = [
        each.value for each in ast.walk(code) if isinstance(each, ast.Return) and isinstance(each.value, ast.Tuple)
    ]
    firsts = [each.elts[0] for each in tuples if len(each.elts) > 1]
    named = [variables(each) for each in firsts]
    return bool(named) and all(
        names and any(map(GATES.fullmatch, names)) and not any(map(OUTPUT.fullmatch, names)) for names in named
    )


def variables(value: ast.expr) -> set[str]:
    """The variables in it, without those of which a function is called, such as a module."""
    called = {
        id(each)
        for call in ast.walk(value)
        if isinstance(call, ast.Call)
        for each in ast.walk(call.func)
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)
    }
    return {each.id for each in ast.walk(value) if isinstance(each, ast.Name) and id(each) not in called}
