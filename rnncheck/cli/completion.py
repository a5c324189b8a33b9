"""Shell completion of implementation names. Nothing is imported or run."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

FILES = (".py", ".ipynb", ".onnx", ".safetensors")


def implementations(incomplete: str) -> list[str]:
    """Names with this prefix: built-in ones, faults and variants, folders, files, and the classes in a Python file.

    Where one Python file matches, its classes are offered at once: bash takes a colon for the end of a word, so that
    nothing can be offered behind it there.
    """
    return [each for each in (*known(incomplete), *paths(incomplete)) if each.startswith(incomplete)]


def known(incomplete: str) -> Iterator[str]:
    """Those that are no files; faults and variants each by itself only where their prefix has been begun."""
    from rnncheck.implementations import BUILT_IN, FAULT, KERAS, VARIANT, jax_names
    from rnncheck.implementations.keras_backend import CLASSES

    yield from BUILT_IN
    yield from (KERAS + each for each in CLASSES)
    yield from jax_names.names()
    for prefix in (FAULT, VARIANT):
        if incomplete and prefix.startswith(incomplete[: len(prefix)]):
            yield from (prefix + slug for slug in slugs(prefix))
        else:
            yield prefix


def slugs(prefix: str) -> Iterator[str]:
    from rnncheck.faults.pages import pages
    from rnncheck.faults.variant_names import slugs as variants
    from rnncheck.implementations import VARIANT

    yield from sorted(variants() if prefix == VARIANT else (page.slug for page in pages().values() if page.plantable))


def faults(incomplete: str) -> list[str]:
    """Slugs of the catalogue with this prefix."""
    from rnncheck.faults.pages import pages

    return [each for each in pages() if each.startswith(incomplete)]


def paths(incomplete: str) -> Iterator[str]:
    """Folders and files with this prefix; hidden ones only after a dot."""
    written, colon, _ = incomplete.partition(":")
    folder, start = os.path.split(written)
    if colon:
        yield from (f"{written}:{name}" for name in classes(Path(written)))
        return
    try:
        there = sorted(Path(folder or ".").iterdir())
    except OSError:
        return
    shown = [each for each in there if each.name.startswith(start) and (start or not each.name.startswith("."))]
    found = [each for each in shown if each.is_dir() or each.suffix in FILES]
    for each in found:
        name = os.path.join(folder, each.name)  # noqa: PTH118 - a Path would drop the ./ that was typed
        if each.is_dir():
            yield f"{name}{os.sep}"
        elif len(found) == 1 and (inside := classes(each)):
            yield from (f"{name}:{one}" for one in inside)
        else:
            yield name


def classes(path: Path) -> list[str]:
    """The public classes of a Python file, or its functions if it has no class; none if it is not valid Python."""
    if path.suffix != ".py":
        return []
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    for kind in (ast.ClassDef, ast.FunctionDef):
        if found := [each.name for each in tree.body if isinstance(each, kind) and not each.name.startswith("_")]:
            return found
    return []
