"""What the parameters of a call are for, as far as their names say: x, the state, the cell state, lengths."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    "hidd",
}
CELL = {"c", "cx", "ct", "cell", "cprev", "cs", "mem"}
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
INPUT = {"x", "xt", "xs", "input", "inputs", "inp", "seq", "sequence", "data", "xx", "src", "embedded", "embeds"}


@dataclass(frozen=True)
class Call:
    """The parameters of a call by their purpose. `others` have no purpose here that is known, and no default."""

    x: str
    state: str | None
    cell_state: str | None
    state_required: bool
    lengths: str | None
    others: tuple[str, ...]


def words(name: str) -> list[str]:
    """ "h_prev0" and "hPrev0": h, prev, 0."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return [each.lower() for each in re.findall(r"[A-Za-z]+|\d+", apart)]


def is_state(name: str) -> bool:
    said = words(name)
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


def read(function: Callable[..., Any], *, holds_weights: bool = True) -> Call:
    """Of a method, or of a function, which may be given its weights. Raises `ValueError` where it takes nothing."""
    parameters = [
        each
        for each in inspect.signature(function).parameters.values()
        if each.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    ]
    if not parameters:
        raise ValueError("it takes no argument")
    names = [each.name for each in parameters]
    x = next((name for name in names if words(name) and words(name)[0] in INPUT), names[0])
    rest = [each for each in parameters if each.name != x]
    lengths = next((each.name for each in rest if is_lengths(each.name)), None)
    state = next((each for each in rest if is_state(each.name) and each.name != lengths), None)
    cell = next((each for each in rest if is_cell_state(each.name) and each is not state), None)
    if state is None and cell is not None:  # a lone "memory" or "c"
        state, cell = cell, None
    known = {x, lengths, state and state.name, cell and cell.name}
    others = [each for each in rest if each.name not in known and each.default is inspect.Parameter.empty]
    if state is None and len(others) == 1 and holds_weights:
        state, others = others[0], []
    return Call(
        x,
        state.name if state else None,
        cell.name if cell else None,
        state is not None and state.default is inspect.Parameter.empty,
        lengths,
        tuple(each.name for each in others),
    )
