"""What each parameter of `rnncheck.check` accepts, as one table.

Each kind of value is read into what the option of the command line holds: a path, a number, an enum, text.
"""

import math
import numbers
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from rnncheck.cli.options import Sync
from rnncheck.errors import UsageError
from rnncheck.model.spec import Cell, Dtype, Head, Init, InitialState, Nonlinearity
from rnncheck.text import printable


@dataclass(frozen=True)
class ValueKind:
    """The values of one kind: in words, and as a function that raises `TypeError` or `ValueError` for any other."""

    said: str
    read: Callable[[Any], Any]


def whole(least: int | None = None) -> ValueKind:
    def read(value: Any) -> int:
        refuse(isinstance(value, bool | np.bool_))
        number = operator.index(value)
        refuse(least is not None and number < least)
        return number

    return ValueKind("a whole number" if least is None else f"a whole number, at least {least}", read)


def real(least: float | None = None) -> ValueKind:
    def read(value: Any) -> float:
        refuse(isinstance(value, bool) or not isinstance(value, numbers.Real))
        number = float(value)
        refuse(not math.isfinite(number) or (least is not None and number < least))
        return number

    return ValueKind("a number" if least is None else f"a number, at least {least}", read)


def one_of(*allowed: str) -> ValueKind:
    def read(value: Any) -> str:
        refuse(not isinstance(value, str))
        return allowed[allowed.index(value)]  # the member of an enum

    names = ", ".join(repr(str(each)) for each in allowed)
    return ValueKind(f"one of {names}" if len(allowed) > 1 else names, read)


def switch(value: Any) -> bool:
    refuse(not isinstance(value, bool | np.bool_))
    return bool(value)


def sync(value: Any) -> Any:
    return SYNC.read({True: "reference", False: "none"}[value] if isinstance(value, bool) else value)


def dtype(value: Any) -> Any:
    return DTYPE.read(str(value).removeprefix("torch.") if isinstance(value, torch.dtype) else value)


def device(value: Any) -> str:
    refuse(not isinstance(value, str | torch.device))
    return str(value)


def lengths(value: Any) -> str:
    refuse(isinstance(value, str))
    found = [whole(1).read(each) for each in value]
    refuse(not found)
    return ",".join(map(str, found))


def rows(value: Any) -> str:
    return value if isinstance(value, str) and value == "all" else str(whole(0).read(value))


def paths(value: Any) -> str:
    return value if isinstance(value, str) else ",".join(value) or "none"


def tensors(value: Any) -> Path | Mapping[str, Tensor]:
    if not isinstance(value, Mapping):
        return Path(value)
    refuse(not all(isinstance(name, str) and isinstance(each, Tensor) for name, each in value.items()))
    return value


def arguments(value: Any) -> dict[str, object]:
    refuse(not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value))
    return dict(value)


def refuse(wrong: bool) -> None:
    if wrong:
        raise ValueError


SYNC, DTYPE = one_of(*get_args(Sync)), one_of(*Dtype)
SIZE, COUNT, NUMBER, SWITCH = whole(), whole(1), real(), ValueKind("True or False", switch)
TENSORS = ValueKind("a file, or tensors by name, such as a state_dict", tensors)

# `candidate`, `against` and `data` accept too much for one line, and are refused where they are read. Whether a size or
# a probability is possible depends on the others: `Spec` says so.
ACCEPTED: Mapping[str, ValueKind] = {
    "cell": one_of(*Cell),
    "input_size": SIZE,
    "hidden_size": SIZE,
    "num_layers": SIZE,
    "nonlinearity": one_of(*get_args(Nonlinearity)),
    "bias": SWITCH,
    "bidirectional": SWITCH,
    "proj_size": SIZE,
    "dropout": NUMBER,
    "batch_first": SWITCH,
    "head": one_of(*get_args(Head)),
    "arguments": ValueKind("a mapping of names to values", arguments),
    "timeout": real(0.1),
    "seq_len": COUNT,
    "batch_size": COUNT,
    "lengths": ValueKind("whole numbers from 1, such as [7, 5, 2]", lengths),
    "init": one_of(*get_args(Init)),
    "h0": one_of(*get_args(InitialState)),
    "seed": whole(0),
    "weights": TENSORS,
    "sync": ValueKind(f"True, False, or {SYNC.said}", sync),
    "against_weights": TENSORS,
    "mapping": ValueKind("the path of a TOML file", Path),
    "read_seconds": real(0.1),
    "weight_scale": NUMBER,
    "allow_nonfinite": SWITCH,
    "dtype": ValueKind(DTYPE.said, dtype),
    "device": ValueKind("'cpu', 'cuda', 'cuda:N' or 'mps', or a torch.device", device),
    "tf32": SWITCH,
    "atol": real(0),
    "rtol": real(0),
    "backward": SWITCH,
    "lockstep": SWITCH,
    "paths": ValueKind("'default', 'all', 'none', or names of paths", paths),
    "compile": SWITCH,
    "autocast": SWITCH,
    "witness": SWITCH,
    "strict": SWITCH,
    "diagnose": SWITCH,
    "rows": ValueKind("a whole number, at least 0, or 'all'", rows),
}


def accepted(given: Mapping[str, object], optional: Iterable[str]) -> dict[str, Any]:
    """The parameters as options of the command line have them; those that are `optional` may be None.

    Raises `UsageError` for a value that its parameter does not accept.
    """
    found = dict(given)
    for name, kind in ACCEPTED.items():
        value = given[name]
        if value is None and name in optional:
            continue
        try:
            found[name] = kind.read(value)
        except (TypeError, ValueError, OverflowError):
            raise UsageError(f"{name} is {printable(repr(value), 100)}; it must be {kind.said}") from None
    return found
