"""`rnncheck adapt`: writes a wrapper for a layer that rnncheck cannot read, to stdout or to a file."""

import sys
from pathlib import Path

from rnncheck.cli.one_check import import_torch
from rnncheck.cli.plans import arguments_of
from rnncheck.cli.signals import held_back
from rnncheck.cli.streams import stdout_apart
from rnncheck.cli.write_report import refuse_existing, refuse_to_replace
from rnncheck.errors import UsageError
from rnncheck.files import write_atomically
from rnncheck.implementations import check_name, files_of, is_users_own
from rnncheck.model.spec import Cell


def write(name: str, cell: Cell | None, arg: "list[str] | None", output: Path | None, *, force: bool) -> None:
    """Raises `UsageError` for a layer that needs no wrapper, and `OutputError` for an existing file."""
    check_name(name)
    if not is_users_own(name):
        raise UsageError(f"{name} can be compared as it is; adapt is for a class or function of your own")
    arguments = arguments_of(arg)
    if output is not None:
        refuse_to_replace([output], files_of(name))
        refuse_existing(output, force=force)
    import_torch()
    with stdout_apart():
        with held_back():
            from rnncheck.adapt import adapt
        text = adapt(name, cell, arguments, output)
    if output is None:
        sys.stdout.write(text)
    else:
        write_atomically(output, text)
