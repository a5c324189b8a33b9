"""The metadata of a trace file: the spec of its run. Read without torch.

docs/trace-file.md describes the file; docs/trace.schema.json lists every key.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from rnncheck.errors import CannotRun, UsageError
from rnncheck.mistaken import refusal_of
from rnncheck.model.spec import Cell, Dtype, Head, Nonlinearity, Spec
from rnncheck.text import printable

FORMAT = "rnncheck/trace"
SCHEMA = f"{FORMAT}/1"
TENSORS = "tensors"  # the key under which a recorded run lists the names of all its tensors
REQUIRED = ("cell", "input_size", "hidden_size", "num_layers", "bias", "bidirectional", "proj_size", "dtype")
LONGEST_HEADER = 1 << 26  # bytes

_CHOICES: Mapping[str, Iterable[str]] = {
    "cell": Cell,
    "dtype": Dtype,
    "nonlinearity": get_args(Nonlinearity),
    "head": get_args(Head),
}


def metadata_of(spec: Spec) -> dict[str, str]:
    """The spec, an entry for each option that is not None: text as it is, numbers and truth values as in JSON."""
    options = {each.name: getattr(spec, each.name) for each in fields(Spec) if each.name != "variant"}
    return {"schema": SCHEMA} | {
        name: str(value) if isinstance(value, str) else json.dumps(value)
        for name, value in options.items()
        if value is not None
    }


def spec_in(metadata: Mapping[str, str], name: str) -> Spec:
    """The spec that the metadata of the file `name` describe. Raises `CannotRun` where they describe none."""
    schema = metadata.get("schema", "")
    if schema.rpartition("/")[0] != FORMAT:
        raise CannotRun(
            f"{name} is safetensors but not a trace: its metadata lack the schema {SCHEMA}; rnncheck record "
            f"writes one; if it holds weights, give it with --weights, as in rnncheck compare torch --weights {name}"
        )
    if schema != SCHEMA:
        raise CannotRun(f"{name} has the schema {printable(schema)}, and this rnncheck reads {SCHEMA}; update rnncheck")
    if lacking := [each for each in REQUIRED if each not in metadata]:
        raise CannotRun(f"{name} is damaged: its metadata lack {', '.join(lacking)}; record it again")
    given = {
        each.name: metadata[each.name] for each in fields(Spec) if each.name in metadata and each.name != "variant"
    }
    try:
        options: dict[str, Any] = {option: _read(option, text) for option, text in given.items()}
        return Spec(**options)
    except (ValueError, UsageError) as problem:
        why = printable(str(problem), 200)
        raise CannotRun(f"{name} is damaged: its metadata do not describe a layer ({why}); record it again") from None


def listed_in(metadata: Mapping[str, str]) -> frozenset[str] | None:
    """The names of all tensors of a recorded run, as its metadata list them; None where they do not."""
    return frozenset(metadata[TENSORS].split()) if TENSORS in metadata else None


def _read(option: str, text: str) -> object:
    """The value of an option of the spec. Raises `ValueError` for what it cannot be."""
    if option in _CHOICES:
        choices = [str(each) for each in _CHOICES[option]]
        if text not in choices:
            raise ValueError(f"{option} is {text!r}, none of {', '.join(choices)}")
        return {"cell": Cell, "dtype": Dtype}.get(option, str)(text)
    if option == "device":
        return text
    try:
        value = json.loads(text)
    except ValueError:
        raise ValueError(f"{option} is {text!r}") from None
    if type(value) is not type(next(each.default for each in fields(Spec) if each.name == option)):
        raise ValueError(f"{option} is {text!r}")
    return value


def is_trace(path: str | os.PathLike[str]) -> bool:
    """Whether the content of the file is a recorded run."""
    try:
        return read_metadata(path).get("schema", "").rpartition("/")[0] == FORMAT
    except CannotRun:
        return False


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """The metadata of a safetensors file, without its tensors. Raises `CannotRun` where there are none to read."""
    name = printable(os.fspath(path), 200)
    try:
        with Path(path).open("rb") as handle:
            size = int.from_bytes(handle.read(8), "little")
            header = handle.read(size) if size <= LONGEST_HEADER else b""
        metadata = json.loads(header).get("__metadata__", {})
    except FileNotFoundError:
        raise CannotRun(f"{name} does not exist; rnncheck record writes such a file") from None
    except OSError as error:
        raise CannotRun(f"{name} cannot be read: {error.strerror}") from None
    except (ValueError, AttributeError):
        said = refusal_of(Path(path), "candidate", by_suffix=False)
        raise CannotRun(
            said or f"{name} is not a safetensors file, or is damaged; rnncheck record writes a trace"
        ) from None
    if not isinstance(metadata, dict):
        raise CannotRun(f"{name} is damaged: its metadata are not a table; record it again")
    return {str(key): str(value) for key, value in metadata.items()}
