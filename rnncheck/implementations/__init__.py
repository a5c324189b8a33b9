"""The implementations that can be named on the command line, each imported on first use."""

import re
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncheck.errors import UsageError
from rnncheck.files import read_toml
from rnncheck.implementations import jax_names
from rnncheck.implementations.target import names_a_file_or_module, parse
from rnncheck.text import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rnncheck.implementations.protocol import Implementation
    from rnncheck.model.spec import Spec

BUILT_IN = {
    "scratch": "rnncheck.implementations.scratch_layer:Scratch",
    "torch": "rnncheck.implementations.torch_nn:TorchNN",
    "numpy": "rnncheck.implementations.numpy_loop:NumpyLoop",
    "onnxruntime": "rnncheck.implementations.onnx_runtime:OnnxRuntime",
}
CANDIDATE = "rnncheck.user_code.adapter:Candidate"

# Before what it names: a layer that commits a fault, one with equations of its own, a program in any language, a layer
# of another framework.
FAULT, VARIANT, EXEC, KERAS = "fault:", "variant:", "exec:", "keras:"
PREFIXED = {
    FAULT: "rnncheck.implementations.fault:Faulty",
    VARIANT: "rnncheck.implementations.variant:VariantLayer",
    EXEC: "rnncheck.implementations.exec_command:Command",
    KERAS: "rnncheck.implementations.keras_layers:KerasLayers",
    jax_names.LINEN: "rnncheck.implementations.jax_cells:linen",
    jax_names.NNX: "rnncheck.implementations.jax_cells:nnx",
    jax_names.EQUINOX: "rnncheck.implementations.jax_cells:equinox",
}
WITH_ARGUMENTS = (KERAS,)  # of the constructor, which the user can set
# Behind the name of a file: a recorded run, a model (and then, behind a colon, a node in it).
TRACE, ONNX = ".safetensors", ".onnx"
FILES = {
    TRACE: "rnncheck.implementations.recorded:Recorded",
    ONNX: "rnncheck.implementations.onnx_model:OnnxModel",
}
ON_DEVICE = "rnncheck.implementations.on_device:on_device"
DEVICE = re.compile(r"(?P<name>.+)@(?P<device>cpu|mps|cuda(?::\d+)?)")


def split_device(name: str) -> tuple[str, str | None]:
    """The name without `@DEVICE` behind it, and the device; None if there is none, or a program's own arguments."""
    found = None if name.startswith(EXEC) else DEVICE.fullmatch(name)
    return (found["name"], found["device"]) if found else (name, None)


def prefix_of(name: str) -> str | None:
    return next((each for each in PREFIXED if name.startswith(each)), None)


def suffix_of(name: str) -> str | None:
    """The suffix of a file that holds an implementation as data, or None."""
    if prefix_of(name):
        return None
    return next((each for each in FILES if name.endswith(each) or f"{each}:" in name), None)


def check_name(name: str) -> None:
    """Raises `UsageError` or `CannotRun` for a name that cannot be an implementation, without importing any."""
    name, _ = split_device(name)
    if name in BUILT_IN:
        return
    if prefix := prefix_of(name):
        checks = {FAULT: check_fault, VARIANT: check_variant, EXEC: check_command, KERAS: check_keras}
        checks |= {each: partial(jax_names.check, each) for each in jax_names.CELLS}
        checks[prefix](name.removeprefix(prefix))
        return
    if suffix_of(name):
        spec_in_file(name)
        return
    if names_a_file_or_module(name):
        parse(name)
        return
    near = nearest(name, BUILT_IN)
    hint = f"; did you mean {near[0]}?" if near else ""
    words = {FAULT: "SLUG", VARIANT: "SLUG", EXEC: "COMMAND", KERAS: "CLASS"} | dict.fromkeys(jax_names.CELLS, "CELL")
    prefixed = ", ".join(f"{each}{what}" for each, what in words.items())
    raise UsageError(
        f"no implementation is called {name!r}; there are {', '.join(BUILT_IN)}, {prefixed}, trace{TRACE}, "
        f"model{ONNX}, and your own as file.py:Class or package.module:Class{hint}"
    )


def check_fault(fault: str) -> None:
    """Checks the slug; which variants exist depends on the layer and is checked later."""
    from rnncheck.faults.pages import page

    told = page(fault.partition(":")[0])
    if not told.plantable:
        raise UsageError(f"{told.slug} cannot be planted; 'rnncheck faults {told.slug}' explains it")


def check_variant(slug: str) -> None:
    """Raises `UsageError` for an unknown variant. The equations need torch, the names do not."""
    from rnncheck.faults.variant_names import check_slug

    check_slug(slug)


def check_command(command: str) -> None:
    from rnncheck.implementations.command_line import words_of

    words_of(command)


def check_keras(called: str) -> None:
    from rnncheck.implementations.keras_backend import check

    check(called)


def spec_in_file(name: str) -> "Spec | None":
    """The layer that a file which is named as an implementation says it is; None for any other name.

    Raises `CannotRun` where it cannot be read.
    """
    name, _ = split_device(name)
    suffix = suffix_of(name)
    if suffix is None:
        return None
    if suffix == TRACE:
        from rnncheck.model.trace_metadata import read_metadata, spec_in
        from rnncheck.text import printable

        return spec_in(read_metadata(name), printable(name, 200))
    spec: Spec = named(FILES[suffix])(name).spec
    return spec


def is_users_own(name: str) -> bool:
    """Whether this is the user's Python code, which is read and mapped."""
    name, _ = split_device(name)
    return not (name in BUILT_IN or prefix_of(name) or suffix_of(name))


def takes_arguments(name: str) -> bool:
    """Whether this is constructed with arguments that the user can set."""
    return is_users_own(name) or prefix_of(split_device(name)[0]) in WITH_ARGUMENTS


def is_trace(name: str) -> bool:
    return suffix_of(name) == TRACE


def check_mappable(candidate: str, mapping: Path | None = None) -> None:
    """Raises `UsageError` for a candidate whose weights are not mapped, and `CannotRun` for a file that is no TOML."""
    if not is_users_own(candidate):
        raise UsageError(
            f"--mapping and --save-mapping are for your own class; {candidate} already names its weights as torch does"
        )
    if mapping is not None:
        read_toml(mapping, "the mapping")


def files_of(*names: str) -> list[Path]:
    """The user's files among these implementations."""
    found = []
    for name in (split_device(each)[0] for each in names):
        if is_users_own(name):
            found.append(parse(name).file)
        elif suffix := suffix_of(name):
            found.append(Path(name.partition(f"{suffix}:")[0] + suffix if f"{suffix}:" in name else name))
    return [each for each in found if each is not None]


def load(
    name: str,
    arguments: "Mapping[str, object] | None" = None,
    mapping: Path | None = None,
    read_seconds: float = 10.0,
    timeout: float | None = None,
) -> "Implementation":
    """The implementation of that name; `arguments` are for the constructor of a class of the user's own or of a
    framework, and the file `mapping` says what its tensors hold; finding out how to read it may take `read_seconds`.
    A command is stopped after `timeout` seconds, if that is not None.

    Raises `UsageError` when there is none, and `CannotRun` for code that cannot be loaded.
    """
    check_name(name)
    place, device = split_device(name)
    implementation: Implementation
    if prefix := prefix_of(place):
        more: dict[str, object] = {"timeout": timeout} if prefix == EXEC and timeout is not None else {}
        more |= {"arguments": arguments} if prefix in WITH_ARGUMENTS else {}
        implementation = named(PREFIXED[prefix])(place.removeprefix(prefix), **more)
    elif suffix := suffix_of(place):
        implementation = named(FILES[suffix])(place)
    elif is_users_own(place):
        implementation = named(CANDIDATE)(place, arguments, mapping, read_seconds)
    else:
        implementation = named(BUILT_IN[place])()
    if device is None:
        return implementation
    placed: Implementation = named(ON_DEVICE)(implementation, device)
    return placed


def named(place: str) -> Any:
    """The class or function of "module:Name"."""
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
