"""The arguments of a constructor for a spec: by torch.nn's names, by names with the same meaning, or by `--arg`."""

import ast
import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from rnncheck.errors import CannotRun
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import dtype_of
from rnncheck.text import nearest, printable
from rnncheck.user_code.config import Config
from rnncheck.user_code.constructor_code import ConstructorCode
from rnncheck.user_code.function_code import parsed
from rnncheck.user_code.roles import TORCH, cell_of_default, is_embedding, of_shape, of_training, role_of, roles

EMPTY = inspect.Parameter.empty
VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
# What a spec may ask for and a candidate may have no parameter for.
OPTIONS = {"dropout": 0.0, "proj_size": 0, "num_layers": 1, "bidirectional": False}
PASSED_ON = {"bias", "batch_first", *OPTIONS}  # that a base class may take, too
MODULES: Mapping[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU}
# What a candidate may have without a parameter for it: that is seen in what it holds and returns.
SEEN = ("num_layers", "bidirectional")


def passed_on(of: type, own: Collection[str]) -> Mapping[str, inspect.Parameter]:
    """The parameters that the first base class with its own names requires, and its options, to which `**kwargs` hands
    them on.

    None where the class names a size itself, and says what its base class gets; none of torch's, which `Constructor`
    knows by other names than those of its code.
    """
    if {"input_size", "hidden_size"} & set(map(role_of, own)):
        return {}
    own = {*own, *handed_to_base(of)}
    for base in of.__mro__[1:]:
        if "__init__" not in vars(base):
            continue
        if base.__module__.partition(".")[0] in ("torch", "builtins", "keras", "flax"):
            break
        found = dict(list(inspect.signature(vars(base)["__init__"]).parameters.items())[1:])
        named = {name: each for name, each in found.items() if each.kind not in VARIABLE and name not in own}
        if named:
            return {name: each for name, each in named.items() if each.default is EMPTY or role_of(name) in PASSED_ON}
    return {}


def handed_to_base(of: type) -> set[str]:
    """The keywords that its constructor itself gives to that of its base class."""
    calls = [each for each in ast.walk(parsed(of.__init__)) if isinstance(each, ast.Call)]  # type: ignore[misc]
    to_base = [each for each in calls if isinstance(each.func, ast.Attribute) and each.func.attr == "__init__"]
    return {keyword.arg for each in to_base for keyword in each.keywords if keyword.arg is not None}


class Constructor:
    """A class or a factory and the arguments for it. `given` are those of the user, by name."""

    def __init__(self, function: Callable[..., Any], called: str, given: Mapping[str, object]) -> None:
        self.function, self._called, self._given = function, called, dict(given)
        try:
            parameters = inspect.signature(function).parameters
        except (TypeError, ValueError):
            parameters = {}  # type: ignore[assignment]
        self._open = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
        if self._open and isinstance(function, type):
            parameters = {**parameters, **passed_on(function, parameters)}  # type: ignore[assignment]
        preset = function.keywords if isinstance(function, partial) else {}
        self._preset = {role_of(name) or name for name in preset}
        self.parameters = {
            name: each for name, each in parameters.items() if each.kind not in VARIABLE and name not in preset
        }
        self.roles = roles(self.parameters)
        self._code = ConstructorCode(function)
        self.run_shape = (12, 3)  # timesteps and rows, until they are known
        self.words: Mapping[str, str] = {}  # the text of those of `given` that were read as what they name
        self.as_text = False  # whether it was made with the text instead
        self.without = set[str]()  # options that it passes on to what does not take them
        self.of_both = False  # whether its hidden size was seen to be that of both directions together
        self._refuse_unknown()

    def _refuse_unknown(self) -> None:
        for name in self._given:
            if name not in self.parameters and not self._open and "config" not in self.roles.values():
                near = nearest(name, self.parameters)
                takes = ", ".join(self.parameters) or "nothing"
                hint = f"did you mean {near[0]}?" if near else f"it takes {takes}"
                raise CannotRun(f"--arg {printable(name, 100)}: {self._called} has no such parameter; {hint}")

    @property
    def takes(self) -> frozenset[str]:
        """The roles for which the constructor has a parameter."""
        every = set(self.roles.values())
        if self._open and "input_size" not in every:
            every |= {"input_size", "hidden_size", "bias", "batch_first", *OPTIONS}
        return frozenset(every - self._preset)

    def refuses(self, spec: Spec) -> str | None:
        """Why it does not support an option of the spec, or None."""
        if "config" in self.roles.values():
            return None
        for option, without in OPTIONS.items():
            wanted = getattr(spec, option)
            told = any(type(value) is type(wanted) and value == wanted for value in self._given.values())
            if wanted != without and option not in self.takes and option not in SEEN and not told:
                return (
                    f"{self._signature()} has no parameter for {option}; leave --{option.replace('_', '-')} out, "
                    "or set the parameter that means it with --arg name=value"
                )
        return None

    @property
    def of_any_cell(self) -> bool:
        """Whether it has a parameter for the cell that nobody has given it."""
        named = [name for name, role in self.roles.items() if role == "mode"] or ["mode"]
        return "mode" in self.takes and not set(named) & set(self._given)

    def default(self, role: str) -> object:
        """What its parameter of this role is unless rnncheck sets it; None if there is none."""
        named = next((name for name, each in self.roles.items() if each == role), None)
        return None if named is None else self._given.get(named, self.parameters[named].default)

    def batch_first(self, spec: Spec) -> bool | None:
        """The value of batch_first that it gets; None if it has no parameter for it."""
        named = next((name for name, role in self.roles.items() if role == "batch_first"), "batch_first")
        if "batch_first" not in self.takes or named in self.without:
            return None
        default = self.parameters[named].default if named in self.parameters else EMPTY
        return bool(self._given.get(named, heeding(default, spec)))

    def told_batch_first(self) -> bool:
        """Whether the user gives batch_first."""
        return any(role == "batch_first" and name in self._given for name, role in self.roles.items())

    def batch_first_by_default(self) -> str | None:
        """The name of its parameter for batch_first, where that is true unless it is told."""
        named = [name for name, role in self.roles.items() if role == "batch_first" and name not in self._given]
        return next((name for name in named if self.parameters[name].default is True), None)

    def arguments(self, spec: Spec, output_size: int) -> dict[str, object]:
        """The arguments by name. Raises `CannotRun` for a required parameter of unknown meaning."""
        filled: dict[str, object] = {}
        unknown: list[str] = []
        for name, parameter in self.parameters.items():
            if name in self._given:
                filled[name] = self._given[name]
            elif name in self.roles:
                value = value_of(self.roles[name], parameter, spec, output_size, self._given)
                if parameter.default is EMPTY:
                    value = self._as_used(name, value, output_size)
                if value is not EMPTY:
                    filled[name] = value
            if parameter.default is not EMPTY or name in filled:
                continue
            if name in self._code.compared_with_none:
                filled[name] = None
            elif (usual := of_training(name)) is not None:
                filled[name] = usual
            elif (place := of_shape(name)) is not None:
                filled[name] = self.run_shape[place]
            else:
                unknown.append(name)
        if unknown:
            of, give = (
                ("its value from its name", "it") if len(unknown) == 1 else ("their values from their names", "them")
            )
            raise CannotRun(
                f"{self._signature()} needs {' and '.join(unknown)}, and rnncheck cannot tell {of}; give {give} with "
                + " ".join(f"--arg {name}=VALUE" for name in unknown)
            )
        if self._open and not {"input_size", "hidden_size"} & set(self.roles.values()):
            open_ones = {name: value for name, value in torch_keywords(spec).items() if name not in self._preset}
            filled = open_ones | filled
        return filled | (
            {name: value for name, value in self._given.items() if name not in filled} if self._open else {}
        )

    def _as_used(self, name: str, value: object, output_size: int) -> object:
        """The value of a required parameter in the form that the code uses: a module, or a list of so many."""
        if isinstance(value, str) and value in MODULES and self._code.calls(name):
            return MODULES[value]()
        if self.roles[name] != "input_size" or not isinstance(value, int):
            return value
        if is_embedding(name) and self._code.calls(name):
            return nn.Embedding(output_size, value)
        return list(range(value)) if self._code.counts(name) else value  # such as the characters of a text

    def spellings(self, spec: Spec, output_size: int) -> Iterator[dict[str, object]]:
        """The arguments, with the name of the cell in every spelling that is usual, and the nonlinearity as a name, a
        class and a module, where nothing says which it is; at last with text that names a class as text.
        """
        self.as_text = False
        filled = self.arguments(spec, output_size)
        yield from self._spelled(filled, spec)
        if self.words:
            self.as_text = True
            yield {**filled, **self.words}

    def _spelled(self, filled: dict[str, object], spec: Spec) -> Iterator[dict[str, object]]:
        yield filled
        others: dict[str, list[object]] = {"mode": [str(spec.cell), str(spec.cell).capitalize()], "nonlinearity": []}
        if spec.cell is Cell.RNN:
            said = spec.nonlinearity or "tanh"
            others["mode"] = [f"RNN_{said}".upper(), f"rnn_{said}", *others["mode"]]
            others["nonlinearity"] = [said, MODULES[said], MODULES[said]()]
        for role, spelled in others.items():
            name = next((name for name, each in self.roles.items() if each == role), None)
            if name is not None and name not in self._given and self.parameters[name].default is EMPTY:
                yield from ({**filled, name: other} for other in spelled)

    def dispensable(self, name: str, arguments: Mapping[str, object]) -> bool:
        """Whether rnncheck, not the user, gave this keyword, with torch.nn's default as value."""
        plain: dict[str, object] = {
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0.0,
            "bidirectional": False,
        }
        plain |= {"nonlinearity": "tanh", "proj_size": 0}
        return name in arguments and name not in self._given and plain.get(name, EMPTY) == arguments[name]

    def _signature(self) -> str:
        return f"{self._called}({', '.join(self.parameters)})"


def value_of(
    role: str, parameter: inspect.Parameter, spec: Spec, output_size: int, given: Mapping[str, object]
) -> object:
    """The argument for a parameter; EMPTY to leave it at its default."""
    default = parameter.default
    match role:
        case "batch_first":
            return heeding(default, spec)
        case "output_size" | "vocab_size":
            return output_size if default is EMPTY or isinstance(default, int) else EMPTY
        case "nonlinearity":
            return nonlinearity(default, spec)
        case "mode":
            return mode(default, spec)
        case "device":
            return spec.device if default is EMPTY or default is None or isinstance(default, str) else EMPTY
        case "dtype":
            return dtype_of(spec)
        case "config":
            return Config(spec, output_size, given)
        case "hidden_size" if isinstance(default, list | tuple):
            return type(default)([spec.hidden_size] * spec.num_layers)
    return getattr(spec, role)


def heeding(default: object, spec: Spec) -> bool:
    """Batch first if asked for, or if it is so unless told otherwise: which axis is which changes nothing computed."""
    return spec.batch_first or default is True


def nonlinearity(default: object, spec: Spec) -> object:
    """The nonlinearity in the form of the default: a name, a function, a class or a module."""
    name = spec.nonlinearity or "tanh"
    if default is EMPTY or isinstance(default, str):
        return name if spec.cell is Cell.RNN or default is EMPTY else EMPTY
    if default is None or spec.cell is not Cell.RNN:
        return EMPTY
    if isinstance(default, type):
        return MODULES[name]
    return MODULES[name]() if isinstance(default, nn.Module) else getattr(torch, name)


def mode(default: object, spec: Spec) -> object:
    """The name of the cell, in the spelling of the default, or torch's class of it."""
    if cell_of_default(default) and isinstance(default, type):
        return TORCH[spec.cell][default in (cells[1] for cells in TORCH.values())]
    if isinstance(default, str) and cell_of_default(default):
        return re.sub("lstm|gru", partial(cased, str(spec.cell)), default, flags=re.IGNORECASE)
    if isinstance(default, str):
        name = f"rnn_{spec.nonlinearity}" if spec.cell is Cell.RNN and "_" in default else str(spec.cell)
        return name.upper() if default.isupper() else name
    return str(spec.cell).upper() if default is EMPTY else EMPTY


def cased(text: str, like: re.Match[str]) -> str:
    """The text in capitals, or with the first letter in them, where that is so of the match."""
    return text.upper() if like[0].isupper() else text.capitalize() if like[0].istitle() else text


def torch_keywords(spec: Spec) -> dict[str, object]:
    """The arguments of torch.nn's layers, for a class that passes all its keywords to such a layer."""
    named = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")
    own = {Cell.RNN: ("nonlinearity",), Cell.LSTM: ("proj_size",) if spec.proj_size else (), Cell.GRU: ()}[spec.cell]
    return {name: getattr(spec, name) for name in (*named, *own)}
