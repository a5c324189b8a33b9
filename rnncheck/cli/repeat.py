"""The command that repeats a check, with every option that differs from its default."""

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any, get_args

from rnncheck.cli.options import DEFAULT_CANDIDATE, REPORT, CheckOptions
from rnncheck.cli.sweep_options import SweepOptions

WRITTEN = ("save_weights", "save_mapping")  # what a check writes beside its report


def repeat(candidate: str, options: CheckOptions, reads: str | None = None) -> str:
    """The command of a check of that candidate, on the data file `reads` if there is one."""
    named = [] if candidate == DEFAULT_CANDIDATE else [candidate]
    if reads is not None:
        return command("run", [reads, *named], options)
    return command("sweep" if isinstance(options, SweepOptions) else "compare", named, options)


def command(verb: str, words: Iterable[str], options: CheckOptions) -> str:
    """`rnncheck verb words...` with these options, without those that say how and where the report is written."""
    return " ".join(map(quoted, ["rnncheck", verb, *words, *flags(options)]))


def flags(options: CheckOptions) -> Iterator[str]:
    for each in fields(options):
        option: Any = get_args(each.type)[1]
        value = getattr(options, each.name)
        if option.rich_help_panel == REPORT or each.name in WRITTEN or value == each.default or value is None:
            continue
        name = f"--{each.name.replace('_', '-')}"
        if isinstance(value, bool):
            yield name if value else name.replace("--", "--no-", 1)
        else:
            for one in value if isinstance(value, list) else [value]:
                yield from (name, str(one))


def quoted(word: str) -> str:
    """The word as a shell reads it; one with line ends or control characters as $'...', which bash and zsh read."""
    if word.isprintable():
        return shlex.quote(word)
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\", "'": "\\'"}
    return f"$'{''.join(named.get(each) or (each if each.isprintable() else escaped(each)) for each in word)}'"


def escaped(character: str) -> str:
    """As $'...' has it; a byte of a file name that is no text is a byte there too."""
    if 0xDC80 <= ord(character) <= 0xDCFF:
        return f"\\x{ord(character) - 0xDC00:02x}"
    return f"\\U{ord(character):08x}"
