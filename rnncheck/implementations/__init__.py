"""The implementations that can be named on the command line, each imported on first use."""

from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncheck.errors import UsageError
from rnncheck.implementations.target import names_a_file_or_module, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rnncheck.implementations.protocol import Implementation

BUILT_IN = {
    "scratch": "rnncheck.implementations.scratch_layer:Scratch",
    "torch": "rnncheck.implementations.torch_nn:TorchNN",
    "numpy": "rnncheck.implementations.numpy_loop:NumpyLoop",
}
CANDIDATE = "rnncheck.user_code.adapter:Candidate"
FAULTY = "rnncheck.implementations.fault:Faulty"
FAULT = "fault:"  # before the name of a fault: a layer that commits it
VARIANT = "variant:"  # before the name of a variant: a layer with equations of its own
VARIANT_LAYER = "rnncheck.implementations.variant:VariantLayer"


def check_name(name: str) -> None:
    """Raises `UsageError` or `CannotRun` for what can be no implementation, without importing any."""
    if name in BUILT_IN:
        return
    if name.startswith(FAULT):
        check_fault(name.removeprefix(FAULT))
        return
    if name.startswith(VARIANT):
        check_variant(name.removeprefix(VARIANT))
        return
    if names_a_file_or_module(name):
        parse(name)
        return
    near = get_close_matches(name, BUILT_IN, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(
        f"no implementation is called {name!r}; there are {', '.join(BUILT_IN)}, {FAULT}SLUG, {VARIANT}SLUG, and "
        f"your own as file.py:Class or package.module:Class{hint}"
    )


def check_fault(fault: str) -> None:
    """Which variants there are depends on the layer, so it is left to whoever plants it."""
    from rnncheck.faults.pages import page

    told = page(fault.partition(":")[0])
    if not told.plantable:
        raise UsageError(f"{told.slug} cannot be planted; 'rnncheck faults {told.slug}' explains it")


def check_variant(slug: str) -> None:
    """Raises `UsageError` for a variant that there is not. Their equations need torch, their names do not."""
    from rnncheck.faults.variants.names import check

    check(slug)


def is_users_own(name: str) -> bool:
    return name not in BUILT_IN and not name.startswith((FAULT, VARIANT))


def check_mappable(candidate: str) -> None:
    """Raises `UsageError` for a candidate whose weights are not mapped."""
    if not is_users_own(candidate):
        raise UsageError(
            f"--mapping and --save-mapping are for a candidate of your own; {candidate} holds its weights by torch's "
            "names already"
        )


def files_of(*names: str) -> list[Path]:
    """The user's own files among implementations."""
    files = [parse(name).file for name in names if is_users_own(name)]
    return [each for each in files if each is not None]


def load(
    name: str,
    arguments: "Mapping[str, object] | None" = None,
    mapping: Path | None = None,
    read_seconds: float = 10.0,
) -> "Implementation":
    """The implementation of that name; `arguments` are for the constructor of a class of the user's own, and the file
    `mapping` says what its tensors hold; finding out how to read it may take `read_seconds`.

    Raises `UsageError` when there is none, and `CannotRun` for code that cannot be loaded.
    """
    check_name(name)
    if name.startswith(FAULT):
        faulty: Implementation = named(FAULTY)(name.removeprefix(FAULT))
        return faulty
    if name.startswith(VARIANT):
        variant: Implementation = named(VARIANT_LAYER)(name.removeprefix(VARIANT))
        return variant
    if is_users_own(name):
        candidate: Implementation = named(CANDIDATE)(name, arguments, mapping, read_seconds)
        return candidate
    implementation: Implementation = named(BUILT_IN[name])()
    return implementation


def named(place: str) -> Any:
    """The class of "module:Class"."""
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
