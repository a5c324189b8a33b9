"""The options of `compare` and `run`, each declared once: same meaning for the same flag everywhere."""

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal

from typer import Option

from rnncheck.data.options import Missing, Normalize
from rnncheck.model.spec import Cell, Dtype, Head, Init, InitialState, Nonlinearity

# Help panels, in the order they are shown.
MODEL, DATA, WEIGHTS, ARITHMETIC, JUDGEMENT, REPORT = (
    "Model",
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
    """What `compare` and `run` share."""

    against: Annotated[
        str, Option(help="The trusted implementation, named as CANDIDATE is.", rich_help_panel=MODEL)
    ] = "torch"
    cell: Annotated[
        Cell | None,
        Option(help="The recurrent cell. [default: what your own class is; rnn for ours]", rich_help_panel=MODEL),
    ] = None
    nonlinearity: Annotated[
        Nonlinearity | None, Option(help="Of the rnn cell. [default: tanh]", rich_help_panel=MODEL)
    ] = None
    hidden_size: Annotated[int, Option(help="H, the units of one layer.", rich_help_panel=MODEL)] = 4
    num_layers: Annotated[int, Option(help="L, layers on top of each other.", rich_help_panel=MODEL)] = 1
    bias: Annotated[bool, Option(help="Two biases a gate, as torch has them.", rich_help_panel=MODEL)] = True
    bidirectional: Annotated[bool, Option("--bidirectional", help="Both directions.", rich_help_panel=MODEL)] = False
    proj_size: Annotated[int, Option(help="R < H: the lstm's projection of h. 0 is none.", rich_help_panel=MODEL)] = 0
    dropout: Annotated[
        float,
        Option(
            help="Given to both sides, which run in evaluation mode: it must change nothing.", rich_help_panel=MODEL
        ),
    ] = 0.0
    batch_first: Annotated[bool, Option("--batch-first", help="Both sides read (B, T, I).", rich_help_panel=MODEL)] = (
        False
    )
    arg: Annotated[
        list[str] | None,
        Option(
            "--arg",
            metavar="NAME=VALUE",
            help="For the constructor of your own class: 64, [1, 2], None, str:64 for text, a class by its name or as "
            "file.py:Class.",
            rich_help_panel=MODEL,
        ),
    ] = None
    read_seconds: Annotated[
        float,
        Option(min=0.1, help="How long finding out how to read your own class may take.", rich_help_panel=MODEL),
    ] = 10.0
    timeout: Annotated[
        float | None,
        Option(
            min=0.1,
            help="Seconds after which it is ended, with the line where it was. [default: none; 60 a call of exec:]",
            rich_help_panel=MODEL,
        ),
    ] = None
    head: Annotated[
        Head | None, Option(help="Adds y_t = softmax(W_hy h_t + b_y) to both sides.", rich_help_panel=MODEL)
    ] = None
    h0: Annotated[InitialState, Option("--h0", help="Initial state, and c0.", rich_help_panel=DATA)] = "random"
    seed: Annotated[
        int, Option(min=0, help="Random seed for weights, data and initial states.", rich_help_panel=DATA)
    ] = 0
    weights: Annotated[
        Path | None,
        Option(
            help="Weights from a safetensors or .pt state_dict, by torch's names or by those of your own class.",
            rich_help_panel=WEIGHTS,
        ),
    ] = None
    sync: Annotated[
        Sync,
        Option(
            help="reference: both sides have the same weights. none: each has its own, as it is or by --weights.",
            rich_help_panel=WEIGHTS,
        ),
    ] = "reference"
    against_weights: Annotated[
        Path | None, Option(help="With --sync none: the weights of --against.", rich_help_panel=WEIGHTS)
    ] = None
    save_weights: Annotated[
        Path | None, Option(help="Write the weights used, as safetensors.", rich_help_panel=WEIGHTS)
    ] = None
    mapping: Annotated[
        Path | None,
        Option(
            help="What each tensor of your own class holds, as TOML. [default: found out]",
            rich_help_panel=WEIGHTS,
        ),
    ] = None
    save_mapping: Annotated[
        Path | None, Option(help="Write what was found out about that, to be read or edited.", rich_help_panel=WEIGHTS)
    ] = None
    weight_scale: Annotated[float, Option(help="Multiplies the recurrent weights W_hh.", rich_help_panel=WEIGHTS)] = 1.0
    allow_nonfinite: Annotated[
        bool, Option("--allow-nonfinite", help="Take NaN and infinities in data and weights.", rich_help_panel=WEIGHTS)
    ] = False
    device: Annotated[
        str,
        Option(
            "--device", "-d", help="cpu, cuda, cuda:N or mps; never another than asked for.", rich_help_panel=ARITHMETIC
        ),
    ] = "cpu"
    dtype: Annotated[Dtype, Option(help="Of both sides.", rich_help_panel=ARITHMETIC)] = Dtype.FLOAT32
    tf32: Annotated[bool, Option(help="Let CUDA multiply float32 in TF32.", rich_help_panel=ARITHMETIC)] = False
    atol: Annotated[
        float | None,
        Option(
            min=0,
            help="Allow this absolute difference (and --rtol): it replaces the rounding envelope.",
            rich_help_panel=JUDGEMENT,
        ),
    ] = None
    rtol: Annotated[
        float | None, Option(min=0, help="Allow this relative difference (and --atol).", rich_help_panel=JUDGEMENT)
    ] = None
    backward: Annotated[
        bool | None,
        Option(
            "--backward/--no-backward",
            help="Compare the gradients too. [default: where they can be had, unless --atol or --rtol]",
            rich_help_panel=JUDGEMENT,
        ),
    ] = None
    lockstep: Annotated[
        bool | None,
        Option(
            "--lockstep/--no-lockstep",
            help="Also judge every step by itself, from the exact states before it. [default: unless --atol or --rtol]",
            rich_help_panel=JUDGEMENT,
        ),
    ] = None
    paths: Annotated[
        str | None,
        Option(
            metavar="default|all|none|A,B,...",
            help="In which other ways the layer is used and compared: without a state, in training mode, ... "
            "[default: default, unless --atol or --rtol]",
            rich_help_panel=JUDGEMENT,
        ),
    ] = None
    compile: Annotated[
        bool, Option("--compile", help="Also compare it compiled by torch.compile.", rich_help_panel=JUDGEMENT)
    ] = False
    autocast: Annotated[
        bool, Option("--autocast", help="Also compare it under torch.autocast.", rich_help_panel=JUDGEMENT)
    ] = False
    witness: Annotated[
        bool | None,
        Option(
            "--witness/--no-witness",
            help="After a pass, plant known faults: would they have been caught? [default: unless the layer is large]",
            rich_help_panel=JUDGEMENT,
        ),
    ] = None
    strict: Annotated[
        bool,
        Option("--strict", help="Inconclusive if a planted fault that shows passes unseen.", rich_help_panel=JUDGEMENT),
    ] = False
    diagnose: Annotated[
        bool,
        Option(
            "--diagnose/--no-diagnose",
            help="On a mismatch, look for the known fault that explains it.",
            rich_help_panel=JUDGEMENT,
        ),
    ] = True
    rows: Annotated[
        str | None,
        Option(
            help="How many timesteps are shown: a number, or all. [default: those that matter]", rich_help_panel=REPORT
        ),
    ] = None
    format: Annotated[Format, Option(help="What is written to stdout.", rich_help_panel=REPORT)] = "table"
    output: Annotated[
        Path | None, Option("--output", "-o", help="Write it to this file instead.", rich_help_panel=REPORT)
    ] = None
    report: Annotated[
        list[str] | None,
        Option(
            "--report",
            metavar="FORMAT=FILE",
            help="Also write it to a file: json, junit, github, markdown or html; may be given again. "
            "github alone: to stdout.",
            rich_help_panel=REPORT,
        ),
    ] = None
    verbose: Annotated[
        bool, Option("--verbose", "-v", help="Show everything that was found, and on what.", rich_help_panel=REPORT)
    ] = False
    quiet: Annotated[bool, Option("--quiet", "-q", help="The verdict line alone.", rich_help_panel=REPORT)] = False


@dataclass
class CompareOptions(CheckOptions):
    """What only `compare` takes: the shape of the random data."""

    input_size: Annotated[int, Option(help="I, the features of one timestep.", rich_help_panel=MODEL)] = 3
    seq_len: Annotated[
        int | None, Option(min=1, help="T, timesteps. [default: 12, or the longest of --lengths]", rich_help_panel=DATA)
    ] = None
    batch_size: Annotated[
        int | None, Option(min=1, help="B, batch rows. [default: 3, or as many as --lengths]", rich_help_panel=DATA)
    ] = None
    lengths: Annotated[
        str | None, Option(metavar="N,N,...", help="Each row's own length: the rows are packed.", rich_help_panel=DATA)
    ] = None
    init: Annotated[Init, Option(help="x as torch.randn or torch.rand draws it.", rich_help_panel=DATA)] = "normal"


# What `record` does without: it judges nothing, and writes no report.
OF_A_CHECK = (
    "against",
    "save_mapping",
    "atol",
    "rtol",
    "backward",
    "lockstep",
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
        int | None, Option(help="I, if the number of columns must be that. [default: as many]", rich_help_panel=MODEL)
    ] = None
    columns: Annotated[
        str | None,
        Option(metavar="A,B,...", help="Read these columns, by name or by number from 1.", rich_help_panel=DATA),
    ] = None
    drop: Annotated[str | None, Option(metavar="A,B,...", help="Leave these columns out.", rich_help_panel=DATA)] = None
    header: Annotated[
        bool | None,
        Option(
            "--header/--no-header", help="[default: a first row with a cell that is no number]", rich_help_panel=DATA
        ),
    ] = None
    sep: Annotated[
        str | None, Option(help="Between columns; whitespace is any blanks. [default: ,]", rich_help_panel=DATA)
    ] = None
    decimal: Annotated[str, Option(help="Decimal mark.", rich_help_panel=DATA)] = "."
    encoding: Annotated[str | None, Option(help="Of the text. [default: utf-8]", rich_help_panel=DATA)] = None
    comment: Annotated[str | None, Option(help="Lines that begin with it are left out.", rich_help_panel=DATA)] = None
    skip_blank: Annotated[
        bool, Option("--skip-blank", help="Leave out blank lines amid the data.", rich_help_panel=DATA)
    ] = False
    missing: Annotated[Missing, Option(help="What an empty cell becomes.", rich_help_panel=DATA)] = "error"
    na: Annotated[
        str | None,
        Option(
            metavar="A,B,...", help="What else stands for a missing value: a text, or a number.", rich_help_panel=DATA
        ),
    ] = None
    header_row: Annotated[
        int | None, Option(help="The line of the header, from 1; lines before it are left out.", rich_help_panel=DATA)
    ] = None
    data_row: Annotated[
        int | None, Option(help="The line where the data begin, if not behind the header.", rich_help_panel=DATA)
    ] = None
    thousands: Annotated[str | None, Option(help="The mark between groups of three digits.", rich_help_panel=DATA)] = (
        None
    )
    index: Annotated[
        str | None,
        Option(metavar="COLUMN", help="Numbers or dates that must rise, and are no input.", rich_help_panel=DATA),
    ] = None
    normalize: Annotated[
        Normalize, Option(help="Each column to mean 0 and deviation 1, or to 0 to 1.", rich_help_panel=DATA)
    ] = "none"
    sequence_id: Annotated[
        str | None,
        Option(metavar="COLUMN", help="Rows that share its value are one sequence of the batch.", rich_help_panel=DATA),
    ] = None
    window: Annotated[
        int | None, Option(help="Cut the data into windows of N timesteps: the batch.", rich_help_panel=DATA)
    ] = None
    stride: Annotated[
        int | None, Option(help="From one window's start to the next's. [default: the window]", rich_help_panel=DATA)
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
