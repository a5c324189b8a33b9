"""Functions that are given their weights: one by one, or in a dict. Their shapes are found by trying."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal

import numpy as np
import torch

from rnncheck.model.spec import Spec
from rnncheck.user_code.roles import role_of
from rnncheck.user_code.signatures import Call, by_name

Bias = Literal["n", "n1", "1n"]


@dataclass(frozen=True)
class Scheme:
    """`fused` weights serve all gates at once; `transposed` ones are (inputs, outputs); a matrix whose name says
    neither x nor h serves both, side by side, if `beside`, or else x. `bias` is the shape of n biases.
    """

    fused: bool
    transposed: bool
    beside: bool
    bias: Bias

    def shape(self, name: str, spec: Spec, output_size: int) -> tuple[int, ...]:
        """Of the weight of that name."""
        bare = name.lower().replace("_", "")
        head = bare in ("wy", "why", "wya", "by", "bo") and not (bare == "bo" and spec.cell == "lstm")
        rows = output_size if head else spec.hidden_size * (spec.cell.gates if self.fused else 1)
        if bare.startswith("b"):
            return {"n": (rows,), "n1": (rows, 1), "1n": (1, rows)}[self.bias]
        columns = spec.hidden_size
        if not head and "x" in bare:
            columns = spec.input_size
        elif not head and not (bare.startswith(("u", "r")) or "h" in bare or "a" in bare):
            columns = spec.input_size + (spec.hidden_size if self.beside else 0)
        return (columns, rows) if self.transposed else (rows, columns)


def schemes(spec: Spec) -> Iterator[Scheme]:
    """Every one that is not the same as another for this cell, the commonest first."""
    biases: tuple[Bias, ...] = ("n", "n1", "1n")
    fused = (True, False) if spec.cell.gates > 1 else (True,)
    for bias, one, beside, transposed in product(biases, fused, (False, True), (True, False)):
        yield Scheme(one, transposed, beside, bias)


class Weights(dict[str, Any]):
    """A dict that makes each weight when it is first asked for, so that the function says itself what it wants."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> Any:
        self[name] = self._make(name)
        return self[name]

    def __deepcopy__(self, memo: object) -> "Weights":
        return self  # its names are learned for all


class WithWeights:
    """The function as an object that holds its weights, by its own names for them."""

    def __init__(self, function: Callable[..., Any], call: Call, scheme: Scheme, spec: Spec, output_size: int) -> None:
        self._function, self._names = by_name(function, function), call.others
        self.call, self.scheme = replace(call, others=()), scheme
        self.numpy = not torch_code(function)
        drawn = torch.Generator().manual_seed(2)

        def make(name: str) -> Any:
            shape = scheme.shape(name, spec, output_size)
            value = torch.randn(shape, generator=drawn, dtype=torch.float64).to(getattr(torch, spec.dtype)) * 0.4
            return value.numpy() if self.numpy else value.to(spec.device)

        for name in call.others:
            self.__dict__[name] = Weights(make) if role_of(name) == "config" or name in ("weights", "p") else make(name)

    def learn(self, other: "WithWeights") -> None:
        """Makes all the weights that another was asked for."""
        for name in self._names:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, Weights):
                for key in theirs:
                    mine[key]

    def forward(self, **arguments: Any) -> Any:
        return self._function(**arguments, **{name: getattr(self, name) for name in self._names})


def torch_code(function: Callable[..., Any]) -> bool:
    """Whether the function is written with torch: what it calls is looked up in its module."""
    names = getattr(function, "__globals__", {}).values()
    modules = {getattr(each, "__name__", "") for each in names if inspect.ismodule(each)}
    return any(each.partition(".")[0] == "torch" for each in modules) and not (
        np.__name__ in modules and "np." in source(function)
    )


def source(function: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""
