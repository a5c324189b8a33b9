"""Options declared once, as the fields of a dataclass, and taken by any command."""

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any


def takes(options_class: type) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Gives a command the fields of `options_class` as options; it receives them as one object, its last argument."""

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        *own, last = inspect.signature(function).parameters.values()
        shared = [
            inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=each.type)
            for each in fields(options_class)
        ]

        @wraps(function)
        def command(**values: Any) -> int:
            options = options_class(**{each.name: values.pop(each.name) for each in shared})
            return function(**values, **{last.name: options})

        parameters = [*(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), *shared]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        return command

    return decorate
