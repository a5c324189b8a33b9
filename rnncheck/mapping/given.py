"""A mapping that the user gives in a file."""

import os
from dataclasses import replace

from rnncheck.errors import CannotRun
from rnncheck.files import read_toml
from rnncheck.mapping.agreement import published_as
from rnncheck.mapping.found import FoundMapping, GivenMappingError, MappingError
from rnncheck.mapping.inference import Make
from rnncheck.mapping.proof import dead, too_small
from rnncheck.mapping.toml_file import load
from rnncheck.model.spec import Spec
from rnncheck.model.weights import draw
from rnncheck.text import printable

ADVICE = "Correct the file, or leave --mapping out: rnncheck then finds the mapping, and --save-mapping FILE writes it"


def given(path: str | os.PathLike[str], make: Make, spec: Spec) -> FoundMapping:
    """The mapping in the file, used as it is, and proved like any other.

    Raises `GivenMappingError` if it does not fit the candidate that `make` builds.
    """
    try:
        return fitted(path, make, spec)
    except MappingError as problem:
        raise GivenMappingError(f"{problem}\n{ADVICE}") from problem.__cause__


def names_in(path: str | os.PathLike[str]) -> frozenset[str]:
    """The tensors that the file names; none of a file that `given` refuses."""
    try:
        tensors = read_toml(path, "the mapping").get("tensors", {})
    except CannotRun:
        return frozenset()
    return frozenset(tensors) if isinstance(tensors, dict) else frozenset()


def fitted(path: str | os.PathLike[str], make: Make, spec: Spec) -> FoundMapping:
    """The mapping in the file. Raises `MappingError` if it does not fit the candidate that `make` builds."""
    mapping, native = load(path, spec), make(spec)
    name = printable(os.fspath(path), 200)
    try:
        if unsaid := [printable(each) for each in native.tensors() if each not in mapping.entries]:
            raise MappingError(f'it has no entry for {", ".join(unsaid)}; "unused" leaves a tensor as it is')
        if strange := [printable(each) for each in mapping.entries if each not in native.tensors()]:
            held = ", ".join(map(printable, native.tensors()))
            raise MappingError(f"the candidate has no tensor {', '.join(strange)}; it has {held}")
        mapping.values(native, draw(spec, 0).values)
    except MappingError as problem:
        raise MappingError(f"{name}: {problem}") from None
    try:
        findings = (*too_small(mapping, native), *dead(native, mapping))
        return replace(mapping, findings=findings, agrees=published_as(native, mapping))
    except Exception as error:  # user code may fail in any way
        raise MappingError(f"the candidate cannot be run with {name}: {printable(str(error), 200)}") from error
