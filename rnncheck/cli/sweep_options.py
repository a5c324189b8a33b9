"""The options of `sweep`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from rnncheck.cli.options import SPACE, CompareOptions


@dataclass
class SweepOptions(CompareOptions):
    """What only `sweep` takes: what varies, and how long it looks."""

    vary: Annotated[
        list[str] | None,
        Option(
            "--vary",
            metavar="NAME[=VALUES]",
            help="Vary only this, such as hidden-size=1..300,cell or T=1,2,64. May be given again. [default: "
            "everything that --fix does not fix]",
            rich_help_panel=SPACE,
        ),
    ] = None
    fix: Annotated[
        list[str] | None,
        Option(
            "--fix", metavar="NAME=VALUE", help="Keep this at one value. May be given again.", rich_help_panel=SPACE
        ),
    ] = None
    budget: Annotated[
        str | None,
        Option(
            metavar="TIME",
            help="Stop after this time: 60s, 10m or 2h. [default: 60s, but none with --configs]",
            rich_help_panel=SPACE,
        ),
    ] = None
    configs: Annotated[
        int | None, Option(min=1, metavar="N", help="Stop after N configurations.", rich_help_panel=SPACE)
    ] = None
    state: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="Keep in this file how far the sweep is. The same command then goes on from there.",
            rich_help_panel=SPACE,
        ),
    ] = None
    workers: Annotated[
        int | None,
        Option(
            min=1,
            metavar="N",
            help="Processes, each with one thread; the findings stay the same. [default: 1; with --dask local as many "
            "as there are cores]",
            rich_help_panel=SPACE,
        ),
    ] = None
    dask: Annotated[
        str | None,
        Option(
            metavar="ADDRESS",
            help="Use the workers of this dask scheduler, as in tcp://host:8786; local starts one here.",
            rich_help_panel=SPACE,
        ),
    ] = None


# What `sweep` does without: options of one model and its data, which --vary and --fix say, and of one report.
NOT_OF_A_SWEEP = (
    "cell",
    "nonlinearity",
    "hidden_size",
    "num_layers",
    "bias",
    "bidirectional",
    "proj_size",
    "dropout",
    "batch_first",
    "head",
    "h0",
    "weights",
    "sync",
    "against_weights",
    "save_weights",
    "save_mapping",
    "weight_scale",
    "allow_nonfinite",
    "device",
    "dtype",
    "tf32",
    "atol",
    "rtol",
    "backward",
    "lockstep",
    "paths",
    "compile",
    "autocast",
    "witness",
    "strict",
    "rows",
    "verbose",
    "timeout",
    "input_size",
    "seq_len",
    "batch_size",
    "lengths",
    "init",
)
