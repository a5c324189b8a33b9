"""The text of a wrapper: torch's interface outside, the user's layer inside, the lines to complete marked."""

import inspect
import re
from collections.abc import Sequence
from pathlib import Path

from rnncheck.adapt.pieces import (
    SWITCHES,
    annotated,
    code_of,
    construction,
    imports,
    joined,
    place,
    state_object,
    todo,
)
from rnncheck.adapt.result import unpacked
from rnncheck.adapt.source import asked_of, called_in
from rnncheck.adapt.subject import Subject
from rnncheck.mapping.expression import GATES
from rnncheck.model.spec import Cell, Spec
from rnncheck.user_code.hints import MARK
from rnncheck.user_code.roles import role_of
from rnncheck.user_code.signatures import INPUT, is_cell_state, is_state, words

NAME = "Adapted"
TORCH = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def wrapper(subject: Subject, path: Path | None) -> str:
    """A module with the class `Adapted`; `path` is where it will be written, if that is known."""
    base = "" if subject.numpy else "(nn.Module)"
    body = [*constructor(subject), "", *forward(subject), *([] if subject.kernel else ["", *loading(subject)])]
    indented = [f"    {line}" if line else "" for line in body]
    beside = None if path is None else path.parent
    text = "\n".join(indented)
    named = [each for each in classes(subject) if re.search(rf"\b{each}\b", text)]
    own = [subject.loaded.called.partition(".")[0], *named]
    theirs = [line for name in dict.fromkeys(own) for line in imports(subject.loaded, name, beside)]
    theirs = list(dict.fromkeys(theirs))
    lines = [*header(subject, path), "", *library(subject, theirs, text), "", *theirs, "", ""]
    if "todo(" in text:
        lines += ["def todo(what):", '    raise NotImplementedError(f"complete this line: {what}")', "", ""]
    return "\n".join([*lines, f"class {NAME}{base}:", *indented, ""])


def header(subject: Subject, path: Path | None) -> list[str]:
    loaded, name = subject.loaded, "FILE.py" if path is None else str(path)
    home = loaded.file.name if loaded.file else loaded.module.__name__
    return [
        f'"""{loaded.called} of {home}, called as torch.nn.{torch_class(subject.cell)} is, for rnncheck to compare.',
        "",
        f"Complete the lines marked {MARK.strip(' #:')}; the others can stay. Then:",
        "",
        f"    rnncheck compare {name}:{NAME} --cell {subject.cell}",
        '"""',
    ]


def library(subject: Subject, theirs: Sequence[str], text: str) -> list[str]:
    """The imports of the standard library and of torch or numpy."""
    written = "\n".join([*theirs, text])
    found = [f"import {name}" for name in ("copy", "importlib.util", "sys") if f"{name}." in written]
    found += ["from types import SimpleNamespace"] if "SimpleNamespace(" in text else []
    found += [""] if found else []
    return [*found, *(["import numpy as np"] if subject.numpy else ["import torch", "from torch import nn"])]


def classes(subject: Subject) -> list[str]:
    """The classes of the user's module that the wrapper may need."""
    own = subject.loaded.module
    return [name for name, each in vars(own).items() if isinstance(each, type) and each.__module__ == own.__name__]


def torch_class(cell: Cell) -> str:
    return str(cell).upper()


def constructor(subject: Subject) -> list[str]:
    called, parent = subject.loaded.called, [] if subject.numpy else ["    super().__init__()"]
    if subject.kernel:
        return ["def __init__(self, input_size, hidden_size):", *parent, *torch_weights(subject)]
    if not subject.made:
        return ["def __init__(self):", *parent, f"    self.inner = copy.deepcopy({called})"]
    arguments, switches = construction(subject)
    taken = "".join(f", {each}={SWITCHES[each]}" for each in dict.fromkeys(switches))
    made = joined(f"{called}(", arguments, ")")
    lines = [f"def __init__(self, input_size, hidden_size{taken}):", *parent]
    layers = subject.inner_layers
    if len(layers) < 2:
        return [*lines, f"    self.inner = {made[0]}", *(f"    {line}" for line in made[1:])]
    inside = [f"    #     whole{place(subject.thing, name)}: {said}" for name, said in layers.items()]
    return [
        *lines,
        f"    whole = {made[0]}",
        *(f"    {line}" for line in made[1:]),
        "    # It holds several recurrent layers; you can also compare one of them:",
        *inside,
        f"    self.inner = whole  {MARK}all of it, or one of them?",
    ]


def torch_weights(subject: Subject) -> list[str]:
    """Torch's own weights, for a function that is given its weights."""
    rows = f"{subject.cell.gates} * hidden_size" if subject.cell.gates > 1 else "hidden_size"
    shapes = ((rows, "input_size"), (rows, "hidden_size"), (rows,), (rows,))
    lines = [f"    # torch's weights: {described_weights(subject.cell)}"]
    for name, shape in zip(TORCH, shapes, strict=True):
        size = ", ".join(shape)
        made = f"np.zeros(({size}{',' if len(shape) == 1 else ''}))" if subject.numpy else f"torch.zeros({size})"
        lines.append(f"    self.{name} = {made if subject.numpy else f'nn.Parameter({made})'}")
    return lines


def described_weights(cell: Cell) -> str:
    rows = f"{cell.gates}H" if cell.gates > 1 else "H"
    gates = f"; their rows: {', '.join(GATES[cell])}" if GATES[cell] else ""
    return f"weight_ih_l0 ({rows}, I), weight_hh_l0 ({rows}, H), bias_ih_l0 and bias_hh_l0 ({rows}){gates}"


def forward(subject: Subject) -> list[str]:
    """The method with torch's signature: it calls the user's layer and converts its results to torch's."""
    lstm, call = subject.cell is Cell.LSTM, subject.call
    in_x = any(is_state(each) for each in members(subject))
    stateless = call is not None and call.state is None and not subject.one_step and not in_x
    kind = "arrays: " if subject.numpy else ""
    state = "(h, c)" if lstm else "h"
    given = "" if stateless else f", {state} of (L*D, B, H){' each' if lstm else ''}"
    says = f'    """{kind}x (T, B, I){given} -> output (T, B, D*H), state."""'
    lines = [f"def forward(self, x{'' if stateless else ', state'}):", says]
    results, ending = unpacked(subject)
    if not subject.one_step:
        taking = [] if stateless else [f"    {'h, c' if lstm else 'h'} = state"]
        return [*lines, *taking, *calling(subject, "x", "    "), *(f"    {each}" for each in results), f"    {ending}"]
    stack = "np.stack" if subject.numpy else "torch.stack"
    opening = "h, c = state[0][0], state[1][0]" if lstm else "h = state[0]"
    return [
        *lines,
        f"    {opening}  # of one layer, (B, H)",
        "    outputs = []",
        "    for x_t in x:  # (B, I)",
        *calling(subject, "x_t", "        "),
        *(f"        {each}" for each in results),
        "        outputs.append(h)",
        f"    return {stack}(outputs), {'(h[None], c[None])' if lstm else 'h[None]'}",
    ]


def calling(subject: Subject, x: str, indent: str) -> list[str]:
    """The lines that call the user's layer."""
    called = (
        subject.loaded.called if subject.kernel else "self.inner" + (f".{subject.method}" if subject.method else "")
    )
    if subject.forward is None or subject.call is None:
        return [f"{indent}result = {called}({todo('what it is called with')})  {MARK}its call"]
    parameters, call = inspect.signature(subject.forward).parameters, subject.call
    signature = f"{code_of(subject.forward).__name__}({', '.join(parameters)})"
    arguments = []
    for name, parameter in parameters.items():
        value = passed(subject, name, parameter, x)
        if value is not None:
            by_place = parameter.kind is inspect.Parameter.POSITIONAL_ONLY or name == call.x == next(iter(parameters))
            arguments.append(f"{'' if by_place else f'{name}='}{value}")
    flat = f"{indent}result = {called}({', '.join(arguments)})  {MARK}it is {signature}"
    if len(flat) <= 110 and "\n" not in flat:
        return [flat]
    lines = [line for each in arguments for line in f"{each},".split("\n")]
    return [
        f"{indent}result = {called}(  {MARK}it is {signature}",
        *(f"{indent}    {each}" for each in lines),
        f"{indent})",
    ]


def passed(subject: Subject, name: str, parameter: inspect.Parameter, x: str) -> str | None:
    """The argument for a parameter of the user's call; None for its default."""
    call, lstm = subject.call, subject.cell is Cell.LSTM
    assert call is not None
    if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        return None
    if name == call.x:
        values = {each: handed(each, x, lstm=lstm) for each in members(subject)}
        return "{" + ", ".join(f'"{each}": {value}' for each, value in values.items()) + "}" if values else x
    if name == call.state:
        if made := annotated(subject, parameter):
            return state_object(made, "h", "c" if lstm else None)
        return "(h, c)" if lstm and call.cell_state is None else "h"
    if name == call.cell_state:
        return "c"
    if parameter.default is not inspect.Parameter.empty:
        return None
    return weight(subject, name) if subject.kernel else todo(name)


def members(subject: Subject) -> tuple[str, ...]:
    """The keys that its code looks up in what it is given as x, which is then a dict."""
    if subject.forward is None or subject.call is None:
        return ()
    return asked_of(subject.call.x, code_of(subject.forward)).keys


def handed(key: str, x: str, *, lstm: bool) -> str:
    """The value for a key of a dict that is handed over as x."""
    if words(key)[:1] and words(key)[0] in INPUT:
        return x
    if lstm and is_cell_state(key):
        return "c"
    if is_state(key):
        return "h" if not lstm or words(key)[0].startswith("h") else "(h, c)"
    return todo(key)


def weight(subject: Subject, name: str) -> str:
    """A weight of a function by its name; a dict of weights with every key that is asked of it."""
    bare = name.lower().replace("_", "").removesuffix("l0")
    for torch_name in TORCH:
        if bare in (torch_name.replace("_", "").removesuffix("l0"), torch_name[0] + torch_name.split("_")[1]):
            return f"self.{torch_name}"
    assert subject.forward is not None
    asked = asked_of(name, subject.forward, *called_in(subject.forward))
    keys = asked.keys or (asked.attributes if role_of(name) == "config" else ())
    if not keys:
        return todo(name)
    if not asked.keys:
        return f"SimpleNamespace({', '.join(f'{key}={todo(key)}' for key in keys)})"
    return "\n".join(["{", *(f'    "{key}": {todo(key)},  {MARK}its shape' for key in keys), "}"])


def loading(subject: Subject) -> list[str]:
    """A skeleton, as a comment, of what fills their tensors with torch's weights."""
    lines = [
        "# Needed only if rnncheck cannot find out which of torch's weights its tensors hold",
        "# (with it, the gradients of weights are not compared):",
        "# def load_torch_weights(self, state_dict):",
        f"#     # {described_weights(subject.cell)}",
    ]
    if subject.thing is None:
        return [*lines, f"#     ...  # its tensors could not be listed: {subject.unmade}"]
    end = "[...] = state_dict[...].numpy()" if subject.numpy else ".data.copy_(state_dict[...])"
    for name, value in subject.tensors.items():
        at = place(subject.thing, name)
        lines.append(f"#     self.inner{at}{end}  # {tuple(value.shape)}")
    if subject.made:
        spec = Spec()
        lines.append(f"#     # shapes as made with input_size {spec.input_size}, hidden_size {spec.hidden_size}")
    return lines
