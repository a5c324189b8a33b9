"""The options of `sweep`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rnncheck.cli.options import SPACE, CompareOptions


@dataclass
class SweepOptions(CompareOptions):
    """What only `sweep` takes: what varies, and how long it looks."""

    vary: Annotated[
        list[str] | None,
        SPACE(
            "Vary only this, such as hidden-size=1..300,cell or T=1,2,64. May be given again. [default: "
            "everything that --fix does not fix]",
            "--vary",
            metavar="NAME[=VALUES]",
        ),
    ] = None
    fix: Annotated[
        list[str] | None, SPACE("Keep this at one value. May be given again.", "--fix", metavar="NAME=VALUE")
    ] = None
    budget: Annotated[
        str | None,
        SPACE("Stop after this time: 60s, 10m or 2h. [default: 60s, but none with --configs]", metavar="TIME"),
    ] = None
    configs: Annotated[int | None, SPACE("Stop after N configurations.", min=1, metavar="N")] = None
    state: Annotated[
        Path | None,
        SPACE("Keep in this file how far the sweep is. The same command then goes on from there.", metavar="FILE"),
    ] = None
    workers: Annotated[
        int | None,
        SPACE(
            "Processes, each with one thread; the findings stay the same. [default: 1; with --dask local as many "
            "as there are cores]",
            min=1,
            metavar="N",
        ),
    ] = None
    dask: Annotated[
        str | None,
        SPACE(
            "Use the workers of this dask scheduler, as in tcp://host:8786; local starts one here.", metavar="ADDRESS"
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
