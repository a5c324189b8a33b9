"""Functions that take their weights one by one or in a dict. rnncheck finds the shapes by calling the function."""

import copy
import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import product
from typing import Any, Literal

import numpy as np
import torch

from rnncheck.errors import CannotRun
from rnncheck.implementations.jax_bridge import bridge
from rnncheck.mapping import names
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import dtype_of
from rnncheck.text import printable
from rnncheck.user_code.function_code import holds_many, torch_code, unpacked
from rnncheck.user_code.jax_code import in_jax
from rnncheck.user_code.roles import role_of
from rnncheck.user_code.signatures import Call, by_name

Bias = Literal["n", "n1", "1n"]
TORCH_S = re.compile(r"(^|_)(ih|hh)", re.IGNORECASE)  # in a name, as torch calls its weights


@dataclass(frozen=True)
class Scheme:
    """`fused` weights serve all gates at once; `transposed` ones are (inputs, outputs); a matrix whose name says
    neither x nor h serves both, side by side, if `beside`, or else x. `bias` is the shape of n biases. Names say which
    of the two if they are `sided`: if one of them says h. With `proposal` the h of W_h is that of a proposal, as the z
    of W_z is that of a gate, and says nothing of the two. Those `added` are biases, whatever their names.
    """

    fused: bool
    transposed: bool
    beside: bool
    bias: Bias
    sided: bool = True
    proposal: bool = False
    added: frozenset[str] = frozenset()

    def shape(self, name: str, spec: Spec, output_size: int) -> tuple[int, ...]:
        """The shape of the weight of that name."""
        bare, head = plain(name), is_of_head(name, spec)
        side = side_of(name) if self.sided and not (self.proposal and bare == "wh") else None
        rows = output_size if head else spec.hidden_size * (spec.cell.gates if self.fused else 1)
        if is_bias(name, self.added):
            return {"n": (rows,), "n1": (rows, 1), "1n": (1, rows)}[self.bias]
        columns = spec.hidden_size
        if not head and side == "x" and bare != "w":
            columns = spec.input_size
        elif not head and side != "h":
            columns = spec.input_size + (spec.hidden_size if self.beside else 0)
        return (columns, rows) if self.transposed else (rows, columns)


BIAS = re.compile(r"b.*|.*bias|(?!emb)[a-z]{1,3}b")


def is_bias(name: str, added: Collection[str]) -> bool:
    return name in added or BIAS.fullmatch(plain(name)) is not None


HEADS = ("wy", "why", "wya", "whq", "by", "bq", "bo")


def plain(name: str) -> str:
    """The last part of a name with dots, without case and underscores."""
    return name.rpartition(".")[2].lower().replace("_", "")


def side_of(name: str) -> str | None:
    kind = names.torch_kind(name)
    return names.side(name) if kind is None else {"i": "x", "h": "h"}[kind[-2]]


def is_of_head(name: str, spec: Spec) -> bool:
    bare = plain(name)
    return bare in HEADS and not (bare == "bo" and spec.cell == "lstm")


# Columns of a batch, rows of a batch, and torch's: whether the weights are transposed, and the shape of the biases.
COLUMNS: Sequence[tuple[bool, Bias]] = ((False, "n1"),)
ROWS: Sequence[tuple[bool, Bias]] = ((True, "n"),)
AS_TORCH: Sequence[tuple[bool, Bias]] = ((False, "n"),)
SELDOM: Sequence[tuple[bool, Bias]] = ((True, "1n"), (True, "n1"), (False, "1n"))
MOST_FUSED = 2  # matrices beside the head's: more of them hold a gate each


def schemes(spec: Spec, called: Sequence[str], added: frozenset[str] = frozenset()) -> Iterator[Scheme]:
    """All different schemes for this cell, the most common scheme for weights with these names first. The code only
    adds those `added`.
    """
    torch_first = any(TORCH_S.search(name) for name in called)
    ways = (*AS_TORCH, *ROWS, *COLUMNS, *SELDOM) if torch_first else (*ROWS, *AS_TORCH, *COLUMNS, *SELDOM)
    matrices = [name for name in called if not is_bias(name, added) and not is_of_head(name, spec)]
    fused = (True, False) if len(matrices) <= MOST_FUSED else (False, True)
    bare = set(map(plain, matrices))
    proposal = spec.cell is Cell.GRU and "wh" in bare and bool(bare & {"wz", "wr", "wu"})
    of_h = [name for name in matrices if side_of(name) == "h" and not (proposal and plain(name) == "wh")]
    sided = len(matrices) < 2 or bool(of_h)
    besides = (False, True) if sided else (True, False)
    for one, beside, (transposed, bias) in product(fused if spec.cell.gates > 1 else (True,), besides, ways):
        yield Scheme(one, transposed, beside, bias, sided, proposal, added)


class Named(dict[str, Any]):
    """Weights by name, as a dict, and as attributes, as of a NamedTuple or a dataclass."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # no weight's: a library asks for what it knows
            raise AttributeError(name)
        return self[name]


class Lacking(KeyError, AttributeError):
    """A weight that was not made yet."""


class Made(Named):
    """The weights that were made up to now, for a call in jax."""

    def __missing__(self, name: str) -> Any:
        raise Lacking(name)


@cache
def known_to_jax() -> type[Made]:
    """The class of weights by name, as jax takes it for a tree."""
    from jax import tree_util

    tree_util.register_pytree_node(
        Made,
        lambda made: (tuple(made.values()), tuple(made)),
        lambda called, values: Made(zip(called, values, strict=True)),
    )
    return Made


class MadeOnAccess(Named):
    """Weights that are made on first access, so that the function itself shows which weights it takes."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> Any:
        self[name] = self._make(name)
        return self[name]

    def __deepcopy__(self, memo: object) -> "MadeOnAccess":
        return self  # its names are learned for all


class WithWeights:
    """The function as an object that holds its weights, by the function's names."""

    def __init__(self, function: Callable[..., Any], call: Call, scheme: Scheme, spec: Spec, output_size: int) -> None:
        self._in_jax = in_jax(function)
        self._function, self._names = by_name(self._bridged if self._in_jax else function, function), call.others
        self._code = function
        self.call, self.scheme = replace(call, others=()), scheme
        self.numpy = not torch_code(function)
        drawn = torch.Generator().manual_seed(2)

        def make(name: str) -> Any:
            return make_array(*scheme.shape(name, spec, output_size))

        def make_array(*shape: int) -> Any:
            value = torch.randn(shape, generator=drawn, dtype=torch.float64).to(dtype_of(spec)) * 0.4
            return value.numpy() if self.numpy else value.to(spec.device)

        self._gated = bool(call.others) and not any(serves_x(name) for name in call.others)
        if self._gated:  # it is given what the gates get from x
            self.x_weight = make_array(spec.cell.gates * spec.hidden_size, spec.input_size)
            self.x_bias = make_array(spec.cell.gates * spec.hidden_size)
        for name in call.others:
            self.__dict__[name] = MadeOnAccess(make) if holds_many(function, name) else make(name)
        self._unpacked = {name: unpacked(function, name) for name in call.others if holds_many(function, name)}
        self._sizes = sizes_asked(function, spec)
        for name, members in self._unpacked.items():
            for each in members:
                getattr(self, name)[each]

    @property
    def code(self) -> Callable[..., Any]:
        """The function as it was written."""
        return self._code

    def __deepcopy__(self, memo: dict[int, Any]) -> "WithWeights":
        other = copy.copy(self)  # all but the weights is the same for every copy
        for name, value in vars(self).items():
            if isinstance(value, torch.Tensor | np.ndarray):
                other.__dict__[name] = copy.deepcopy(value, memo)
        return other

    def learn(self, other: "WithWeights") -> None:
        """Makes the same weights as another object."""
        for name in self._names:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, MadeOnAccess):
                for key in theirs:
                    mine[key]

    def _bridged(self, *arguments: Any, **named: Any) -> Any:
        """A call in jax, to which a dict that makes weights is unknown: it is given those that there are, and asked
        again with one more where it lacks one.
        """
        lazy = [each for each in named.values() if isinstance(each, MadeOnAccess)]
        while True:
            made = {
                name: known_to_jax()(each) if isinstance(each, MadeOnAccess) else each for name, each in named.items()
            }
            try:
                return bridge(self._code, *arguments, **made)
            except KeyError as problem:
                missing = problem.args[0] if problem.args else None
                if not isinstance(missing, str) or len(lazy) != 1 or missing in lazy[0]:
                    raise
                lazy[0][missing]

    def forward(self, **arguments: Any) -> Any:
        if self._gated:
            arguments[self.call.x] = arguments[self.call.x] @ self.x_weight.T + self.x_bias
        weights = {name: getattr(self, name) for name in self._names}
        weights |= {
            name: [weights[name][each] for each in members] for name, members in self._unpacked.items() if members
        }
        return self._function(**arguments, **weights, **self._sizes)


def sizes_asked(function: Callable[..., Any], spec: Spec) -> dict[str, int]:
    """The sizes that it has parameters for, with another default than the spec's, by their names."""
    function = function.func if isinstance(function, partial) else function
    parameters = inspect.signature(function).parameters.values()
    asked = {each.name: role_of(each.name) for each in parameters if isinstance(each.default, int) and each.default > 1}
    return {name: getattr(spec, role) for name, role in asked.items() if role in ("input_size", "hidden_size")}


def serves_x(name: str) -> bool:
    """Whether a weight of this name may multiply x."""
    bare = name.lower().replace("_", "")
    return role_of(name) == "config" or bare in ("weights", "p") or (side_of(name) != "h" and not bare.startswith("b"))


FLAGS: Sequence[tuple[type, re.Pattern[str], object]] = (
    (bool, re.compile(r"(is_?)?train(ing)?(_mode)?", re.IGNORECASE), False),
    (float, re.compile(r"\w*(dropout|prob|_rate)\w*", re.IGNORECASE), 0.0),
)


def with_settings(function: Callable[..., Any], given: Mapping[str, object]) -> Callable[..., Any]:
    """The function with those of its parameters settled that are `given`, and the flags and rates that it requires
    off, as in evaluation mode.

    Raises `CannotRun` for a name that it does not have.
    """
    parameters = inspect.signature(function).parameters
    for name in given:
        if name not in parameters:
            takes = ", ".join(parameters)
            raise CannotRun(
                f"--arg {printable(name, 100)}: {function.__name__} has no such parameter; it takes {takes}"
            )
    required = [each for each in parameters.values() if each.default is inspect.Parameter.empty]
    settled = {each.name: off for each in required for kind, names_, off in FLAGS if is_flag(each, kind, names_)}
    settled |= given
    return partial(function, **settled) if settled else function


def is_flag(parameter: inspect.Parameter, kind: type, called: re.Pattern[str]) -> bool:
    if parameter.annotation is inspect.Parameter.empty:
        return called.fullmatch(parameter.name) is not None
    return parameter.annotation in (kind, kind.__name__)


def holding(made_by: Any, names: Sequence[str], scheme: Scheme, spec: Spec, output_size: int) -> Any:
    """An object of a class whose constructor takes its weights, in the shapes that `scheme` says."""
    numpy, drawn = not torch_code(made_by), torch.Generator().manual_seed(2)
    arrays = {}
    for name in names:
        value = torch.randn(scheme.shape(name, spec, output_size), generator=drawn, dtype=torch.float64) * 0.4
        value = value.to(dtype_of(spec))
        arrays[name] = value.numpy() if numpy else value.to(spec.device)
    return made_by(**arrays)
