"""The commands. Nothing here imports torch before the options, the data and the output path are checked."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from rnncheck import __version__
from rnncheck.cli import completion
from rnncheck.cli.bench_options import WITHOUT, BenchOptions
from rnncheck.cli.options import (
    DEFAULT_CANDIDATE,
    OF_A_CHECK,
    CompareOptions,
    DoctorFormat,
    PageFormat,
    RunOptions,
    takes,
)
from rnncheck.cli.sweep_options import NOT_OF_A_SWEEP, SweepOptions
from rnncheck.errors import Interrupted
from rnncheck.model.spec import Cell


class Commands(TyperGroup):
    """Tells an interrupt from an exit."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            raise Interrupted(interrupt) from None


class GroupedCommand(TyperCommand):
    """Lists its options under the panels they were declared with, in the order of declaration."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                fallback = f"{parameter.param_type_name}s".capitalize()
                panel = getattr(parameter, "rich_help_panel", None) or fallback
                groups.setdefault(panel, []).append(record)
        for panel, records in groups.items():
            with formatter.section(panel):
                formatter.write_dl(records)


EXIT_CODES = (
    "Exit codes: 0 equivalent, 1 mismatch, 2 wrong command, 3 a bug in rnncheck, 4 could not run, 5 inconclusive, "
    "6 slower than bench --fail-below allows, 129 hung up, 130 interrupted, 143 terminated, 141 stdout closed early."
)
CANDIDATE = Annotated[
    str,
    typer.Argument(
        help="The implementation to check: your own class as path/to/file.py:Class, notebook.ipynb:Class or "
        "package.module:Class; scratch, torch, numpy or onnxruntime; keras:LSTM, keras:GRU or keras:SimpleRNN; "
        "flax:CELL, flax.nnx:CELL or equinox:CELL; "
        "model.onnx; trace.safetensors from record; "
        "exec:COMMAND, a program in any language; variant:SLUG, equations of other papers; "
        "fault:SLUG, a layer that is wrong on purpose.",
        metavar="[CANDIDATE]",
        autocompletion=completion.implementations,
    ),
]
FORCE = Annotated[bool, typer.Option("--force", help="Replace a file that exists.")]

app = typer.Typer(
    cls=Commands,
    help="Check whether two recurrent layers are the same function, and show where they differ.",
    epilog=EXIT_CODES,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def command() -> Any:
    """The command line, ready to be called with arguments."""
    return typer.main.get_command(app)


def print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rnncheck {__version__}")
        raise typer.Exit


@app.callback()
def rnncheck(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command(cls=GroupedCommand, epilog=EXIT_CODES)
@takes(CompareOptions)
def compare(candidate: CANDIDATE = DEFAULT_CANDIDATE, *, options: CompareOptions) -> int:
    """Compare two implementations on random sequences.

    Both get the same weights and the same data; every hidden state of both is compared.
    """
    from rnncheck.cli.from_recording import with_model_in_file
    from rnncheck.cli.one_check import run_check
    from rnncheck.cli.plans import lengths_of, random_data
    from rnncheck.cli.write_report import deliver, failures_reported

    with failures_reported(candidate, options):
        settled = with_model_in_file(options, candidate, options.against)
        lengths = lengths_of(settled)
        report, sizes = run_check(candidate, lambda each: random_data(each, lengths), settled, options)
    return deliver(report, candidate, replace(options, **sizes))


@app.command(cls=GroupedCommand, epilog=EXIT_CODES)
@takes(RunOptions)
def run(
    data: Annotated[str, typer.Argument(help="A CSV file (.gz, .bz2, .xz too), a .npy file, or - for stdin.")],
    candidate: CANDIDATE = DEFAULT_CANDIDATE,
    *,
    options: RunOptions,
) -> int:
    """Compare two implementations on the sequences of a file.

    Rows are timesteps, columns are features; input_size follows the columns.
    """
    from rnncheck.cli.from_recording import with_model_in_file
    from rnncheck.cli.one_check import run_check
    from rnncheck.cli.plans import file_data
    from rnncheck.cli.write_report import deliver, failures_reported

    with failures_reported(candidate, options, reads=data):
        settled = with_model_in_file(options, candidate, options.against)
        sequences = file_data(data, settled)
        columns = sequences.input_size
        report, sizes = run_check(candidate, lambda _: sequences, settled, options, reads=data, columns=columns)
    return deliver(report, candidate, replace(options, **sizes), reads=data)


@app.command(epilog=EXIT_CODES)
def adapt(
    candidate: Annotated[
        str,
        typer.Argument(
            help="Your class or function: path/to/file.py:Class or package.module:Class.", metavar="FILE:CLASS"
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the wrapper to this file, not to stdout.")
    ] = None,
    force: FORCE = False,
    cell: Annotated[
        Cell | None,
        typer.Option(help="The recurrent cell, if the name of the class does not say it.", case_sensitive=False),
    ] = None,
    arg: Annotated[
        list[str] | None,
        typer.Option("--arg", metavar="NAME=VALUE", help="An argument for its constructor. May be given again."),
    ] = None,
) -> None:
    """Write a wrapper for a layer that cannot be read.

    The wrapper has torch's interface and calls your layer. rnncheck fills in what it can find out and marks the lines
    that you must complete. Then `rnncheck compare` takes the wrapper.
    """
    from rnncheck.cli.adapt import write

    write(candidate, cell, arg, output, force=force)


@app.command(cls=GroupedCommand, epilog=EXIT_CODES)
@takes(CompareOptions, without=OF_A_CHECK)
def record(candidate: CANDIDATE = "scratch", *, force: FORCE = False, options: CompareOptions) -> int:
    """Write one run of an implementation to a file.

    The file is in safetensors format and has all inputs and results: data, weights, states, single steps, gradients,
    versions. Compare others with it later, or on another machine: --against FILE.
    """
    from rnncheck.cli.record import record_to_file

    return record_to_file(candidate, options, force=force)


@app.command(cls=GroupedCommand, epilog=EXIT_CODES)
@takes(BenchOptions, without=WITHOUT)
def bench(candidate: CANDIDATE = DEFAULT_CANDIDATE, *, options: BenchOptions) -> int:
    """Time two equivalent implementations against each other.

    rnncheck checks every size first: what is not equivalent is not timed. Sizes are lists; all combinations are timed.
    """
    from rnncheck.cli.bench import time_both

    return time_both(candidate, options)


@app.command(epilog=EXIT_CODES)
def check(
    names: Annotated[
        list[str] | None, typer.Argument(help="Check only the candidates with these names.", metavar="[NAME]...")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The TOML file. [default: the nearest pyproject.toml]", metavar="FILE")
    ] = None,
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report",
            metavar="FORMAT=FILE",
            help="Write a report of each candidate. % in FILE stands for its name. May be given again.",
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also show the report of each candidate.")] = False,
) -> int:
    """Check every candidate that pyproject.toml names.

    They stand under [tool.rnncheck]. The exit code is that of the worst: a mismatch is worse than a check that could
    not run, and that is worse than an inconclusive one.
    """
    from rnncheck.cli import configured

    return configured.check(command(), names or [], config, report or [], verbose=verbose)


@app.command(cls=GroupedCommand, epilog=EXIT_CODES)
@takes(SweepOptions, without=NOT_OF_A_SWEEP)
def sweep(candidate: CANDIDATE = DEFAULT_CANDIDATE, *, options: SweepOptions) -> int:
    """Look for configurations in which the two sides differ.

    Sizes, options, precisions and data vary at random. Each failure is shrunk to its smallest configuration, with the
    boundary where it begins and the command that repeats it.
    """
    from rnncheck.cli.sweep import sweep_candidate

    return sweep_candidate(candidate, options)


@app.command()
def doctor(
    format: Annotated[DoctorFormat, typer.Option(help="The format of the output.")] = "table",
) -> None:
    """Show versions, devices and precision switches."""
    from rnncheck.cli.one_check import import_torch

    import_torch()
    from rnncheck.machine import facts

    if format == "json":
        from rnncheck.reporters.json_file import dump

        sys.stdout.write(dump(facts()))
    else:
        from rnncheck.reporters.terminal import render_doctor

        sys.stdout.write(render_doctor(facts(), sys.stdout))


@app.command()
def faults(
    slug: Annotated[
        str | None,
        typer.Argument(
            help="The fault to explain. Without it all faults are listed.",
            metavar="[SLUG]",
            autocompletion=completion.faults,
        ),
    ] = None,
    cell: Annotated[
        Cell | None, typer.Option(help="List only faults that this cell can have.", case_sensitive=False)
    ] = None,
    format: Annotated[PageFormat, typer.Option(help="The format of the output.")] = "table",
) -> None:
    """List the known faults of recurrent layers, or explain one."""
    from rnncheck.cli.faults import tell

    tell(slug, cell, format)
