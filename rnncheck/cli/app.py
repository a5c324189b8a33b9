"""The commands. Nothing here imports torch before the options, the data and the output path are known to be right."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from rnncheck import __version__
from rnncheck.cli.options import (
    DEFAULT_CANDIDATE,
    OF_A_CHECK,
    CompareOptions,
    DoctorFormat,
    PageFormat,
    RunOptions,
    takes,
)
from rnncheck.model.spec import Cell


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
    "Exit codes: 0 equivalent, 1 mismatch, 2 wrong command, 3 a bug in rnncheck, 4 could not run, "
    "5 inconclusive, 129 hung up, 130 interrupted, 143 terminated, 141 stdout closed early."
)
CANDIDATE = Annotated[
    str,
    typer.Argument(
        help="The implementation under test: scratch, torch, numpy, your own as path/to/file.py:Class or "
        "package.module:Class, exec:COMMAND, a program in any language, a recorded trace.safetensors, or fault:SLUG, "
        "wrong on purpose.",
        metavar="[CANDIDATE]",
    ),
]

app = typer.Typer(
    help="Checks whether two recurrent layers are the same function, and shows where they part.",
    epilog=EXIT_CODES,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
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
    from rnncheck.cli.brought import with_brought
    from rnncheck.cli.conduct import conduct
    from rnncheck.cli.delivery import deliver, failures_reported
    from rnncheck.cli.plans import lengths_of, random_data, spec_of

    with failures_reported(candidate, options):
        brought = with_brought(options, candidate, options.against)
        spec, lengths = spec_of(brought, brought.input_size), lengths_of(brought)
        report = conduct(candidate, spec, lambda: random_data(brought, lengths), brought)
    return deliver(report, candidate, options)


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
    from rnncheck.cli.brought import with_brought
    from rnncheck.cli.conduct import conduct
    from rnncheck.cli.delivery import deliver, failures_reported
    from rnncheck.cli.plans import file_data, spec_of

    with failures_reported(candidate, options, reads=data):
        brought = with_brought(options, candidate, options.against)
        sequences = file_data(data, brought)
        spec = spec_of(brought, sequences.input_size)
        report = conduct(candidate, spec, lambda: sequences, brought, reads=data)
    return deliver(report, candidate, options, reads=data)


@app.command(epilog=EXIT_CODES)
def adapt(
    candidate: Annotated[
        str, typer.Argument(help="path/to/file.py:Class or package.module:Class; a function too.", metavar="FILE:CLASS")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the wrapper there instead of to stdout.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    cell: Annotated[Cell | None, typer.Option(help="Where its name does not say which it is.")] = None,
    arg: Annotated[
        list[str] | None,
        typer.Option("--arg", metavar="NAME=VALUE", help="For its constructor, where names do not say enough."),
    ] = None,
) -> None:
    """Write a wrapper for a layer that cannot be read.

    It has torch's interface outside and the layer inside; what can be found out is filled in, and the lines to complete
    are marked. `rnncheck compare` then takes it.
    """
    from rnncheck.cli.adapt import write

    write(candidate, cell, arg, output, force=force)


@app.command(cls=GroupedCommand, epilog=EXIT_CODES)
@takes(CompareOptions, without=OF_A_CHECK)
def record(candidate: CANDIDATE = "scratch", *, options: CompareOptions) -> int:
    """Write down one run of an implementation, as safetensors, to compare others against later or elsewhere.

    All that it was given and all that it yields: data, weights, states, single steps, gradients, versions.
    """
    from rnncheck.cli.recording import record_to_file

    return record_to_file(candidate, options)


@app.command(epilog=EXIT_CODES)
def check(
    names: Annotated[
        list[str] | None, typer.Argument(help="Only these candidates, by their names.", metavar="[NAME]...")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The TOML file. [default: the nearest pyproject.toml]", metavar="FILE")
    ] = None,
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report",
            metavar="FORMAT=FILE",
            help="Write a report of each candidate; % in FILE is its name. May be given again.",
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the whole report of each, too.")] = False,
) -> int:
    """Check every candidate that [tool.rnncheck] in pyproject.toml names.

    The exit code is that of the worst: a mismatch before a check that could not run, and that before one undecided.
    """
    from rnncheck.cli import configured

    return configured.check(command(), names or [], config, report or [], verbose=verbose)


@app.command()
def doctor(
    format: Annotated[DoctorFormat, typer.Option(help="What is written.")] = "table",
) -> None:
    """Versions, devices and precision switches: what a result depends on."""
    from rnncheck.cli.conduct import import_torch

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
        str | None, typer.Argument(help="The fault to explain; without one all are listed.", metavar="[SLUG]")
    ] = None,
    cell: Annotated[Cell | None, typer.Option(help="Only what can go wrong with this cell.")] = None,
    format: Annotated[PageFormat, typer.Option(help="What is written.")] = "table",
) -> None:
    """Known ways to get a recurrent layer wrong: the catalogue, or one of them explained."""
    from rnncheck.cli.faults import tell

    tell(slug, cell, format)
