"""The meaning of a call's parameters, from their names: x, the state, the cell state, lengths."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from rnncheck.errors import CannotRun

STATE = {
    "h",
    "hx",
    "ht",
    "hid",
    "hidden",
    "hiddens",
    "state",
    "states",
    "hprev",
    "carry",
    "memory",
    "hc",
    "s",
    "a",
    "hs",
    "hxs",
    "hidd",
}
CELL = {"c", "cx", "cxs", "ct", "cell", "cprev", "cs", "mem"}
ASIDE = {
    "prev",
    "previous",
    "init",
    "initial",
    "inits",
    "t",
    "tm",
    "0",
    "1",
    "start",
    "last",
    "old",
    "state",
    "states",
    "in",
    "minus",
    "n",
}
SIZES = {"size", "sz", "dim", "dims", "units"}
BESIDE = {"pos", "position", "positions", "mask", "masks"}  # what is handed over beside x, and named after it
INPUT = {"x", "xt", "xs", "input", "inputs", "inp", "seq", "sequence", "data", "xx", "src", "embedded", "embeds"}


# Of what is required and is neither x nor a state: a flag is off, nothing is dropped, and there is no mask.
SETTINGS: Mapping[re.Pattern[str], object] = {
    re.compile(r"(.*_)?(keep|retain)_?(prob|rate)\w*"): 1.0,
    re.compile(r".*mask(s|ed)?"): None,
    re.compile(r".*(drop|drop_?out)(_?(p|prob|rate|ratio))?"): 0.0,
    re.compile(r"(is|use|do|with|return|keep|to)_.*|.*(train(ing)?|reset|flag|verbose|debug|detach)"): False,
}


VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
POSITIONAL = inspect.Parameter.POSITIONAL_ONLY
MEMORY = "memory"
ASSUMED = object()  # the annotation of a parameter that `*args` may stand for


@dataclass(frozen=True)
class Call:
    """The parameters of a call by their purpose. `others` have no purpose here that is known, and no default. What is
    `settled` has a value that does not depend on x. The state is `assumed` where `*args` may be one, or something else,
    and `guessed` where that is a parameter of unknown meaning.
    """

    x: str
    state: str | None
    cell_state: str | None
    state_required: bool
    lengths: str | None
    others: tuple[str, ...]
    settled: tuple[tuple[str, object], ...] = ()
    assumed: bool = False
    guessed: bool = False


def words(name: str) -> list[str]:
    """ "h_prev0" and "hPrev0": h, prev, 0."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return [each.lower() for each in re.findall(r"[A-Za-z]+|\d+", apart)]


def is_state(name: str) -> bool:
    said = words(name)
    if SIZES & set(said):
        return False
    core = [each for each in said if each not in ASIDE] or said
    return (any(each in STATE for each in core) and not is_cell_state(name)) or set(said) <= ASIDE - {
        "t",
        "n",
        "0",
        "1",
    }


def is_cell_state(name: str) -> bool:
    said = words(name)
    return any(each in CELL for each in said) and not any(each in {"h", "hidden", "hx", "hid"} for each in said)


def is_lengths(name: str) -> bool:
    return any(each in {"len", "lens", "length", "lengths", "seqlen", "seqlens"} for each in words(name))


def setting(parameter: inspect.Parameter) -> tuple[str, object] | None:
    """Its name and the value that leaves it without effect, if its type or its name says that there is one."""
    if parameter.annotation in (bool, "bool"):
        return parameter.name, False
    found = next((value for named, value in SETTINGS.items() if named.fullmatch(parameter.name.lower())), ...)
    return None if found is ... else (parameter.name, found)


# Of what may be left out and is no initial state.
NO_STATE = re.compile(
    r".*(mask|label|target|tgt|trg|teacher|atten|attn|context|ctx|embed|emb|bias|weight|pos|time|delta|key|rng|seed"
    r"|cond|condition|conditioning|speaker|style|static|feature|noise|scale|factor|residual|skip|graph|adj"
    r"|out|callback|hook|dtype|device|format|mode|name|batch|steps?)s?|y|dt|w|b|t|n",
)


def may_be_state(parameter: inspect.Parameter) -> bool:
    """Whether a parameter that may be left out may be the initial state, as nothing in its name says otherwise."""
    name = parameter.name.lower()
    return not is_lengths(name) and setting(parameter) is None and NO_STATE.fullmatch(name) is None


# Without effect whatever the layer is.
HARMLESS = re.compile(r"(is_)?train(ing)?|verbose|debug|.*(drop|keep|retain).*|return_.*")


def unmasked(call: Call) -> Call | None:
    """With ones where no mask was given, which leave everything as it is; None where it has no mask."""
    settled = tuple(
        (name, torch.ones(1, 1, dtype=torch.int8) if value is None else value) for name, value in call.settled
    )
    return replace(call, settled=settled) if any(value is None for _, value in call.settled) else None


def doubtful(settled: Sequence[tuple[str, object]]) -> list[str]:
    """The settled arguments with which a right layer may be another one: with a flag on, at a rate, under a mask."""
    return [name for name, _ in settled if not HARMLESS.fullmatch(name.lower())]


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The named parameters. If a method takes only `*args`, those of the method that it overrides, or x and a state."""
    collects = False
    for each in (function, *overridden(function)):
        try:
            every = list(inspect.signature(each).parameters.values())
        except (TypeError, ValueError):  # compiled code
            every = [inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)]
        if named := [one for one in every if one.kind not in VARIABLE]:
            return [one.replace(kind=POSITIONAL) for one in named] if collects else named
        if inspect.Parameter.VAR_POSITIONAL not in {one.kind for one in every}:
            break
        collects = True
    if not collects:
        return []
    state = inspect.Parameter("state", POSITIONAL, default=None, annotation=ASSUMED)
    return [inspect.Parameter("x", POSITIONAL), state]


def overridden(method: Any) -> list[Callable[..., Any]]:
    """The methods of its name in the bases of its object's class, nearest first."""
    if not inspect.ismethod(method):
        return []
    every = [vars(each).get(method.__name__) for each in type(method.__self__).__mro__]
    found = [each for each in every if inspect.isfunction(each) and each is not method.__func__]
    return [each.__get__(method.__self__) for each in found]


def by_name(function: Callable[..., Any], signed: Callable[..., Any]) -> Callable[..., Any]:
    """The function, to be called by the names of its parameters, even if it takes them by position alone.

    `signed` is what its signature is read from.
    """
    code = getattr(signed, "__code__", None)
    if code is not None and not code.co_posonlyargcount and not code.co_flags & inspect.CO_VARARGS:
        return function
    positional = [each for each in parameters_of(signed) if each.kind is POSITIONAL]
    if not positional:
        return function

    def call(**arguments: Any) -> Any:
        last = max((n for n, each in enumerate(positional) if each.name in arguments), default=-1)
        given = [arguments.pop(each.name, each.default) for each in positional[: last + 1]]
        return function(*given, **arguments)

    return call


def input_of(parameters: Sequence[inspect.Parameter], *, holds_weights: bool) -> str:
    """The name of x: one that begins with a word for it, or has one; or else the first that names no state, where all
    others that are required do; or else the first.
    """
    names = [each.name for each in parameters]
    said = {name: words(name) for name in names if not is_lengths(name) and not BESIDE & set(words(name))}
    begin = [name for name, each in said.items() if each and each[0] in INPUT]
    have = [name for name, each in said.items() if INPUT & set(each) and not is_state(name)]
    required = [each.name for each in parameters if each.default is inspect.Parameter.empty and not setting(each)]
    named = [name for name in required if is_state(name) or is_cell_state(name)]
    rest = [name for name in required if name not in named and not is_lengths(name)]
    alone = rest if holds_weights and named[:1] == names[:1] and len(rest) == 1 else []
    return (begin + have + alone + names)[0]


def read(function: Callable[..., Any], *, holds_weights: bool = True) -> Call:
    """The call of a method, or of a function that may take weights. Raises `CannotRun` if it takes no argument."""
    parameters = parameters_of(function)
    if not parameters:
        raise CannotRun("it takes no argument, so it cannot be given x")
    x = input_of(parameters, holds_weights=holds_weights)
    rest = [each for each in parameters if each.name != x]
    lengths = next((each.name for each in rest if is_lengths(each.name)), None)
    state = next((each for each in rest if is_state(each.name) and each.name != lengths), None)
    cell = next((each for each in rest if is_cell_state(each.name) and each is not state), None)
    if state is None and cell is not None:  # a lone "memory" or "c"
        state, cell = cell, None
    known = {x, lengths, state and state.name, cell and cell.name}
    others = [each for each in rest if each.name not in known and each.default is inspect.Parameter.empty]
    settled = [found for each in others if holds_weights and (found := setting(each)) is not None]
    others = [each for each in others if each.name not in dict(settled)]
    if state is None and others and holds_weights:
        state, others = others[0], others[1:]
    if state is not None and cell is None and others and holds_weights and len(others) == 1:
        cell, others = others[0], []
    guessed = False
    if holds_weights and cell is None and (state is None or MEMORY in words(state.name)):
        # Of another name, or in another language; what is called a memory is c, where another may be h.
        unnamed = [each for each in rest if each is not state and each.default is None and may_be_state(each)]
        guessed = bool(unnamed)
        if guessed:
            state, cell = unnamed[0], state or next(iter(unnamed[1:]), None)
    return Call(
        x,
        state.name if state else None,
        cell.name if cell else None,
        state is not None and state.default is inspect.Parameter.empty,
        lengths,
        tuple(each.name for each in others),
        tuple(settled),
        state is not None and state.annotation is ASSUMED,
        guessed,
    )
