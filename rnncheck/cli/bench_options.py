"""The options of `bench`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from rnncheck.cli.options import ARITHMETIC, DATA, JUDGEMENT, MODEL, OF_A_CHECK, REPORT, CompareOptions

BenchFormat = Literal["table", "json", "csv", "markdown", "html"]
GRID = ("input_size", "hidden_size", "seq_len", "batch_size")
# What a benchmark does without: of a check, and of weights and data that are made for one size.
WITHOUT = (
    *(
        each
        for each in OF_A_CHECK
        if each not in ("against", "backward", "compile", "format", "report", "verbose", "quiet")
    ),
    *("weights", "sync", "against_weights", "save_weights", "lengths", "paths", "autocast", "allow_nonfinite"),
)


@dataclass
class BenchOptions(CompareOptions):
    """The options of a check that matter to time, sizes as lists, and what is measured."""

    input_size: Annotated[str, MODEL("Features of one timestep.", metavar="I,I,...")] = "64"  # type: ignore[assignment]
    hidden_size: Annotated[str, MODEL("Units of one layer.", metavar="H,H,...")] = "64,256"  # type: ignore[assignment]
    seq_len: Annotated[str, DATA("Timesteps.", metavar="T,T,...")] = "100"  # type: ignore[assignment]
    batch_size: Annotated[str, DATA("Batch rows.", metavar="B,B,...")] = "1,32"  # type: ignore[assignment]
    backward: Annotated[bool, ARITHMETIC("Also time the gradients.", "--backward/--no-backward")] = True
    compile: Annotated[bool, ARITHMETIC("Also time the candidate compiled by torch.compile.", "--compile")] = False
    threads: Annotated[int, ARITHMETIC("Threads of the CPU for each side.", min=1, metavar="N")] = 1
    seconds: Annotated[float, ARITHMETIC("Seconds for each side, pass and size.", min=0.01, metavar="S")] = 0.5
    fail_below: Annotated[
        float | None,
        JUDGEMENT(
            "Exit with 6 if the candidate is certainly less than X times as fast as the reference, with 5 if that "
            "is not certain.",
            min=0,
            metavar="X",
        ),
    ] = None
    baseline: Annotated[
        Path | None, REPORT("Compare the speeds with those of an older --report json=FILE.", metavar="FILE")
    ] = None
    format: Annotated[BenchFormat, REPORT("table, json, csv, markdown or html.", metavar="FORMAT")] = "table"  # type: ignore[assignment]
    report: Annotated[
        list[str] | None,
        REPORT(
            "Also write the times in this format to this file. May be given again.", "--report", metavar="FORMAT=FILE"
        ),
    ] = None
