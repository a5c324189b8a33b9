"""Which frames of a traceback are the user's code. Does not import torch."""

import linecache
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from rnncheck.text import printable

OURS = str(Path(__file__).parent.parent)
TORCH = find_spec("torch")  # which finds it without importing it
LIBRARIES = (
    *(str(Path(sysconfig.get_path(kind))) for kind in ("stdlib", "platstdlib", "purelib", "platlib", "scripts")),
    *([str(Path(TORCH.origin).parents[1])] if TORCH and TORCH.origin else []),  # the user's site-packages, perhaps
)


def is_own(filename: str, own: Path | None = None) -> bool:
    """Whether a frame of this file is the candidate's: neither ours, nor a library's, nor the interpreter's.

    `own` is the candidate's file, wherever that lies.
    """
    if filename.startswith(("<", OURS)):
        return False
    if own is not None and filename.startswith(str(own.parent)):
        return True
    return not filename.startswith(LIBRARIES)


def shown(filename: str) -> str:
    """The path relative to the working directory, if the file is below it."""
    path = Path(filename)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return printable(str(path), 200)


def source_line(filename: str, line: int) -> str:
    """The source line, on a line of its own; empty if there is none."""
    source = linecache.getline(filename, line).strip()
    return f"\n    {printable(source, 200)}" if source else ""
