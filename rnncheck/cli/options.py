"""The options of `compare` and `run`. Each is declared once and means the same everywhere."""

import inspect
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal

from typer import Context, Option

from rnncheck.cli.completion import implementations
from rnncheck.data.options import Missing, Normalize
from rnncheck.model.spec import Cell, Dtype, Head, Init, InitialState, Nonlinearity

DEFAULT_SIZES = {"input_size": 3, "hidden_size": 4}


class Panel(str):
    """The name of a panel of the help. Called, it is an option in it."""

    def __call__(self, text: str, *names: str, **more: Any) -> Any:
        return Option(*names, help=text, rich_help_panel=self, **more)


# In the order they are shown.
MODEL, SPACE, DATA, WEIGHTS, ARITHMETIC, JUDGEMENT, REPORT = map(
    Panel, ("Model", "Configurations", "Sequences", "Weights", "Arithmetic", "Judgement", "Report")
)

DEFAULT_CANDIDATE = "scratch"

Format = Literal["table", "json", "junit", "github", "markdown", "html"]
DoctorFormat = Literal["table", "json"]
Sync = Literal["reference", "none"]
PageFormat = Literal["table", "json", "markdown"]  # of `faults`


@dataclass
class CheckOptions:
    """The options of both `compare` and `run`."""

    given = frozenset[str]()  # no option: the names of those on the command line, until they are replaced

    against: Annotated[
        str,
        MODEL(
            "The reference: an implementation, named as CANDIDATE is.", metavar="NAME", autocompletion=implementations
        ),
    ] = "torch"
    cell: Annotated[
        Cell | None, MODEL("The recurrent cell. [default: that of your own class; otherwise rnn]", case_sensitive=False)
    ] = None
    nonlinearity: Annotated[Nonlinearity | None, MODEL("The activation of the rnn cell. [default: tanh]")] = None
    hidden_size: Annotated[
        int | None,
        MODEL("Units of one layer. [default: that of your own class if its code fixes it; otherwise 4]", metavar="H"),
    ] = None
    num_layers: Annotated[
        int | None, MODEL("Layers on top of each other. [default: that of your own class; otherwise 1]", metavar="L")
    ] = None
    bias: Annotated[bool, MODEL("Each gate has two biases, as in torch, or none.")] = True
    bidirectional: Annotated[
        bool | None, MODEL("Run forwards and backwards in time. [default: that of your own class; otherwise forwards]")
    ] = None
    proj_size: Annotated[int, MODEL("Size of the projection of h, below H; lstm only. 0 means none.", metavar="N")] = 0
    dropout: Annotated[
        float,
        MODEL(
            "Dropout probability of both sides. They run in evaluation mode, so it must change nothing.", metavar="P"
        ),
    ] = 0.0
    batch_first: Annotated[bool, MODEL("Both sides read x as (B, T, I), not (T, B, I).", "--batch-first")] = False
    arg: Annotated[
        list[str] | None,
        MODEL(
            "An argument for the constructor of your own class. VALUE is a number, [1, 2], None, str:64 for text, "
            "or a class: its name or file.py:Class. May be given again.",
            "--arg",
            metavar="NAME=VALUE",
        ),
    ] = None
    read_seconds: Annotated[
        float, MODEL("Seconds allowed for finding out how to read your own class.", min=0.1, metavar="S")
    ] = 10.0
    timeout: Annotated[
        float | None,
        MODEL(
            "Seconds after which the check ends with exit code 4 and the line where it was; Linux only. For exec: "
            "it limits each call. [default: none; for exec: 60]",
            min=0.1,
            metavar="S",
        ),
    ] = None
    head: Annotated[Head | None, MODEL("Add y_t = softmax(W_hy h_t + b_y) to both sides.")] = None
    h0: Annotated[InitialState, DATA("The initial state: h0, and c0 of an lstm.", "--h0")] = "random"
    seed: Annotated[int, DATA("Random seed of weights, data and initial states.", min=0, metavar="N")] = 0
    weights: Annotated[
        Path | None,
        WEIGHTS(
            "Read the weights from a safetensors file, a .pt state_dict or a file of Keras; model.pt::LAYER names a "
            "layer in it. Their names are torch's, or those of your own class.",
            metavar="FILE",
        ),
    ] = None
    sync: Annotated[Sync, WEIGHTS("reference: both sides get the same weights. none: each side keeps its own.")] = (
        "reference"
    )
    against_weights: Annotated[
        Path | None, WEIGHTS("With --sync none: read the weights of the reference.", metavar="FILE")
    ] = None
    save_weights: Annotated[Path | None, WEIGHTS("Write the weights of this run, as safetensors.", metavar="FILE")] = (
        None
    )
    mapping: Annotated[
        Path | None,
        WEIGHTS(
            "A TOML file that says which weight each tensor of your own class holds. [default: rnncheck finds it out]",
            metavar="FILE",
        ),
    ] = None
    save_mapping: Annotated[
        Path | None, WEIGHTS("Write the mapping that was found, to read or edit it.", metavar="FILE")
    ] = None
    weight_scale: Annotated[float, WEIGHTS("Multiply the recurrent weights W_hh by this.", metavar="S")] = 1.0
    allow_nonfinite: Annotated[bool, WEIGHTS("Accept NaN and infinities in data and weights.", "--allow-nonfinite")] = (
        False
    )
    device: Annotated[
        str, ARITHMETIC("cpu, cuda, cuda:N or mps. rnncheck never takes another.", "--device", "-d", metavar="DEVICE")
    ] = "cpu"
    dtype: Annotated[Dtype, ARITHMETIC("float64, float32, bfloat16 or float16.", metavar="TYPE")] = Dtype.FLOAT32
    tf32: Annotated[bool, ARITHMETIC("Let CUDA multiply float32 in TF32.")] = False
    atol: Annotated[
        float | None,
        JUDGEMENT("Allow this absolute difference. With --rtol it replaces the rounding envelope.", min=0, metavar="X"),
    ] = None
    rtol: Annotated[float | None, JUDGEMENT("Allow this relative difference; see --atol.", min=0, metavar="X")] = None
    backward: Annotated[
        bool | None,
        JUDGEMENT(
            "Compare the gradients. [default: yes if both sides have them, but not with --atol or --rtol]",
            "--backward/--no-backward",
        ),
    ] = None
    lockstep: Annotated[
        bool | None,
        JUDGEMENT(
            "Compare each step by itself, from the exact states before it. [default: yes, but not with --atol or "
            "--rtol]",
            "--lockstep/--no-lockstep",
        ),
    ] = None
    paths: Annotated[
        str | None,
        JUDGEMENT(
            "Other ways to use the layer that are compared, such as without a state or in training mode: "
            "default, all, none, or names with commas. [default: default; none with --atol or --rtol]",
            metavar="NAMES",
        ),
    ] = None
    compile: Annotated[bool, JUDGEMENT("Also compare the candidate compiled by torch.compile.", "--compile")] = False
    autocast: Annotated[bool, JUDGEMENT("Also compare the candidate under torch.autocast.", "--autocast")] = False
    witness: Annotated[
        bool | None,
        JUDGEMENT(
            "After a pass, plant known faults to see whether this check catches them. [default: yes, unless the "
            "layer is large]",
            "--witness/--no-witness",
        ),
    ] = None
    strict: Annotated[bool, JUDGEMENT("Exit with 5 if this check misses a planted fault.", "--strict")] = False
    diagnose: Annotated[
        bool, JUDGEMENT("After a mismatch, find the known fault that explains it.", "--diagnose/--no-diagnose")
    ] = True
    rows: Annotated[
        str | None, REPORT("Timesteps to show: a number, or all. [default: those that matter]", metavar="N")
    ] = None
    format: Annotated[Format, REPORT("table, json, junit, github, markdown or html.", metavar="FORMAT")] = "table"
    output: Annotated[Path | None, REPORT("Write to this file, not to stdout.", "--output", "-o", metavar="FILE")] = (
        None
    )
    report: Annotated[
        list[str] | None,
        REPORT(
            "Also write a report in this format to this file. May be given again. Just github writes to stdout.",
            "--report",
            metavar="FORMAT=FILE",
        ),
    ] = None
    verbose: Annotated[bool, REPORT("Show everything that was found.", "--verbose", "-v")] = False
    quiet: Annotated[bool, REPORT("Show the verdict line only.", "--quiet", "-q")] = False


@dataclass
class CompareOptions(CheckOptions):
    """What only `compare` takes: the shape of the random data."""

    input_size: Annotated[
        int | None,
        MODEL(
            "Features of one timestep. [default: that of your own class if its code fixes it; otherwise 3]", metavar="I"
        ),
    ] = None
    seq_len: Annotated[
        int | None, DATA("Timesteps. [default: 12, or the longest of --lengths]", min=1, metavar="T")
    ] = None
    batch_size: Annotated[int | None, DATA("Batch rows. [default: 3, or as many as --lengths]", min=1, metavar="B")] = (
        None
    )
    lengths: Annotated[str | None, DATA("The length of each batch row; the rows are packed.", metavar="N,N,...")] = None
    init: Annotated[Init, DATA("Draw x with torch.randn or with torch.rand.")] = "normal"


# What `record` does without: it judges nothing, and writes no report.
OF_A_CHECK = (
    "against",
    "save_mapping",
    "atol",
    "rtol",
    "backward",
    "lockstep",
    "paths",
    "compile",
    "autocast",
    "witness",
    "strict",
    "diagnose",
    "rows",
    "format",
    "report",
    "verbose",
    "quiet",
)


@dataclass
class RunOptions(CheckOptions):
    """What only `run` takes: how the file is read."""

    input_size: Annotated[
        int | None, MODEL("The number of columns that the data must have. [default: any]", metavar="I")
    ] = None
    columns: Annotated[str | None, DATA("Read these columns, by name or by number from 1.", metavar="A,B,...")] = None
    drop: Annotated[str | None, DATA("Leave these columns out.", metavar="A,B,...")] = None
    header: Annotated[
        bool | None,
        DATA("The first row is a header. [default: yes if a cell of it is not a number]", "--header/--no-header"),
    ] = None
    sep: Annotated[
        str | None, DATA("What separates columns; whitespace means any blanks. [default: ,]", metavar="TEXT")
    ] = None
    decimal: Annotated[str, DATA("The decimal mark.", metavar="MARK")] = "."
    encoding: Annotated[str | None, DATA("The encoding of the text. [default: utf-8]", metavar="NAME")] = None
    comment: Annotated[str | None, DATA("Leave out lines that begin with this.", metavar="TEXT")] = None
    skip_blank: Annotated[bool, DATA("Leave out blank lines between rows of data.", "--skip-blank")] = False
    missing: Annotated[Missing, DATA("What to do with an empty cell.")] = "error"
    na: Annotated[str | None, DATA("Texts or numbers that stand for a missing value.", metavar="A,B,...")] = None
    header_row: Annotated[
        int | None, DATA("The line of the header, from 1. Lines before it are left out.", metavar="N")
    ] = None
    data_row: Annotated[int | None, DATA("The line where the data begin. [default: after the header]", metavar="N")] = (
        None
    )
    last_row: Annotated[int | None, DATA("The line where the data end. [default: the last one]", metavar="N")] = None
    thousands: Annotated[str | None, DATA("The mark between groups of three digits.", metavar="MARK")] = None
    strip: Annotated[
        str, DATA("Signs to leave out at the ends of a cell, such as $%. % does not divide.", metavar="SIGNS")
    ] = ""
    index: Annotated[
        str | None, DATA("A column of numbers or dates that must rise. It is not an input.", metavar="COLUMN")
    ] = None
    normalize: Annotated[
        Normalize, DATA("standard: scale each column to mean 0 and deviation 1. minmax: to 0 to 1.")
    ] = "none"
    sequence_id: Annotated[
        str | None, DATA("Rows with the same value in this column are one sequence of the batch.", metavar="COLUMN")
    ] = None
    window: Annotated[
        int | None, DATA("Cut the data into windows of N timesteps, the rows of the batch.", metavar="N")
    ] = None
    stride: Annotated[
        int | None, DATA("Timesteps from one window's start to the next. [default: the window]", metavar="N")
    ] = None


def size_of(options: CheckOptions, name: str) -> int:
    """The size that was asked for, or the default one."""
    asked: int | None = getattr(options, name)
    return DEFAULT_SIZES[name] if asked is None else asked


def on_command_line(names: Iterable[str], context: Context) -> frozenset[str]:
    """Those options that were given, even if with their defaults."""
    sources = {each: context.get_parameter_source(each) for each in names}
    return frozenset(each for each, source in sources.items() if source is not None and source.name == "COMMANDLINE")


def takes(options_class: type, without: Collection[str] = ()) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Gives a command the fields of `options_class` as options; it receives them as one object, its last argument.

    Those `without` are none of its options, and keep their defaults.
    """

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=Context)
        *own, last = inspect.signature(function).parameters.values()
        shared = [
            inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=each.type)
            for each in fields(options_class)
            if each.name not in without
        ]

        @wraps(function)
        def command(context: Context, **values: Any) -> int:
            options = options_class(**{each.name: values.pop(each.name) for each in shared})
            options.given = on_command_line((each.name for each in shared), context)
            return function(**values, **{last.name: options})

        parameters = [context, *(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), *shared]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        return command

    return decorate
