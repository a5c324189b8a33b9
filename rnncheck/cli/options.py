"""The options of `compare` and `run`. Each is declared once and means the same everywhere."""

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal

from typer import Option

from rnncheck.cli.completion import implementations
from rnncheck.data.options import Missing, Normalize
from rnncheck.model.spec import Cell, Dtype, Head, Init, InitialState, Nonlinearity

# Help panels, in the order they are shown.
MODEL, SPACE, DATA, WEIGHTS, ARITHMETIC, JUDGEMENT, REPORT = (
    "Model",
    "Configurations",
    "Sequences",
    "Weights",
    "Arithmetic",
    "Judgement",
    "Report",
)


DEFAULT_CANDIDATE = "scratch"

Format = Literal["table", "json", "junit", "github", "markdown", "html"]
DoctorFormat = Literal["table", "json"]
Sync = Literal["reference", "none"]
PageFormat = Literal["table", "json", "markdown"]  # of `faults`


@dataclass
class CheckOptions:
    """The options of both `compare` and `run`."""

    against: Annotated[
        str,
        Option(
            metavar="NAME",
            help="The reference: an implementation, named as CANDIDATE is.",
            rich_help_panel=MODEL,
            autocompletion=implementations,
        ),
    ] = "torch"
    cell: Annotated[
        Cell | None,
        Option(
            help="The recurrent cell. [default: that of your own class; otherwise rnn]",
            rich_help_panel=MODEL,
            case_sensitive=False,
        ),
    ] = None
    nonlinearity: Annotated[
        Nonlinearity | None, Option(help="The activation of the rnn cell. [default: tanh]", rich_help_panel=MODEL)
    ] = None
    hidden_size: Annotated[int, Option(metavar="H", help="Units of one layer.", rich_help_panel=MODEL)] = 4
    num_layers: Annotated[
        int | None,
        Option(
            metavar="L",
            help="Layers on top of each other. [default: that of your own class; otherwise 1]",
            rich_help_panel=MODEL,
        ),
    ] = None
    bias: Annotated[bool, Option(help="Each gate has two biases, as in torch, or none.", rich_help_panel=MODEL)] = True
    bidirectional: Annotated[
        bool | None,
        Option(
            help="Run forwards and backwards in time. [default: that of your own class; otherwise forwards]",
            rich_help_panel=MODEL,
        ),
    ] = None
    proj_size: Annotated[
        int,
        Option(
            metavar="N", help="Size of the projection of h, below H; lstm only. 0 means none.", rich_help_panel=MODEL
        ),
    ] = 0
    dropout: Annotated[
        float,
        Option(
            metavar="P",
            help="Dropout probability of both sides. They run in evaluation mode, so it must change nothing.",
            rich_help_panel=MODEL,
        ),
    ] = 0.0
    batch_first: Annotated[
        bool, Option("--batch-first", help="Both sides read x as (B, T, I), not (T, B, I).", rich_help_panel=MODEL)
    ] = False
    arg: Annotated[
        list[str] | None,
        Option(
            "--arg",
            metavar="NAME=VALUE",
            help="An argument for the constructor of your own class. VALUE is a number, [1, 2], None, str:64 for text, "
            "or a class: its name or file.py:Class. May be given again.",
            rich_help_panel=MODEL,
        ),
    ] = None
    read_seconds: Annotated[
        float,
        Option(
            min=0.1,
            metavar="S",
            help="Seconds allowed for finding out how to read your own class.",
            rich_help_panel=MODEL,
        ),
    ] = 10.0
    timeout: Annotated[
        float | None,
        Option(
            min=0.1,
            metavar="S",
            help="Seconds after which the check ends with exit code 4 and the line where it was; Linux only. For exec: "
            "it limits each call. [default: none; for exec: 60]",
            rich_help_panel=MODEL,
        ),
    ] = None
    head: Annotated[
        Head | None, Option(help="Add y_t = softmax(W_hy h_t + b_y) to both sides.", rich_help_panel=MODEL)
    ] = None
    h0: Annotated[
        InitialState, Option("--h0", help="The initial state: h0, and c0 of an lstm.", rich_help_panel=DATA)
    ] = "random"
    seed: Annotated[
        int, Option(min=0, metavar="N", help="Random seed of weights, data and initial states.", rich_help_panel=DATA)
    ] = 0
    weights: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="Read the weights from a safetensors file, a .pt state_dict or model.keras::LAYER. Their names are "
            "torch's, or those of your own class.",
            rich_help_panel=WEIGHTS,
        ),
    ] = None
    sync: Annotated[
        Sync,
        Option(
            help="reference: both sides get the same weights. none: each side keeps its own.",
            rich_help_panel=WEIGHTS,
        ),
    ] = "reference"
    against_weights: Annotated[
        Path | None,
        Option(metavar="FILE", help="With --sync none: read the weights of the reference.", rich_help_panel=WEIGHTS),
    ] = None
    save_weights: Annotated[
        Path | None,
        Option(metavar="FILE", help="Write the weights of this run, as safetensors.", rich_help_panel=WEIGHTS),
    ] = None
    mapping: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="A TOML file that says which weight each tensor of your own class holds. [default: rnncheck finds "
            "it out]",
            rich_help_panel=WEIGHTS,
        ),
    ] = None
    save_mapping: Annotated[
        Path | None,
        Option(metavar="FILE", help="Write the mapping that was found, to read or edit it.", rich_help_panel=WEIGHTS),
    ] = None
    weight_scale: Annotated[
        float, Option(metavar="S", help="Multiply the recurrent weights W_hh by this.", rich_help_panel=WEIGHTS)
    ] = 1.0
    allow_nonfinite: Annotated[
        bool,
        Option("--allow-nonfinite", help="Accept NaN and infinities in data and weights.", rich_help_panel=WEIGHTS),
    ] = False
    device: Annotated[
        str,
        Option(
            "--device",
            "-d",
            metavar="DEVICE",
            help="cpu, cuda, cuda:N or mps. rnncheck never takes another.",
            rich_help_panel=ARITHMETIC,
        ),
    ] = "cpu"
    dtype: Annotated[
        Dtype, Option(metavar="TYPE", help="float64, float32, bfloat16 or float16.", rich_help_panel=ARITHMETIC)
    ] = Dtype.FLOAT32
    tf32: Annotated[bool, Option(help="Let CUDA multiply float32 in TF32.", rich_help_panel=ARITHMETIC)] = False
    atol: Annotated[
        float | None,
        Option(
            min=0,
            metavar="X",
            help="Allow this absolute difference. With --rtol it replaces the rounding envelope.",
            rich_help_panel=JUDGEMENT,
        ),
    ] = None
    rtol: Annotated[
        float | None,
        Option(min=0, metavar="X", help="Allow this relative difference; see --atol.", rich_help_panel=JUDGEMENT),
    ] = None
    backward: Annotated[
        bool | None,
        Option(
            "--backward/--no-backward",
            help="Compare the gradients. [default: yes if both sides have them, but not with --atol or --rtol]",
            rich_help_panel=JUDGEMENT,
        ),
    ] = None
    lockstep: Annotated[
        bool | None,
        Option(
            "--lockstep/--no-lockstep",
            help="Compare each step by itself, from the exact states before it. [default: yes, but not with --atol or "
            "--rtol]",
            rich_help_panel=JUDGEMENT,
        ),
    ] = None
    paths: Annotated[
        str | None,
        Option(
            metavar="NAMES",
            help="Other ways to use the layer that are compared, such as without a state or in training mode: "
            "default, all, none, or names with commas. [default: default; none with --atol or --rtol]",
            rich_help_panel=JUDGEMENT,
        ),
    ] = None
    compile: Annotated[
        bool,
        Option("--compile", help="Also compare the candidate compiled by torch.compile.", rich_help_panel=JUDGEMENT),
    ] = False
    autocast: Annotated[
        bool, Option("--autocast", help="Also compare the candidate under torch.autocast.", rich_help_panel=JUDGEMENT)
    ] = False
    witness: Annotated[
        bool | None,
        Option(
            "--witness/--no-witness",
            help="After a pass, plant known faults to see whether this check catches them. [default: yes, unless the "
            "layer is large]",
            rich_help_panel=JUDGEMENT,
        ),
    ] = None
    strict: Annotated[
        bool,
        Option("--strict", help="Exit with 5 if this check misses a planted fault.", rich_help_panel=JUDGEMENT),
    ] = False
    diagnose: Annotated[
        bool,
        Option(
            "--diagnose/--no-diagnose",
            help="After a mismatch, find the known fault that explains it.",
            rich_help_panel=JUDGEMENT,
        ),
    ] = True
    rows: Annotated[
        str | None,
        Option(
            metavar="N",
            help="Timesteps to show: a number, or all. [default: those that matter]",
            rich_help_panel=REPORT,
        ),
    ] = None
    format: Annotated[
        Format, Option(metavar="FORMAT", help="table, json, junit, github, markdown or html.", rich_help_panel=REPORT)
    ] = "table"
    output: Annotated[
        Path | None,
        Option("--output", "-o", metavar="FILE", help="Write to this file, not to stdout.", rich_help_panel=REPORT),
    ] = None
    report: Annotated[
        list[str] | None,
        Option(
            "--report",
            metavar="FORMAT=FILE",
            help="Also write a report in this format to this file. May be given again. Just github writes to stdout.",
            rich_help_panel=REPORT,
        ),
    ] = None
    verbose: Annotated[
        bool, Option("--verbose", "-v", help="Show everything that was found.", rich_help_panel=REPORT)
    ] = False
    quiet: Annotated[bool, Option("--quiet", "-q", help="Show the verdict line only.", rich_help_panel=REPORT)] = False


@dataclass
class CompareOptions(CheckOptions):
    """What only `compare` takes: the shape of the random data."""

    input_size: Annotated[int, Option(metavar="I", help="Features of one timestep.", rich_help_panel=MODEL)] = 3
    seq_len: Annotated[
        int | None,
        Option(min=1, metavar="T", help="Timesteps. [default: 12, or the longest of --lengths]", rich_help_panel=DATA),
    ] = None
    batch_size: Annotated[
        int | None,
        Option(min=1, metavar="B", help="Batch rows. [default: 3, or as many as --lengths]", rich_help_panel=DATA),
    ] = None
    lengths: Annotated[
        str | None,
        Option(metavar="N,N,...", help="The length of each batch row; the rows are packed.", rich_help_panel=DATA),
    ] = None
    init: Annotated[Init, Option(help="Draw x with torch.randn or with torch.rand.", rich_help_panel=DATA)] = "normal"


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
        int | None,
        Option(
            metavar="I", help="The number of columns that the data must have. [default: any]", rich_help_panel=MODEL
        ),
    ] = None
    columns: Annotated[
        str | None,
        Option(metavar="A,B,...", help="Read these columns, by name or by number from 1.", rich_help_panel=DATA),
    ] = None
    drop: Annotated[str | None, Option(metavar="A,B,...", help="Leave these columns out.", rich_help_panel=DATA)] = None
    header: Annotated[
        bool | None,
        Option(
            "--header/--no-header",
            help="The first row is a header. [default: yes if a cell of it is not a number]",
            rich_help_panel=DATA,
        ),
    ] = None
    sep: Annotated[
        str | None,
        Option(
            metavar="TEXT",
            help="What separates columns; whitespace means any blanks. [default: ,]",
            rich_help_panel=DATA,
        ),
    ] = None
    decimal: Annotated[str, Option(metavar="MARK", help="The decimal mark.", rich_help_panel=DATA)] = "."
    encoding: Annotated[
        str | None, Option(metavar="NAME", help="The encoding of the text. [default: utf-8]", rich_help_panel=DATA)
    ] = None
    comment: Annotated[
        str | None, Option(metavar="TEXT", help="Leave out lines that begin with this.", rich_help_panel=DATA)
    ] = None
    skip_blank: Annotated[
        bool, Option("--skip-blank", help="Leave out blank lines between rows of data.", rich_help_panel=DATA)
    ] = False
    missing: Annotated[Missing, Option(help="What to do with an empty cell.", rich_help_panel=DATA)] = "error"
    na: Annotated[
        str | None,
        Option(metavar="A,B,...", help="Texts or numbers that stand for a missing value.", rich_help_panel=DATA),
    ] = None
    header_row: Annotated[
        int | None,
        Option(metavar="N", help="The line of the header, from 1. Lines before it are left out.", rich_help_panel=DATA),
    ] = None
    data_row: Annotated[
        int | None,
        Option(metavar="N", help="The line where the data begin. [default: after the header]", rich_help_panel=DATA),
    ] = None
    thousands: Annotated[
        str | None, Option(metavar="MARK", help="The mark between groups of three digits.", rich_help_panel=DATA)
    ] = None
    index: Annotated[
        str | None,
        Option(
            metavar="COLUMN",
            help="A column of numbers or dates that must rise. It is not an input.",
            rich_help_panel=DATA,
        ),
    ] = None
    normalize: Annotated[
        Normalize,
        Option(help="standard: scale each column to mean 0 and deviation 1. minmax: to 0 to 1.", rich_help_panel=DATA),
    ] = "none"
    sequence_id: Annotated[
        str | None,
        Option(
            metavar="COLUMN",
            help="Rows with the same value in this column are one sequence of the batch.",
            rich_help_panel=DATA,
        ),
    ] = None
    window: Annotated[
        int | None,
        Option(
            metavar="N", help="Cut the data into windows of N timesteps, the rows of the batch.", rich_help_panel=DATA
        ),
    ] = None
    stride: Annotated[
        int | None,
        Option(
            metavar="N",
            help="Timesteps from one window's start to the next. [default: the window]",
            rich_help_panel=DATA,
        ),
    ] = None


def takes(options_class: type, without: Collection[str] = ()) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Gives a command the fields of `options_class` as options; it receives them as one object, its last argument.

    Those `without` are none of its options, and keep their defaults.
    """

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        *own, last = inspect.signature(function).parameters.values()
        shared = [
            inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=each.type)
            for each in fields(options_class)
            if each.name not in without
        ]

        @wraps(function)
        def command(**values: Any) -> int:
            options = options_class(**{each.name: values.pop(each.name) for each in shared})
            return function(**values, **{last.name: options})

        parameters = [*(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), *shared]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        return command

    return decorate
