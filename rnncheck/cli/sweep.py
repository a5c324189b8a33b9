"""`rnncheck sweep`: from its options to its report."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from rnncheck.cli.one_check import import_torch
from rnncheck.cli.options import CompareOptions
from rnncheck.cli.plans import arguments_of, refuse_infinite
from rnncheck.cli.progress import StatusLine
from rnncheck.cli.repeat import repeat
from rnncheck.cli.signals import held_back
from rnncheck.cli.streams import say, stdout_apart
from rnncheck.cli.sweep_options import SweepOptions
from rnncheck.cli.write_report import deliveries, failures_reported, refuse_to_replace, sources_of, write
from rnncheck.errors import UsageError
from rnncheck.extras import needed
from rnncheck.implementations import check_mappable, check_name, suffix_of
from rnncheck.sweep.space import space_of
from rnncheck.text import printable

if TYPE_CHECKING:
    from rnncheck.sweep.sweep import SweepProgress
    from rnncheck.sweep_report import SweepReport

USUAL_SECONDS = 60.0
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


def sweep_candidate(candidate: str, options: SweepOptions) -> int:
    """Runs the sweep, writes its report to every place, and returns the exit code."""
    with failures_reported(candidate, options):
        report = swept(candidate, options)
    for each in sorted(deliveries(options), key=lambda each: each.path is None):  # files first: stdout may be closed
        write(report, each, options)
    if options.quiet:
        from rnncheck.reporters.sweep import verdict_line

        sys.stdout.write(verdict_line(report) + "\n")
    return report.exit_code


def swept(candidate: str, options: SweepOptions) -> "SweepReport":
    """The report, with commands. All that can be refused without torch is refused first."""
    refuse_infinite(options, "read_seconds")
    space = space_of(options.vary or [], options.fix or [])
    seconds = seconds_of(options.budget)
    if seconds is None and options.configs is None:
        seconds = None if not space.endless and not options.budget else USUAL_SECONDS
    arguments = arguments_of(options.arg)
    wanted = deliveries(options)
    for name in (candidate, options.against):
        if suffix_of(name):
            raise UsageError(f"{printable(name, 200)} holds a layer of one size; compare checks it")
        check_name(name)
    if options.mapping:
        check_mappable(candidate, options.mapping)
    refuse_to_replace([*(each.path for each in wanted), options.state], sources_of(candidate, options))
    if options.dask is not None:
        needed("--dask", "dask", "distributed")
    import_torch()
    with held_back():
        from rnncheck.sweep.sides import Sides
        from rnncheck.sweep.sweep import SweepPlan, sweep

    sides = Sides(candidate, options.against, arguments, options.mapping, options.read_seconds)
    plan = SweepPlan(
        sides,
        space,
        options.seed,
        options.configs,
        seconds,
        options.state,
        options.workers or (os.cpu_count() or 1 if options.dask else 1),
        options.dask,
        options.diagnose,
    )
    with stdout_apart(), SweepLine(sys.stderr) as line:
        report = sweep(plan, line.told, say)
    regions = [replace(each, command=command(candidate, options, each.smallest)) for each in report.regions]
    return replace(report, regions=regions, command=repeat(candidate, options))


def seconds_of(budget: str | None) -> float | None:
    """The seconds of `60s`, `10m` or `2h`."""
    if budget is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", budget.strip())
    if not found or not float(found[1]):
        raise UsageError(f"--budget is {printable(budget, 60)}; it must be a time, such as 60s, 10m or 2h")
    return float(found[1]) * UNITS[found[2]]


def command(candidate: str, options: SweepOptions, smallest: Mapping[str, object]) -> str:
    """The command that compares one configuration."""
    shared = {each.name: getattr(options, each.name) for each in fields(CompareOptions)}
    defaults = CompareOptions()
    told = {name: getattr(defaults, name) if value is None else value for name, value in smallest.items()}
    return repeat(candidate, CompareOptions(**{**shared, **told}))


class SweepLine(StatusLine):
    """How many configurations were compared, how fast, what was found, and how much time is left."""

    def told(self, progress: "SweepProgress") -> None:
        if self._is_due():
            self._show(in_words(progress))


def in_words(progress: "SweepProgress") -> str:
    said = [f"{progress.drawn:,} configurations", f"{progress.rate:,.0f} a second"]
    causes = f"{progress.causes:,} found" if progress.causes else "none found"
    said.append(f"{causes}, {progress.suspects:,} suspect" if progress.suspects else causes)
    if progress.left is not None:
        said.append(f"{progress.left:,.0f} s left")
    return ", ".join(said + ([progress.doing] if progress.doing else []))
