"""The expressions of a wrapper: the arguments of a call, the path to a tensor, the import of the module.

What is not known is `todo("...")`, which raises when it is reached; a line that rests on a guess ends with the mark.
"""

import inspect
import keyword
import re
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import nn

from rnncheck.adapt.source import asked_of
from rnncheck.adapt.subject import Subject
from rnncheck.user_code.hints import MARK
from rnncheck.user_code.loading import Loaded
from rnncheck.user_code.roles import role_of, roles
from rnncheck.user_code.signatures import is_cell_state

OF_WEIGHTS = re.compile(r"[wubrv]_?[a-z]{0,3}|.*(weight|bias).*", re.IGNORECASE)  # the names of weights
EMPTY = inspect.Parameter.empty
SIZES = ("input_size", "hidden_size")
SWITCHES = {"num_layers": "1", "bias": "True", "bidirectional": "False"}  # that the wrapper takes where theirs does
FIXED = {"batch_first": "False", "dropout": "0.0", "device": "None", "dtype": "None", "proj_size": "0"}


def todo(what: str) -> str:
    return f'todo("{what}")'


def imports(loaded: Loaded, name: str, beside: Path | None) -> list[str]:
    """The lines that import `name` from its module, for a wrapper that will lie in the folder `beside`."""
    if loaded.file is None or not loaded.file.is_file():
        return [f"from {loaded.module.__name__} import {name}"]
    file = loaded.file.resolve()
    if file.suffix == ".ipynb":
        loads = f'load(Path("{file}"), "{name}", "{file.stem}").{name}'
        return ["from pathlib import Path", "from rnncheck.user_code.notebook import load", "", f"{name} = {loads}"]
    dotted = loaded.dotted or named_after(file, loaded.module.__name__)
    root = file.parents[dotted.count(".")]
    needed = [root, *(each for each in loaded.import_path.folders if each not in (root, file.parent))]
    if all(each.isidentifier() and not keyword.iskeyword(each) for each in dotted.split(".")) and not taken(
        dotted, root
    ):
        own = None if beside is None else beside.resolve()
        found = [f'sys.path.insert(0, "{each}")' for each in reversed(needed) if each != own]
        return [*found, f"from {dotted} import {name}"]
    return [
        f'spec = importlib.util.spec_from_file_location("{loaded.module.__name__}", "{file}")',
        "module = importlib.util.module_from_spec(spec)",
        "sys.modules[spec.name] = module",
        "spec.loader.exec_module(module)",
        f"{name} = module.{name}",
    ]


def named_after(file: Path, module: str) -> str:
    """The dotted name by which the module was imported, if it is that of its file within folders; else the file's."""
    parts = module.split(".")
    return module if [*file.parts[-len(parts) : -1], file.stem] == parts else file.stem


def taken(dotted: str, root: Path) -> bool:
    """Whether a library has that name."""
    top = dotted.partition(".")[0]
    if top in sys.stdlib_module_names:
        return True
    try:
        found = find_spec(top)
    except (ImportError, ValueError):
        return False
    return found is not None and found.origin is not None and not Path(found.origin).is_relative_to(root)


def construction(subject: Subject) -> tuple[list[str], list[str]]:
    """The arguments of the constructor, one per line, and the switches of torch.nn that it takes."""
    parameters = {
        name: each
        for name, each in inspect.signature(subject.loaded.thing).parameters.items()  # type: ignore[arg-type]
        if each.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    }
    known, lines, switches = roles(parameters), [], []
    for name, parameter in parameters.items():
        value, why = argument(subject, name, parameter, known.get(name))
        if value is None:
            continue
        before = "" if parameter.kind is inspect.Parameter.POSITIONAL_ONLY else f"{name}="
        lines.append(f"{before}{value}," + (f"  {MARK}{why}" if why else ""))
        switches += [value] if value in SWITCHES else []
    if not parameters:  # all are handed on
        lines = [f"{name}={name}," for name in (*SIZES, "num_layers", "bidirectional")] if opened(subject) else []
        switches = ["num_layers", "bidirectional"] if lines else []
    return lines, switches


def opened(subject: Subject) -> bool:
    every = inspect.signature(subject.loaded.thing).parameters.values()  # type: ignore[arg-type]
    return any(each.kind is inspect.Parameter.VAR_KEYWORD for each in every)


def argument(
    subject: Subject, name: str, parameter: inspect.Parameter, role: str | None
) -> tuple[str | None, str | None]:
    """The argument for a parameter of the constructor, None for its default, and why the line needs a look."""
    required, guessed = parameter.default is EMPTY, role_of(name) is None
    role = None if guessed and OF_WEIGHTS.fullmatch(name) else role
    if name in subject.given:
        return literal(subject.given[name]), None
    if role in (*SIZES, *SWITCHES):
        return role, f"a guess, by its place: is {name} the {role}?" if guessed else None
    if role == "batch_first":
        return FIXED[role], None
    if not required:
        return None, None
    if role in FIXED:
        return FIXED[role], None
    if role == "output_size":
        return "hidden_size", "probably the width of a head"
    if role == "config":
        return configuration(subject, name, parameter), "each of its fields"
    return todo(name), f"what is {name}?"


def literal(value: object) -> str:
    if not isinstance(value, type):
        return repr(value)
    return f"nn.{value.__name__}" if value.__module__.startswith("torch.nn") else value.__name__


def configuration(subject: Subject, name: str, parameter: inspect.Parameter) -> str:
    """An object or a dict with every field that the code of the class asks for."""
    asked = asked_of(name, subject.loaded.thing)
    keys = [each for each in asked.keys if each not in asked.attributes]
    wanted = [*asked.attributes, *keys]
    made = annotated(subject, parameter)
    if made is not None:
        fields = inspect.signature(made).parameters
        wanted = [each for each in fields if each in wanted or fields[each].default is EMPTY]
    values = ", ".join(f"{each}={field(each)}" for each in wanted if each.isidentifier() and each not in dir(dict))
    if made is not None:
        return f"{made.__name__}({values})"
    return f"dict({values})" if keys else f"SimpleNamespace({values})"


def field(name: str) -> str:
    """The value of a field of a configuration."""
    role = role_of(name)
    if role in SIZES:
        return str(role)
    if role == "output_size":
        return "hidden_size"
    return SWITCHES.get(role or "", "") or FIXED.get(role or "", "") or todo(name)


def annotated(subject: Subject, parameter: inspect.Parameter | None) -> type | None:
    """The class of the candidate's own module that a parameter is said to be of."""
    said = None if parameter is None else parameter.annotation
    found: Any = vars(subject.loaded.module).get(said) if isinstance(said, str) else said
    own = isinstance(found, type) and found.__module__ == subject.loaded.module.__name__
    return found if own and not issubclass(found, nn.Module) else None


def state_object(made: type, h: str, c: str | None) -> str:
    """A state of the user's own class, made from h and c."""
    try:
        names = [each for each in inspect.signature(made).parameters if not each.startswith("_")]
    except (TypeError, ValueError):
        names = []
    values = [
        f"{name}={c if c and is_cell_state(name) else h if n == 0 or not c else todo(name)}"
        for n, name in enumerate(names)
    ]
    if c and len(names) == 2 and not any(map(is_cell_state, names)):
        values = [f"{names[0]}={h}", f"{names[1]}={c}"]
    return f"{made.__name__}({', '.join(values)})"


def place(thing: Any, dotted: str) -> str:
    """The way from an object to what it holds by a dotted name, as Python writes it: `.cells[0].weight`."""
    written = ""
    for part in dotted.split("."):
        if isinstance(thing, dict):
            key = next((each for each in thing if str(each) == part), part)
            written, thing = f"{written}[{key!r}]", thing.get(key)
        elif isinstance(thing, list | tuple | nn.ModuleList | nn.ParameterList | nn.Sequential) and part.isdigit():
            written, thing = f"{written}[{part}]", thing[int(part)]
        else:
            written, thing = f"{written}.{part}", getattr(thing, part, None)
    return written


def code_of(function: Callable[..., Any]) -> Any:
    """The function behind a method without an object."""
    return getattr(function, "func", function)


def joined(opening: str, lines: Sequence[str], closing: str) -> list[str]:
    """A call on one line if nothing in it is marked and it is short, else an argument a line."""
    flat = opening + " ".join(lines).rstrip(",") + closing
    if len(flat) < 90 and not any(MARK in each for each in lines):
        return [flat]
    return [opening, *(f"    {each}" for each in lines), closing]
