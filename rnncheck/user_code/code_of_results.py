"""What the code of a function says of its results and its states: that the first is called a gate, and that it writes
into a list of states.
"""

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


def writes_members_of(function: Callable[..., Any], name: str) -> bool:
    """Whether it assigns to members of this parameter, or of a variable that may be it: `h[layer] = ...`."""
    code, named = parsed(function), {name}
    for each in ast.walk(code):
        if isinstance(each, ast.Assign) and named & {value.id for value in alternatives(each.value)}:
            named |= {target.id for target in each.targets if isinstance(target, ast.Name)}
    stored = [each for each in ast.walk(code) if isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Store)]
    return any(isinstance(each.value, ast.Name) and each.value.id in named for each in stored)


def alternatives(value: ast.expr) -> list[ast.Name]:
    """The variables that it may be: itself, or the two sides of a conditional expression."""
    sides = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
    return [each for each in sides if isinstance(each, ast.Name)]
