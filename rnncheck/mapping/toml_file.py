"""Mappings in TOML files, one line for each tensor of the candidate.

schema = "rnncheck/mapping/1"
cell = "lstm"

[tensors]
"W_xi" = "weight_ih_l0[i].T"
"""

import json
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path

from rnncheck.files import write_atomically
from rnncheck.mapping.found import FoundMapping, MappingError, TensorEntry, in_words
from rnncheck.mapping.notes import explained
from rnncheck.mapping.parser import SyntaxProblem, parse
from rnncheck.model.spec import Cell, Spec
from rnncheck.report import Mapped
from rnncheck.text import printable

SCHEMA = "rnncheck/mapping/1"
_KEYS = {"schema", "cell", "tensors"}


def save(path: str | os.PathLike[str], cell: Cell, mapping: Sequence[Mapped]) -> None:
    """Writes the mapping, whole or not at all. Raises `OutputError` if it cannot, and `MappingError` where there is
    none: a candidate that fills itself tells nothing of its tensors."""
    if any(each.how == "own" for each in mapping):
        raise MappingError("there is no mapping to save: the candidate is filled by its own load_torch_weights")
    write_atomically(path, written(cell, mapping))


def written(cell: Cell, mapping: Sequence[Mapped]) -> str:
    """The text of its file."""
    lines = [f"{_quoted(each.candidate)} = {_quoted(each.from_)}" for each in mapping]
    return "\n".join([f'schema = "{SCHEMA}"', f'cell = "{cell}"', "", "[tensors]", *lines, ""])


def load(path: str | os.PathLike[str], spec: Spec) -> FoundMapping:
    """The mapping in the file, for a candidate of this spec.

    Raises `MappingError` for what is no such file, with the key and the column, and when a weight of the recurrent
    layer stands nowhere in it.
    """
    name = printable(os.fspath(path), 200)
    try:
        facts = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise MappingError(f"cannot read the mapping {name}: {error.strerror or error}") from None
    except ValueError as error:
        raise MappingError(f"the mapping {name} is not valid TOML: {printable(str(error), 200)}") from None
    problem = _problem(facts, spec)
    if problem:
        raise MappingError(f"{name}: {problem}")
    found = {}
    for key, text in facts["tensors"].items():
        try:
            found[key] = TensorEntry(parse(text, spec), "given")
        except SyntaxProblem as error:
            raise MappingError(f"{name}: {printable(key)}, {error}") from None
    mapping = FoundMapping(spec, found)
    if missing := {weight: gates for weight, gates in mapping.absent().items() if weight.startswith("weight")}:
        raise MappingError(f"{name}: no expression contains {in_words(missing, spec)}; every weight must have a tensor")
    return explained(mapping)


def _problem(facts: dict[str, object], spec: Spec) -> str | None:
    if facts.get("schema") != SCHEMA:
        return f'it lacks schema = "{SCHEMA}"; --save-mapping writes such a file'
    if facts.get("cell") != spec.cell:
        return f"it is for the cell {printable(str(facts.get('cell')))}, and --cell is {spec.cell}"
    if extra := sorted(facts.keys() - _KEYS):
        return f"it has an unknown key, {printable(extra[0])}; the keys are {', '.join(sorted(_KEYS))}"
    tensors = facts.get("tensors")
    if not isinstance(tensors, dict):
        return "it has no table [tensors]"
    for key, text in tensors.items():
        if not isinstance(text, str):
            return (
                f'{printable(key)} is {type(text).__name__}; write a name with dots in quotes, "cell.{printable(key)}"'
            )
    return None


def _quoted(text: str) -> str:
    """As a basic string of TOML, whose escapes JSON's are among."""
    return json.dumps(text).replace("\x7f", "\\u007f")
