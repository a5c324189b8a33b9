"""The library: what `rnncheck compare` and `rnncheck run` do, as functions that take and return objects.

Every default, and every rule on what can be asked for, is the command line's own.
"""

import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from functools import wraps
from html import escape
from pathlib import Path
from typing import Any, Literal, ParamSpec, get_args

import torch
from torch import Tensor

from rnncheck.checking.check import check as run_check
from rnncheck.cli.brought import with_brought
from rnncheck.cli.options import CheckOptions, CompareOptions, RunOptions, Sync
from rnncheck.cli.plans import ROWS_KEPT, counted, file_data, fitting, plan_of, random_data, spec_of
from rnncheck.cli.repeat import repeat
from rnncheck.data.array import array_sequences
from rnncheck.data.sequences import Sequences
from rnncheck.errors import CannotRun, DataError, UsageError
from rnncheck.implementations import is_users_own
from rnncheck.implementations.protocol import Implementation
from rnncheck.model.spec import Cell, Dtype, Head, Init, InitialState, Nonlinearity
from rnncheck.report import Report, Verdict, show_in_notebooks
from rnncheck.user_code.adapter import Candidate
from rnncheck.user_code.blame import CandidateError

DEFAULT = CompareOptions()
SIZES = ("input_size", "hidden_size")
OF_A_LAYER = (*SIZES, "num_layers", "nonlinearity", "bias", "bidirectional", "proj_size")
Array = Any  # a tensor, an array, or nested lists of numbers
P = ParamSpec("P")


def check(
    candidate: object = "scratch",
    *,
    against: object = DEFAULT.against,
    cell: Cell | Literal["rnn", "lstm", "gru"] | None = DEFAULT.cell,
    input_size: int | None = None,
    hidden_size: int | None = None,
    num_layers: int | None = None,
    nonlinearity: Nonlinearity | None = None,
    bias: bool | None = None,
    bidirectional: bool | None = None,
    proj_size: int | None = None,
    dropout: float = DEFAULT.dropout,
    batch_first: bool = DEFAULT.batch_first,
    head: Head | None = DEFAULT.head,
    arguments: Mapping[str, object] | None = None,
    timeout: float | None = DEFAULT.timeout,
    data: str | os.PathLike[str] | Array | None = None,
    seq_len: int | None = DEFAULT.seq_len,
    batch_size: int | None = DEFAULT.batch_size,
    lengths: Sequence[int] | None = None,
    init: Init = DEFAULT.init,
    h0: InitialState = DEFAULT.h0,
    seed: int = DEFAULT.seed,
    weights: str | os.PathLike[str] | Mapping[str, Tensor] | None = None,
    sync: bool | Sync = DEFAULT.sync,
    against_weights: str | os.PathLike[str] | Mapping[str, Tensor] | None = None,
    mapping: str | os.PathLike[str] | None = None,
    read_seconds: float = DEFAULT.read_seconds,
    weight_scale: float = DEFAULT.weight_scale,
    allow_nonfinite: bool = DEFAULT.allow_nonfinite,
    dtype: Dtype | Literal["float64", "float32", "bfloat16", "float16"] = DEFAULT.dtype,
    device: str = DEFAULT.device,
    tf32: bool = DEFAULT.tf32,
    atol: float | None = DEFAULT.atol,
    rtol: float | None = DEFAULT.rtol,
    backward: bool | None = DEFAULT.backward,
    lockstep: bool | None = DEFAULT.lockstep,
    paths: str | Iterable[str] | None = DEFAULT.paths,
    compile: bool = DEFAULT.compile,
    autocast: bool = DEFAULT.autocast,
    witness: bool | None = DEFAULT.witness,
    strict: bool = DEFAULT.strict,
    diagnose: bool = DEFAULT.diagnose,
    rows: int | Literal["all"] | None = None,
) -> Report:
    """Gives two implementations the same weights and the same sequences, and compares all that they yield.

    candidate, against: a class, a function that makes a layer or is one, a layer that lives already (a copy of it is
        given the weights; it stays as it is), an `Implementation`, or a name as on the command line: "torch",
        "scratch", "numpy", "path/to/file.py:Class", "package.module:Class", "fault:SLUG", "exec:COMMAND",
        "trace.safetensors", a recorded run, of which the model, the data and the weights are then taken.
    cell: "rnn", "lstm" or "gru"; None reads it from the class, where that can be done; our own layers are
        then "rnn", or "lstm" with `proj_size`.
    input_size, hidden_size, num_layers, nonlinearity, bias, bidirectional, proj_size, dropout, batch_first: as
        `torch.nn` means them. A class is constructed with them, by whatever names it has for them. None is what a
        living candidate says by an attribute of that name (`nonlinearity`: a `torch.nn.RNN`), or else the command
        line's default.
    arguments: what its constructor is given besides, by name.
    timeout: how many seconds each call of an "exec:COMMAND" may take; None is 60.
    head: "softmax" adds y_t = softmax(W_hy h_t + b_y) to both sides.
    data: x as a tensor or array (T, B, I), or (T, I) for one sequence, or the path of a CSV or .npy file. Without it
        x is random: `seq_len` timesteps, `batch_size` rows, from `seed`, as `init` says, "normal" or "uniform".
    lengths: each row's own length; the rows are packed.
    h0: "random" or "zeros".
    weights: a file, or tensors by torch's names, such as the state_dict of a `torch.nn.LSTM`, or by the candidate's
        own, such as its state_dict; else drawn from `seed` as `torch.nn` draws them. `weight_scale` multiplies W_hh.
    sync: "reference" or True gives both sides the same weights; "none" or False leaves each its own: those that a
        living layer holds, or `weights` for the candidate and `against_weights` for the other.
    mapping: a TOML file that says what each tensor of the candidate holds, where that is not to be found out.
    read_seconds: how long it may take to find out how a class of your own is to be read.
    allow_nonfinite: take NaN and infinities in data and weights.
    dtype, device: of both sides. `tf32` lets CUDA multiply float32 in TF32.
    atol, rtol: allow this difference instead of the rounding envelope.
    backward, lockstep: compare gradients, and every step by itself; None does so where it can be done, and by the
        envelope alone.
    paths: in which other ways the layer is used and compared: "default", "all", "none", or some by name, such as
        "no-state,strides"; None is the default ones, unless a tolerance is stated. `compile` and `autocast` add these.
    witness, strict: after a pass, plant known faults to see which would have been caught (None: unless the layer is
        large); `strict` takes a pass that would have missed one for inconclusive.
    diagnose: on a mismatch, look for the known fault that explains it.
    rows: how many timesteps the report holds, or "all"; None is 30.

    Changes nothing outside: no layer, no generator of random numbers, no mode of torch.

    Raises `UsageError` for what no layer or no check can have, and `CannotRun` for what cannot be used: code that
    raises, weights or data that do not fit, a device that is not there. Both are `RnncheckError`; their messages call
    options what the command line calls them. A mismatch is no error: see `Report.verdict`.
    """
    asked = dict(locals())
    unsaid = [name for name in OF_A_LAYER if asked[name] is None]
    asked |= {name: said_by(candidate, name) for name in unsaid}
    if isinstance(sync, bool):
        sync = "reference" if sync else "none"
    chosen("sync", sync, get_args(Sync))
    chosen("cell", cell, (*Cell, None))
    chosen("dtype", dtype, Dtype)
    chosen("nonlinearity", nonlinearity, (*get_args(Nonlinearity), None))
    chosen("head", head, (*get_args(Head), None))
    chosen("init", init, get_args(Init))
    chosen("h0", h0, get_args(InitialState))
    for name, value, least in (
        ("seed", seed, 0),
        ("seq_len", seq_len, 1),
        ("batch_size", batch_size, 1),
        ("atol", atol, 0),
        ("rtol", rtol, 0),
    ):
        if value is not None and not value >= least:
            raise UsageError(f"{name} is {value}; it must be at least {least}")
    shared = {each.name: asked[each.name] for each in fields(CheckOptions) if each.name in asked}
    shared |= {
        "cell": None if cell is None else Cell(cell),
        "dtype": Dtype(dtype),
        "paths": paths if paths is None or isinstance(paths, str) else ",".join(paths) or "none",
        "weights": Path(weights) if isinstance(weights, str | os.PathLike) else None,
        "against_weights": Path(against_weights) if isinstance(against_weights, str | os.PathLike) else None,
        "sync": sync,
        "mapping": None if mapping is None else Path(mapping),
        "against": against if isinstance(against, str) else DEFAULT.against,
    }
    random = CompareOptions(
        **shared,
        input_size=asked["input_size"],
        seq_len=seq_len,
        batch_size=batch_size,
        init=init,
    )
    random = with_brought(random, *(each for each in (candidate, against) if isinstance(each, str)))
    if data is None:
        ends = None if lengths is None else fitting(lengths, batch_size, seq_len)
        spec = spec_of(random, random.input_size)
        sequences = random_data(random, ends)
    else:
        refuse_shape_of_random(seq_len=seq_len, batch_size=batch_size, init=None if init == DEFAULT.init else init)
        sequences = data_of(data, RunOptions(**shared, input_size=input_size), lengths)
        spec = spec_of(random, sequences.input_size)
    with torch.inference_mode(False):
        sides, remaining = named_or_read(candidate, against, dict(arguments or {}), random.mapping, read_seconds)
        shown = None if rows == "all" else ROWS_KEPT if rows is None else counted(rows)
        plan = plan_of(sides, spec, sequences, random, remaining, shown)
        plan = replace(
            plan,
            weights=weights if isinstance(weights, Mapping) else plan.weights,
            against_weights=against_weights if isinstance(against_weights, Mapping) else None,
        )
        try:
            return replace(run_check(plan), command=command_of(candidate, arguments, data, weights, random))
        except CandidateError as problem:
            silent = [name for name in SIZES if name in unsaid and not says(candidate, name)]
            if not silent or not isinstance(candidate, torch.nn.Module):
                raise
            tried = " and ".join(f"{name} {asked[name]}" for name in silent)
            raise CannotRun(
                f"{problem}\n    (the layer does not say its sizes, and {tried} were tried; give the sizes that it has)"
            ) from None


def asserting(check: Callable[P, Report]) -> Callable[P, Report]:
    """`check`, with anything but equivalence raised."""

    @wraps(check)
    def assert_equivalent(*args: P.args, **kwargs: P.kwargs) -> Report:
        __tracebackhide__ = True  # pytest then shows the line of the test
        report = check(*args, **kwargs)
        if report.verdict is not Verdict.EQUIVALENT:
            from rnncheck.reporters.terminal import render

            raise AssertionError(render(report).rstrip())
        return report

    assert_equivalent.__name__ = assert_equivalent.__qualname__ = "assert_equivalent"
    assert_equivalent.__doc__ = (
        "`check` for a test, with the same parameters. Returns the report if the verdict is equivalent; otherwise "
        "raises\n    `AssertionError` with the report as text, 80 columns wide."
    )
    return assert_equivalent


assert_equivalent = asserting(check)


def page_of(report: Report) -> str:
    """What a notebook shows of a report: its page, or, without jinja2, the text of a terminal."""
    from rnncheck.reporters import html, terminal

    try:
        return html.embedded(report)
    except CannotRun:
        return f"<pre>{escape(terminal.render(report))}</pre>"


show_in_notebooks(page_of)


def command_of(
    candidate: object, arguments: Mapping[str, object] | None, data: object, weights: object, options: CompareOptions
) -> str | None:
    """The command that does the same, where a command can: of what has a name, on data and weights of files."""
    name = candidate if isinstance(candidate, str) else written_at(candidate)
    if name is None or isinstance(weights, Mapping) or not (data is None or isinstance(data, str | os.PathLike)):
        return None
    options = replace(options, arg=[f"{key}={value!r}" for key, value in (arguments or {}).items()] or None)
    if data is None:
        return repeat(name, options)
    run = RunOptions(**{each.name: getattr(options, each.name) for each in fields(CheckOptions)})
    return repeat(name, run, os.fspath(data))


def written_at(thing: object) -> str | None:
    """`path/to/file.py:Class` of a class or a function that stands in a file under its own name."""
    if not isinstance(thing, type) and not inspect.isfunction(thing):
        return None
    try:
        file = inspect.getsourcefile(thing)
    except (TypeError, OSError):
        return None
    if file is None or not Path(file).is_file() or "<" in thing.__qualname__:
        return None
    # A class of a notebook belongs to __main__, whose file, if it has one, is another.
    functions = [each for each in vars(thing).values() if inspect.isfunction(each)] if isinstance(thing, type) else []
    if any(each.__code__.co_filename != file for each in functions):
        return None
    return f"{os.path.relpath(file)}:{thing.__qualname__}"


def said_by(candidate: object, name: str) -> object:
    """As a living layer says, or else by default."""
    return getattr(candidate, name) if says(candidate, name) else getattr(DEFAULT, name)


def says(candidate: object, name: str) -> bool:
    """Whether a living layer has such an attribute, of such a kind."""
    if isinstance(candidate, str | type):
        return False
    if name == "nonlinearity":  # another class may have a function by that name, or an LSTM two
        return isinstance(candidate, torch.nn.RNN)
    return type(getattr(candidate, name, None)) is type(getattr(DEFAULT, name))


def chosen(name: str, value: object, allowed: Iterable[object]) -> None:
    """Raises `UsageError` for what is none of them."""
    if value not in (offered := list(allowed)):
        choices = ", ".join(repr(str(each)) for each in offered if each is not None)
        raise UsageError(f"{name} is {value!r}; it must be one of {choices}")


def refuse_shape_of_random(**given: object) -> None:
    """Raises `UsageError` for options of random sequences beside data."""
    if names := [name for name, value in given.items() if value is not None]:
        raise UsageError(f"{names[0]} applies to random sequences only, and data was given; leave one of them out")


def data_of(data: object, options: RunOptions, lengths: Sequence[int] | None) -> Sequences:
    """Of a file, or of an array. Raises `DataError` where it is no data, or not of the size asked for."""
    if isinstance(data, str | os.PathLike):
        refuse_shape_of_random(lengths=lengths)
        return file_data(os.fspath(data), options)
    sequences = array_sequences(data, lengths, allow_nonfinite=options.allow_nonfinite)
    if options.input_size not in (None, sequences.input_size):
        raise DataError(f"data has {sequences.input_size} features and input_size is {options.input_size}; drop one")
    return sequences


def named_or_read(
    candidate: object, against: object, arguments: dict[str, object], mapping: Path | None, read_seconds: float
) -> tuple[tuple[str | Implementation, str | Implementation], dict[str, object]]:
    """Both sides, objects of the user's read, and those arguments that are not used up by them."""
    if mapping is not None and isinstance(candidate, Implementation) and not isinstance(candidate, type):
        raise UsageError("mapping does not apply to an Implementation, which sets its own weights; leave it out")
    sides: list[str | Implementation] = []
    for side in (candidate, against):
        if isinstance(side, str) or (isinstance(side, Implementation) and not isinstance(side, type)):
            sides.append(side)
        else:
            first = not sides or not (isinstance(candidate, str) and is_users_own(candidate))
            sides.append(Candidate(side, arguments if first else None, None if sides else mapping, read_seconds))
            arguments = {} if first else arguments
    return (sides[0], sides[1]), arguments
