"""Imports the file or module of a target and picks the object that it names."""

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn
from torch.autograd import Function

from rnncheck.errors import CannotRun
from rnncheck.implementations.keras_backend import chosen as chosen_backend
from rnncheck.implementations.target import Target, parse
from rnncheck.text import nearest, printable
from rnncheck.user_code import keras_variables
from rnncheck.user_code.blame import blaming
from rnncheck.user_code.import_path import ImportPath, names_in
from rnncheck.user_code.isolation import isolated
from rnncheck.user_code.jax_code import framework, uncompiled
from rnncheck.user_code.typed import Word

RECURRENT = ("rnn", "lstm", "gru", "recurrent", "elman")


@dataclass(frozen=True)
class Loaded:
    """A class, a function or an instance, the module that holds it, and where it is written."""

    thing: object
    called: str
    module: ModuleType
    file: Path | None
    location: str
    import_path: ImportPath
    dotted: str = ""  # the name of its file in the outermost package

    @property
    def lives(self) -> bool:
        """Whether it is an instance with weights of its own, not a class or function."""
        function = self.thing.func if isinstance(self.thing, partial) else self.thing
        return not isinstance(function, type) and not inspect.isroutine(function) and framework(function) != "linen"


def load(target: Target) -> Loaded:
    """Imports the target. Raises `CannotRun` if it does not exist or cannot be imported."""
    if target.file is None:
        return imported(target, ImportPath(), "")
    file = target.file.resolve()
    depth, also = packages_of(file), list[Path]()
    while True:
        try:
            return imported(target, *import_path_of(file, depth, also))
        except CannotRun as problem:  # it may be written to be run from a folder above
            if NO_PARENT.search(str(problem.__cause__)) and depth + 1 < len(file.parents) - 1:
                depth += 1
                continue
            above, inside = holder(problem.__cause__, file)
            if above is None or above in also or depth >= inside > 0:
                raise
            depth = max(depth, inside)
            also += [above] if not inside else []


def imported(target: Target, path: ImportPath, dotted: str) -> Loaded:
    with path.entered():
        with isolated(), chosen_backend(), blaming(f"{target.name} cannot be imported", target.file):
            if target.file is None:
                module = from_name(target)
            elif "." in dotted:
                module = in_package(path, dotted, target)
            else:
                module = path.import_file(target.file.resolve(), target.attribute)
        called, thing = named(module, target)
        file = target.file or (Path(module.__file__) if module.__file__ else None)
        return Loaded(thing, called, module, file, location(thing, target.file or target.module), path, dotted)


def in_package(path: ImportPath, dotted: str, target: Target) -> ModuleType:
    """A file as a module of its package, or by itself if other files of the package cannot be imported."""
    assert target.file is not None
    try:
        return path.import_package(dotted)
    except Exception:
        with suppress(Exception):  # one that needs its package fails again, and then the first error counts
            return path.import_file(target.file.resolve(), target.attribute)
        raise


def named(module: ModuleType, target: Target) -> tuple[str, object]:
    """The object that the target names, and its name in the module."""
    called = target.attribute or chosen(module, target)
    thing: object = module
    for part in called.split("."):
        if not hasattr(thing, part):
            raise CannotRun(missing(thing, part, module, target))
        thing = getattr(thing, part)
    thing = applied(uncompiled(thing))
    if not callable(thing):
        raise CannotRun(
            f"{target.name} is {kind(thing)}, not a layer; name a class, a function or an instance of a layer"
            f"{offered(module)}"
        )
    return called, thing


def applied(thing: object) -> object:
    """A torch.autograd.Function as the function that applies it; any other thing as it is."""
    if not (isinstance(thing, type) and issubclass(thing, Function)):
        return thing
    with_context = thing.setup_context is Function.setup_context
    parameters = list(inspect.signature(thing.forward).parameters.values())[1 if with_context else 0 :]
    signature = inspect.Signature(parameters)

    @wraps(thing.forward)
    def apply(*arguments: Any, **named: Any) -> Any:
        bound = signature.bind(*arguments, **named)
        bound.apply_defaults()
        return thing.apply(*bound.args)  # type: ignore[no-untyped-call]

    apply.__signature__ = signature  # type: ignore[attr-defined]
    return apply


def in_hand(thing: object) -> Loaded:
    """Wraps an object. Raises `CannotRun` if it is not a layer."""
    thing = applied(uncompiled(thing))
    if not callable(thing) and not hasattr(thing, "forward"):
        raise CannotRun(f"{kind(thing)} is not a layer; give a class, a function or an instance of a layer")
    code = written(thing)
    module = inspect.getmodule(code) or ModuleType(str(getattr(code, "__module__", "__main__")))
    file = getattr(module, "__file__", None)
    return Loaded(
        thing,
        code.__name__,
        module,
        Path(file) if file else None,
        location(thing, file or module.__name__),
        ImportPath(),
    )


NO_PARENT = re.compile("relative import (with no known parent|beyond top-level) package")
NEAR = 4  # folders above a file's own in which a module is looked for


def packages_of(file: Path) -> int:
    """How many of the folders that it lies in are packages."""
    return next(depth for depth, folder in enumerate(file.parents) if not (folder / "__init__.py").is_file())


def import_path_of(file: Path, depth: int, also: Sequence[Path] = ()) -> tuple[ImportPath, str]:
    """The import path of a file inside so many packages, and its dotted name in the outermost one.

    Its own folder comes first; without it, if something in it has the name of that package.
    """
    root, parts = file.parents[depth], [each.name for each in reversed(file.parents[:depth])]
    clash = bool(parts) and parts[0] in names_in(file.parent)
    folders = [root] if clash else [file.parent, root]
    return ImportPath(*folders, *also, package=parts[0] if parts else None), ".".join([*parts, file.stem])


def holder(problem: BaseException | None, file: Path) -> tuple[Path | None, int]:
    """The nearest folder above the file with the module that was not found, and inside how many packages the file lies
    there, if it is in that module.
    """
    if not isinstance(problem, ModuleNotFoundError) or not problem.name:
        return None, 0
    top, _, part = problem.name.partition(".")
    for depth, folder in enumerate(file.parents[: min(NEAR, len(file.parents) - 1)]):
        if (folder / top).is_dir() or (not part and (folder / f"{top}.py").is_file()):
            return folder, depth if depth and file.parents[depth - 1] == folder / top else 0
    return None, 0


def from_name(target: Target) -> ModuleType:
    """A module by its dotted name, from the working directory or from the installed packages."""
    assert target.module is not None
    sys.path.insert(0, str(Path.cwd()))  # off which `isolated` takes it again
    importlib.invalidate_caches()
    try:
        return importlib.import_module(target.module)
    except ModuleNotFoundError as problem:
        if problem.name and (target.module == problem.name or target.module.startswith(f"{problem.name}.")):
            raise CannotRun(
                f"there is no module {problem.name}; a candidate is file.py:Class or package.module:Class"
            ) from None
        raise


def own_things(module: ModuleType) -> dict[str, object]:
    """The public classes and functions that the module itself defines, and its layers."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and callable(value)
        and (getattr(value, "__module__", None) == module.__name__ or isinstance(value, nn.Module))
    }


def chosen(module: ModuleType, target: Target) -> str:
    """The only layer of a module, for a target without an attribute."""
    things = own_things(module)
    layers = [name for name, value in things.items() if is_layer(value)]
    named = list(filter(sounds_recurrent, layers or things))
    for plausible in (layers, named, list(things)):
        if len(plausible) == 1:
            return plausible[0]
    if not things:
        raise CannotRun(f"{target.name} defines no class or function")
    first = next(iter(things))
    names = printable(", ".join(things), 400)
    raise CannotRun(f"{target.name} defines {names}; name one of them, as in {target.name}:{first}")


def meant(arguments: Mapping[str, object], loaded: Loaded) -> dict[str, object]:
    """With a class or a function for every word that names one: `file.py:Class`, or one of the candidate's own module,
    unless the parameter is text by default. Raises `CannotRun` for a file, or what is not there in it.
    """
    try:
        parameters: Mapping[str, inspect.Parameter] = inspect.signature(loaded.thing).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):
        parameters = {}
    found = dict(arguments)
    for name, value in arguments.items():
        if not isinstance(value, Word):
            continue
        parameter = parameters.get(name)
        text = parameter is not None and (isinstance(parameter.default, str) or parameter.annotation in (str, "str"))
        found[name] = str(value) if text else named_thing(value, loaded.module) or str(value)
    return found


def named_thing(word: str, module: ModuleType) -> Callable[..., Any] | None:
    """What a word names in a file, or the class or function that it names in the module, or None."""
    if ".py:" in word:
        in_file: Callable[..., Any] = load(parse(word)).thing  # type: ignore[assignment]
        return in_file
    thing: object = module
    for part in word.split("."):
        thing = getattr(thing, part, None)
    return thing if isinstance(thing, type) or inspect.isroutine(thing) else None


def is_layer(value: object) -> bool:
    module = isinstance(value, nn.Module) or (isinstance(value, type) and issubclass(value, nn.Module))
    return module or keras_variables.is_layer(value) or framework(value) is not None


def sounds_recurrent(name: str) -> bool:
    return any(word in name.lower() for word in RECURRENT)


def missing(thing: object, part: str, module: ModuleType, target: Target) -> str:
    near = nearest(part, list(vars(thing)) if hasattr(thing, "__dict__") else [])
    place = target.file or target.module
    hint = f"; did you mean {near[0]}?" if near else offered(module)
    return f"{printable(str(place), 200)} has no {printable(part, 100)}{hint}"


def offered(module: ModuleType) -> str:
    names = list(own_things(module))
    return f"; there are {printable(', '.join(names), 300)}" if names else ""


def kind(thing: object) -> str:
    if isinstance(thing, ModuleType):
        return "a module"
    return f"{type(thing).__name__} {printable(repr(thing), 60)}"


def location(thing: object, place: object) -> str:
    """file:line of the class or function, or the place from which it was loaded."""
    code = written(thing)
    try:
        file, (_, line) = inspect.getsourcefile(code), inspect.getsourcelines(code)
    except (TypeError, OSError):
        return str(place)
    path = Path(file or "")
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f"{path}:{line}"


def written(thing: object) -> Any:
    """The class or function that contains the code."""
    thing = thing.func if isinstance(thing, partial) else thing
    found = inspect.unwrap(thing) if inspect.isroutine(thing) else thing
    return found if isinstance(found, type) or inspect.isroutine(found) else type(found)
