"""One check from its options to its report."""

import gc
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rnncheck.cli.in_child_process import end_with_parent, limit, require_parent
from rnncheck.cli.options import CheckOptions
from rnncheck.cli.own_sizes import Options, with_own_sizes
from rnncheck.cli.plans import arguments_of, paths_of, plan_of, rows_kept, spec_of, witness_of
from rnncheck.cli.progress import ProgressLine
from rnncheck.cli.signals import held_back
from rnncheck.cli.streams import stdout_apart
from rnncheck.cli.write_report import deliveries, refuse_to_replace, sources_of
from rnncheck.text import printable

if TYPE_CHECKING:
    from rnncheck.data.sequences import Sequences
    from rnncheck.report import Report


def import_torch() -> None:
    """Imports torch with the garbage collector off, which would otherwise scan a million new objects many times."""
    gc.disable()
    with held_back():
        import torch  # noqa: F401
    gc.freeze()
    gc.enable()
    end_with_parent()


def run_check(
    candidate: str,
    data: "Callable[[Options], Sequences]",
    options: Options,
    asked: CheckOptions,
    reads: str | None = None,
    columns: int | None = None,
) -> "tuple[Report, dict[str, Any]]":
    """Runs the check, after all checks that do not need torch, and returns the sizes that it set, too.

    The `options` may have the model of a file, and `asked` are those of the command. `reads` is the data file, and
    `columns` its input size.
    """
    from rnncheck.implementations import check_mappable, check_name

    rows = rows_kept(options)
    spec_of(options, columns)
    witness_of(options), paths_of(options)  # wrong ones are told before torch loads
    wanted = deliveries(options)
    if options.timeout is not None:
        require_parent()
    arguments = arguments_of(options.arg)
    for name in (candidate, options.against):
        check_name(name)
    if options.mapping or options.save_mapping:
        check_mappable(candidate, options.mapping)
    targets = [*(each.path for each in wanted), options.save_weights, options.save_mapping]
    refuse_to_replace(targets, sources_of(candidate, options, reads))
    import_torch()
    if options.timeout is not None:
        limit(options.timeout)
    with held_back():
        from rnncheck.checking.check import check

    with stdout_apart(), ProgressLine(sys.stderr, f"reading {printable(candidate, 60)}") as progress:

        def attempt(sized: Options) -> "Report":
            spec, sides = spec_of(sized, columns), (candidate, sized.against)
            return check(plan_of(sides, spec, data(sized), sized, arguments, rows, said=asked.cell), progress)

        return with_own_sizes(options, attempt, columns)
