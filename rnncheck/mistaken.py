"""What a file is that a user gave in the place of another, and what to do with it.

The first bytes decide, or the members of a zip archive; the suffix only where these do not tell.
"""

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Literal

from rnncheck.kinds import KINDS, Kind
from rnncheck.text import printable

Role = Literal["data", "weights", "candidate"]

START = 4096  # bytes that are enough to know a file by
_INSTEAD = {
    "data": "rnncheck run reads CSV, .npy, Parquet and Arrow",
    "weights": "--weights takes safetensors, a state_dict that torch.save wrote, or a file of Keras",
    "candidate": "a candidate is a class or function, as file.py:MyLSTM, or a model.onnx",
}


def refusal(
    name: str, role: Role, start: bytes, handle: BinaryIO | None = None, *, by_suffix: bool = True
) -> str | None:
    """That the file is of another kind, and what to do, as "FILE is ...; ..."; None where it may be of the right one.

    `start` are its first bytes, and `handle` reads it from any place, if it is on a disk. Without `by_suffix`, only a
    content counts that its suffix does not say.
    """
    kind, seems = known(start, handle), "is"
    if kind is not None and not by_suffix and Path(name).suffix.lower() in kind.suffixes:
        return None
    if kind is None and by_suffix:
        kind = _named(name)
        seems = "is by its name" if kind is not None and (kind.magic or kind.member or kind.text) else "is"
        if kind is not None and role == "data" and kind.of_bytes and is_text(start):
            return None  # a table, whatever it is called
    way_out = None if kind is None else getattr(kind, role)
    if kind is not None and role == "candidate" and way_out is None and Path(name).suffix not in kind.suffixes:
        way_out = f"rename it to end in {kind.suffixes[0]}"
    if kind is None or way_out is None:
        return None
    shown = printable(name, 200)
    return f"{shown} {seems} {kind.what}; {(way_out or _INSTEAD[role]).replace('{}', shown)}"


def refusal_of(path: Path, role: Role, *, by_suffix: bool = True) -> str | None:
    """The same of a file on a disk; None where it cannot be read either."""
    try:
        with path.open("rb") as handle:
            return refusal(str(path), role, handle.read(START), handle, by_suffix=by_suffix)
    except (OSError, ValueError):
        return None


def misnamed(name: str, start: bytes, handle: BinaryIO) -> str | None:
    """What a file of data is whose suffix says something else, and what to do; None where that is not known."""
    if start and known(start, handle) is None and is_text(start):
        return f"{printable(name, 200)} is text; rename it to end in .csv"
    return refusal(name, "data", start, handle, by_suffix=False)


def known(start: bytes, handle: BinaryIO | None = None) -> Kind | None:
    """The kind of a file by its content; None for text and for what has no sign of its kind."""
    members = _members(start, handle)
    text = start.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    for kind in KINDS:
        if any(re.match(magic, start[kind.offset :], re.DOTALL) and not _is_word(magic, start) for magic in kind.magic):
            return kind
        if kind.member and any(re.search(kind.member, each) for each in members):
            return kind
        if kind.text and re.match(kind.text, text, re.IGNORECASE | re.DOTALL):
            return kind
    return None


def is_text(start: bytes) -> bool:
    """Whether the first bytes of a file are UTF-8 without NUL."""
    try:
        start.decode()
    except UnicodeDecodeError as problem:
        return problem.end == len(start) >= START  # cut in a character
    return b"\0" not in start


def _named(name: str) -> Kind | None:
    suffix = Path(name).suffix.lower()
    return next((kind for kind in KINDS if suffix in kind.suffixes), None)


def _is_word(magic: bytes, start: bytes) -> bool:
    """Whether the sign of a kind is only how a text begins, such as a table with a column ORC."""
    return magic.isalnum() and is_text(start)


def _members(start: bytes, handle: BinaryIO | None) -> Sequence[str]:
    """The names in a zip archive; of one that is no whole file, those in its first bytes."""
    if not start.startswith(b"PK\x03\x04"):
        return []
    try:
        if handle is not None:
            return zipfile.ZipFile(handle).namelist()
    except Exception:  # of a damaged archive
        pass
    names = re.findall(rb"PK\x03\x04.{22}(.{2}).{2}([^\0]+)", start, re.DOTALL)
    return [name[: int.from_bytes(size, "little")].decode("utf-8", "replace") for size, name in names]
