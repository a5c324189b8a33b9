"""Parses `path/to/file.py:Class` and `package.module:Class` without importing anything."""

import re
from dataclasses import dataclass
from pathlib import Path

from rnncheck import kinds, mistaken
from rnncheck.errors import CannotRun, UsageError
from rnncheck.text import nearest, printable

DRIVE = re.compile(r"[A-Za-z]:[\\/]")
DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
MOST_LISTED = 8
NO_PYTHON = "is neither a .py file nor a notebook; name a class or function in one, as in file.py:MyLSTM"
SUFFIXES = (".py", ".ipynb")


@dataclass(frozen=True)
class Target:
    """A file or a module, and the attribute in it; None if the user did not name one."""

    name: str  # as it was typed
    file: Path | None
    module: str | None
    attribute: str | None


def names_a_file_or_module(name: str) -> bool:
    """Whether this can only be a file or a module, and not a built-in implementation."""
    return ":" in name or _is_file(name, colon="") or "/" in name or "\\" in name or name.startswith("~")


def parse(name: str) -> Target:
    """Raises `UsageError` for another form of name, and `CannotRun` for a file that does not exist."""
    drive = 2 if DRIVE.match(name) else 0
    place, colon, attribute = _behind_suffix(name[drive:]) or name[drive:].partition(":")
    place = name[:drive] + place
    if colon and not DOTTED.fullmatch(attribute):
        raise UsageError(
            f"{printable(name, 200)}: after the colon write the name of a class or function, as in file.py:MyLSTM"
        )
    if not place:
        raise UsageError(f"{printable(name, 200)}: before the colon write a file or a module, as in file.py:MyLSTM")
    if _is_file(place, colon) or "/" in place or "\\" in place or place.startswith("~") or drive:
        return Target(name, existing(place), None, attribute or None)
    if not DOTTED.fullmatch(place):
        raise UsageError(
            f"{printable(name, 200)}: {printable(place, 100)} is not a .py file, a notebook or the name of a module"
        )
    return Target(name, None, place, attribute or None)


def _is_file(place: str, colon: str) -> bool:
    """Whether this is a file and no module: by its suffix, but before a colon a module may be called data or json."""
    suffix = Path(place).suffix.lower()
    if suffix in SUFFIXES or (suffix in kinds.SUFFIXES and not colon):
        return True
    return bool(suffix) and Path(place).is_file()


def _behind_suffix(name: str) -> tuple[str, str, str] | None:
    """Splits at the last colon after a suffix, because the name of a file may have colons. None without a suffix."""
    for suffix in SUFFIXES:
        place, colon, attribute = name.rpartition(f"{suffix}:")
        if colon:
            return place + suffix, ":", attribute
    return None


def existing(place: str) -> Path:
    """The file. Raises `CannotRun` if it does not exist, with the files that do."""
    try:
        path = Path(place).expanduser()
    except RuntimeError as problem:
        raise CannotRun(f"{printable(place, 200)}: {problem}") from None
    shown = printable(str(path), 200)
    if path.is_dir():
        raise CannotRun(f"{shown} is a directory; name a file in it{_listed(path)}")
    if not path.exists():
        if not path.parent.is_dir():
            raise CannotRun(f"{shown} does not exist, nor does its directory {printable(str(path.parent), 200)}")
        near = nearest(path.name, [each.name for each in path.parent.glob("*.py")])
        hint = f"; did you mean {printable(str(path.parent / near[0]), 200)}?" if near else _listed(path.parent)
        raise CannotRun(f"{shown} does not exist{hint}")
    if path.suffix not in SUFFIXES:
        raise CannotRun(mistaken.refusal_of(path, "candidate") or f"{shown} {NO_PYTHON}")
    return path


def _listed(folder: Path) -> str:
    names = sorted(each.name for each in folder.glob("*.py"))
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return f"; there are {printable(', '.join(names[:MOST_LISTED]), 300)}{more}" if names else ""
