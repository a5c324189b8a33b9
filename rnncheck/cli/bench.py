"""`rnncheck bench`: from its options to times, on the screen and in files."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from rnncheck.cli import write_report
from rnncheck.cli.bench_options import GRID, BenchFormat, BenchOptions
from rnncheck.cli.from_recording import with_model_in_file
from rnncheck.cli.one_check import import_torch
from rnncheck.cli.options import CompareOptions
from rnncheck.cli.plans import arguments_of, lengths_of, plan_of, random_data, refuse_infinite, rows_kept, spec_of
from rnncheck.cli.progress import StatusLine
from rnncheck.cli.repeat import command
from rnncheck.cli.signals import held_back
from rnncheck.cli.streams import stdout_apart
from rnncheck.cli.write_report import Delivery, deliveries, refuse_to_replace
from rnncheck.errors import CannotRun, UsageError
from rnncheck.files import write_atomically
from rnncheck.implementations import check_name, files_of, is_trace
from rnncheck.text import printable
from rnncheck.timings import Bench, Size, bench_of

if TYPE_CHECKING:
    from rnncheck.bench.measure import Wanted
    from rnncheck.checking.plan import Plan
    from rnncheck.report import Report


def time_both(candidate: str, options: BenchOptions) -> int:
    """Checks, times and reports; returns the exit code."""
    refuse_infinite(options, "seconds", "fail_below")
    said, options = options.cell, with_model_in_file(options, candidate, options.against)
    sizes = list(grid(options))
    places = sorted(deliveries(options, get_args(BenchFormat)[1:]), key=lambda each: each.path is None)  # files first
    arguments = arguments_of(options.arg)
    for name in (candidate, options.against):
        check_name(name)
        if is_trace(name):
            raise UsageError(f"{printable(name, 200)} is a recorded run, which takes no time; name the layer itself")
    before = older(options.baseline)
    sources = (options.mapping, options.baseline, *files_of(candidate, options.against))
    refuse_to_replace([each.path for each in places], sources)
    options_at = {size: at(size, options) for size in sizes}
    specs = {size: spec_of(each, size.input_size) for size, each in options_at.items()}
    import_torch()
    with held_back():
        from rnncheck.bench.measure import Wanted, bench

    with stdout_apart(), StatusLine(sys.stderr) as progress:
        plans: dict[Size, Plan] = {}
        sides: Any = (candidate, options.against)
        for size, each in options_at.items():
            plan = plan_of(
                sides, specs[size], random_data(each, lengths_of(each)), each, arguments, rows_kept(each), said=said
            )
            plans[size], arguments, sides = plan, {}, (plan.candidate, plan.reference)
        wanted = Wanted(options.seconds, options.threads, bool(options.backward), options.compile)
        if before is not None:
            refuse_another(before, plans, wanted, printable(str(options.baseline), 200))
        found = bench(plans, wanted, progress)
    if not isinstance(found, Bench):
        return refused(found, candidate, options, places)
    named = [] if candidate == "scratch" else [candidate]
    found = replace(found, command=command("bench", named, options), fail_below=options.fail_below)
    if before is not None:
        found = since(found, before)
    for place in places:
        write(found, place, verbose=options.verbose)
    if options.quiet:
        from rnncheck.reporters.bench.words import sentences

        sys.stdout.write(printable("; ".join(sentences(found)), 2000) + "\n")
    return found.exit_code


def refused(report: "Report", candidate: str, options: BenchOptions, places: Sequence[Delivery]) -> int:
    """The check's own report in place of times. A CSV file has its header alone."""
    for each in places:
        if each.format == "csv":
            write(Bench(candidate, options.against, {}, options.threads, []), each, verbose=False)
        else:
            write_report.write(report, each, options)
    if options.quiet:
        from rnncheck.reporters.verdict import verdict_line

        sys.stdout.write(verdict_line(report) + "\n")
    sys.stderr.write(f"{printable(candidate, 200)} was not timed, because the verdict is {report.verdict}\n")
    return report.exit_code


def grid(options: BenchOptions) -> Iterator[Size]:
    """Every combination of the sizes, the smallest first."""
    lists = {name: numbers(name, str(getattr(options, name))) for name in GRID}
    for hidden_size, input_size, seq_len, batch_size in product(
        lists["hidden_size"], lists["input_size"], lists["seq_len"], lists["batch_size"]
    ):
        yield Size(seq_len, batch_size, input_size, hidden_size)


def numbers(name: str, text: str) -> list[int]:
    """`64,256` as numbers, none twice. Raises `UsageError` for anything else."""
    parts = [each.strip() for each in text.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,9}", each) and int(each) > 0 for each in parts):
        option = f"--{name.replace('_', '-')}"
        raise UsageError(f"{option} is {printable(text, 60)}; it must be whole numbers from 1, as in {option} 64,256")
    return list(dict.fromkeys(map(int, parts)))


def at(size: Size, options: BenchOptions) -> CompareOptions:
    """The options of a check at this size."""
    shared = {each.name: getattr(options, each.name) for each in fields(CompareOptions)}
    return CompareOptions(
        **shared
        | {name: getattr(size, name) for name in GRID}
        | {"format": "table", "compile": False, "backward": None}
    )


def older(path: Path | None) -> Bench | None:
    """The benchmark in a file. Raises `CannotRun` for a file that has none."""
    if path is None:
        return None
    shown = printable(str(path), 200)
    try:
        return bench_of(json.loads(path.read_text(encoding="utf-8")), shown)
    except OSError as problem:
        raise CannotRun(f"cannot read {shown}: {problem.strerror}") from None
    except ValueError:
        raise CannotRun(f"{shown} is not JSON; write a baseline with --report json=FILE") from None


def refuse_another(before: Bench, plans: Mapping[Size, "Plan"], wanted: "Wanted", source: str) -> None:
    """Raises `CannotRun` if the older benchmark is of another layer, or of none of these sizes."""
    from rnncheck.bench.measure import facts_of, names_of

    plan = next(iter(plans.values()))
    facts, (_, reference) = facts_of(plan), names_of(plan)
    said = [
        f"{name} {before.model.get(name)}, not {value}"
        for name, value in facts.items()
        if name not in before.model or before.model[name] != value
    ]
    said += [f"reference {before.reference}"] * (before.reference != reference)
    said += [f"{before.threads} threads"] * (before.threads != wanted.threads)
    if said:
        raise CannotRun(f"{source} is of another benchmark ({printable('; '.join(said), 300)}); measure it again")
    if not any(row.size in plans for row in before.rows):
        raise CannotRun(f"{source} has none of these sizes; measure it again with the same sizes")


def since(found: Bench, before: Bench) -> Bench:
    """With the change of every row that the older one has too."""
    old = {row.key: row.speed for row in before.rows}
    rows = [replace(row, change=row.speed.over(old[row.key])) if row.key in old else row for row in found.rows]
    return replace(found, rows=rows)


def write(found: Bench, to: Delivery, *, verbose: bool) -> None:
    if to.format == "table":
        from rnncheck.reporters.terminal import render_bench

        text = render_bench(found, sys.stdout if to.path is None else None, verbose=verbose)
    else:
        from rnncheck.reporters.bench import reporter

        text = reporter(to.format).render(found)
    if to.path is None:
        sys.stdout.write(text)
    else:
        write_atomically(to.path, text)
