"""Checks the words of `exec:COMMAND` without running it."""

import shlex
import shutil

from rnncheck.errors import CannotRun, UsageError
from rnncheck.text import printable

PREFIX = "exec:"
INPUTS, OUTPUTS = "{inputs}", "{outputs}"


def words_of(command: str) -> list[str]:
    """The program and its arguments, the two files as `{inputs}` and `{outputs}` among them.

    Raises `UsageError` where a file is not mentioned, and `CannotRun` where there is no such program.
    """
    shown = printable(PREFIX + command, 200)
    try:
        words = shlex.split(command)
    except ValueError as problem:
        raise UsageError(f"{shown}: the command cannot be split into words: {problem}") from None
    missing = [each for each in (INPUTS, OUTPUTS) if each not in command]
    if missing or not words:
        raise UsageError(
            f"{shown}: the command lacks {' and '.join(missing) or 'a program'}; "
            f"write it as in '{PREFIX}./my_lstm {INPUTS} {OUTPUTS}'"
        )
    if shutil.which(words[0]) is None:
        program = printable(words[0], 100)
        raise CannotRun(
            f"{shown}: {program} is not a program that can be run here; check its path, or compile it first"
        )
    return words
