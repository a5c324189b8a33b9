"""Files that rnncheck writes, whole or not at all, and TOML that it reads."""

import contextlib
import os
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnncheck.errors import CannotRun, OutputError
from rnncheck.text import printable

ADVICE = "give another path, or make this one writable"
_STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/")


def read_toml(path: str | os.PathLike[str], what: str) -> dict[str, Any]:
    """Raises `CannotRun`, for `what`, where the file cannot be read or is no TOML."""
    name = printable(os.fspath(path), 200)
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise CannotRun(f"cannot read {what} {name}: {error.strerror or error}") from None
    except ValueError as error:
        raise CannotRun(f"{what} {name} is not valid TOML: {printable(str(error), 200)}") from None


def make_folder(path: str | os.PathLike[str]) -> None:
    """Makes the folder of this file, if nothing has its name. Raises `OutputError` if that fails."""
    with _explained(path), contextlib.suppress(FileExistsError):  # no folder, of which `check_writable` says so
        Path(path).parent.mkdir(parents=True, exist_ok=True)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Checks that `write_atomically` will be able to write there, before the work whose result is written.

    Raises `OutputError` when the folder is missing or refuses a new file, or when something that cannot be
    replaced is in the place.
    """
    with _explained(path):
        if not _is_stream(path):
            target = _target(path)
            temporary = _temporary(target)
            temporary.touch(exist_ok=False)
            temporary.unlink()
        elif not os.access(path, os.W_OK):
            raise PermissionError(0, f"it does not accept data; {ADVICE}")


def write_atomically(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Writes `data` (text as UTF-8) to `path`; a reader sees the old file or the new one, never a part.

    A link stays a link, an existing file keeps its permissions. What is no regular file (/dev/null, a pipe) is
    written to as it is. Raises `OutputError` when that fails; the old file is then as it was.
    """
    # A report may contain a path with undecodable bytes. The report must be written nevertheless.
    content = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
    with _explained(path):
        if _is_stream(path):
            with Path(path).open("ab") as stream:  # appending: behind /dev/stdout may be a file with text in it
                stream.write(content)
        else:
            _replace(_target(path), content)


def append(path: str | os.PathLike[str], text: str) -> None:
    """Adds text at the end of a file. Raises `OutputError` when that fails."""
    with _explained(path), Path(path).open("ab") as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))


def _replace(target: Path, content: bytes) -> None:
    temporary = _temporary(target)
    try:
        with temporary.open("xb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        if target.exists():
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
    except BaseException:  # an interrupt too must leave nothing behind
        temporary.unlink(missing_ok=True)
        raise


def _target(path: str | os.PathLike[str]) -> Path:
    """The regular file that `path` leads to, which may not exist yet."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if stat.S_ISDIR(Path(path).stat().st_mode):
            raise IsADirectoryError(0, "it is a directory; add the name of a file, or give another path")
        if not os.access(path, os.W_OK):
            raise PermissionError(0, f"it is write-protected; {ADVICE}")
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        folder = printable(str(target.parent), 200)
        state = (
            "is not a folder; give another path"
            if target.parent.exists()
            else "does not exist; create it first, or give another path"
        )
        raise FileNotFoundError(0, f"its folder, {folder}, {state}")
    return target


def _temporary(target: Path) -> Path:
    # Short, because the target's name may be as long as the file system allows.
    return target.with_name(f".rnncheck-{os.urandom(6).hex()}")


def _is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether the path is written into, not replaced: a device, a pipe, this process's stdout."""
    if os.fspath(path).startswith(_STREAMS):
        return True
    try:
        mode = Path(path).stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextlib.contextmanager
def _explained(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        advice = "" if isinstance(error, OSError) and error.errno == 0 else f"; {ADVICE}"  # 0: one of those above
        name = printable(os.fspath(path), 200) or "''"
        raise OutputError(f"cannot write {name}: {reason}{advice}") from None
