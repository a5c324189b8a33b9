"""The options of `bench`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from rnncheck.cli.options import ARITHMETIC, DATA, JUDGEMENT, MODEL, OF_A_CHECK, REPORT, CompareOptions

Format = Literal["table", "json", "csv", "markdown", "html"]
GRID = ("input_size", "hidden_size", "seq_len", "batch_size")
# What a benchmark does without: of a check, and of weights and data that are made for one size.
WITHOUT = (
    *(each for each in OF_A_CHECK if each not in ("against", "backward", "format", "report", "verbose", "quiet")),
    *("weights", "sync", "against_weights", "save_weights", "lengths", "paths", "autocast", "allow_nonfinite"),
)


@dataclass
class BenchOptions(CompareOptions):
    """The options of a check that matter to time, sizes as lists, and what is measured."""

    input_size: Annotated[str, Option(metavar="I,I,...", help="Features of one timestep.", rich_help_panel=MODEL)] = (
        "64"  # type: ignore[assignment]
    )
    hidden_size: Annotated[str, Option(metavar="H,H,...", help="Units of one layer.", rich_help_panel=MODEL)] = "64,256"  # type: ignore[assignment]
    seq_len: Annotated[str, Option(metavar="T,T,...", help="Timesteps.", rich_help_panel=DATA)] = "100"  # type: ignore[assignment]
    batch_size: Annotated[str, Option(metavar="B,B,...", help="Batch rows.", rich_help_panel=DATA)] = "1,32"  # type: ignore[assignment]
    backward: Annotated[
        bool, Option("--backward/--no-backward", help="Also time the gradients.", rich_help_panel=ARITHMETIC)
    ] = True
    compile: Annotated[
        bool,
        Option("--compile", help="Also time the candidate compiled by torch.compile.", rich_help_panel=ARITHMETIC),
    ] = False
    threads: Annotated[
        int, Option(min=1, metavar="N", help="Threads of the CPU for each side.", rich_help_panel=ARITHMETIC)
    ] = 1
    seconds: Annotated[
        float,
        Option(min=0.01, metavar="S", help="Seconds for each side, pass and size.", rich_help_panel=ARITHMETIC),
    ] = 0.5
    fail_below: Annotated[
        float | None,
        Option(
            min=0,
            metavar="X",
            help="Exit with 6 if the candidate is certainly less than X times as fast as the reference, with 5 if that "
            "is not certain.",
            rich_help_panel=JUDGEMENT,
        ),
    ] = None
    baseline: Annotated[
        Path | None,
        Option(
            metavar="FILE", help="Compare the speeds with those of an older --report json=FILE.", rich_help_panel=REPORT
        ),
    ] = None
    format: Annotated[
        Format, Option(metavar="FORMAT", help="table, json, csv, markdown or html.", rich_help_panel=REPORT)
    ] = "table"  # type: ignore[assignment]
    report: Annotated[
        list[str] | None,
        Option(
            "--report",
            metavar="FORMAT=FILE",
            help="Also write the times in this format to this file. May be given again.",
            rich_help_panel=REPORT,
        ),
    ] = None
