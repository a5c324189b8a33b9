"""The library: `rnncheck compare` and `rnncheck run` as functions that take and return Python objects.

Defaults and rules are those of the command line.
"""

import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from functools import wraps
from html import escape
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

import torch
from torch import Tensor

from rnncheck.checking.check import check as run_check
from rnncheck.cli.from_recording import with_model_in_file
from rnncheck.cli.options import CheckOptions, CompareOptions, RunOptions, Sync, size_of
from rnncheck.cli.own_sizes import with_own_sizes
from rnncheck.cli.plans import file_data, lengths_of, plan_of, random_data, rows_kept, spec_of
from rnncheck.cli.repeat import repeat
from rnncheck.data.array import array_sequences
from rnncheck.data.sequences import Sequences
from rnncheck.errors import CannotRun, DataError, UsageError
from rnncheck.implementations import is_users_own
from rnncheck.implementations.protocol import Implementation
from rnncheck.model.spec import Cell, Dtype, Head, Init, InitialState, Nonlinearity
from rnncheck.parameters import accepted
from rnncheck.report import Report, Verdict, show_in_notebooks
from rnncheck.user_code.adapter import Candidate
from rnncheck.user_code.blame import CandidateError

DEFAULT = CompareOptions()
SIZES = ("input_size", "hidden_size")
OF_A_LAYER = (*SIZES, "nonlinearity", "bias", "proj_size")
OPTIONAL = {"arguments", *(each.name for each in fields(CompareOptions) if getattr(DEFAULT, each.name) is None)}
ArrayLike = Any  # a tensor, an array, or nested lists of numbers
P = ParamSpec("P")
Options = TypeVar("Options", bound=CheckOptions)


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
    data: str | os.PathLike[str] | ArrayLike | None = None,
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
    dtype: Dtype | torch.dtype | Literal["float64", "float32", "bfloat16", "float16"] = DEFAULT.dtype,
    device: str | torch.device = DEFAULT.device,
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
    """Runs two implementations with the same weights on the same sequences, and compares all their results.

    candidate, against: a class, a function that makes a layer or is one, an instance of a layer (a copy of it gets the
        weights; the instance does not change), an `Implementation`, or a name as on the command line: "torch",
        "scratch", "numpy", "path/to/file.py:Class", "package.module:Class", "fault:SLUG", "exec:COMMAND", or
        "trace.safetensors", a recorded run that also gives the model, the data and the weights.
    cell: "rnn", "lstm" or "gru". None infers it from the class; for rnncheck's own layers None means "rnn", or "lstm"
        with `proj_size`.
    input_size, hidden_size, num_layers, nonlinearity, bias, bidirectional, proj_size, dropout, batch_first: as in
        `torch.nn`. A class is constructed with them, whatever it calls them. None takes the attribute of that name
        from an instance (`nonlinearity`: from a `torch.nn.RNN`), and the default of a class's constructor for
        `num_layers` and `bidirectional`; otherwise the default of the command line.
    arguments: other arguments of the constructor, by name.
    timeout: the seconds that each call of an "exec:COMMAND" may take; None means 60.
    head: "softmax" adds y_t = softmax(W_hy h_t + b_y) to both sides.
    data: x as a tensor or array (T, B, I), or (T, I) for one sequence, or the path of a CSV or .npy file. Without
        data, x is random: `seq_len` timesteps and `batch_size` rows from `seed`; `init` is "normal" or "uniform".
    lengths: the length of each batch row; the rows are packed.
    h0: "random" or "zeros".
    weights: a file, or tensors by torch's names, such as the state_dict of a `torch.nn.LSTM`, or by the names of the
        candidate, such as its state_dict. Without it they are drawn from `seed` as `torch.nn` draws them.
        `weight_scale` multiplies W_hh.
    sync: "reference" or True gives both sides the same weights. "none" or False keeps the weights of each side: those
        of an instance, or `weights` for the candidate and `against_weights` for the reference.
    mapping: a TOML file that says which weight each tensor of the candidate holds; without it rnncheck finds that out.
    read_seconds: the seconds allowed for finding out how to read your own class.
    allow_nonfinite: accept NaN and infinities in data and weights.
    dtype, device: of both sides, as names or as torch's objects. `tf32` lets CUDA multiply float32 in TF32.
    atol, rtol: allow this difference instead of the rounding envelope.
    backward, lockstep: compare gradients, and every single step. None does so if both sides support it and no
        tolerance is given.
    paths: the other ways to use the layer that are compared: "default", "all", "none", or names, such as
        "no-state,strides". None means "default", or "none" with a tolerance. `compile` and `autocast` add these paths.
    witness, strict: after a pass, plant known faults to see which this check would detect (None: unless the layer is
        large). With `strict`, a fault that it would not detect makes the verdict inconclusive.
    diagnose: on a mismatch, look for the known fault that explains it.
    rows: how many timesteps the report holds, or "all"; None means 30.

    Leaves everything outside as it was: layers, random number generators, torch's modes.

    Raises `UsageError` if the parameters are impossible, and `CannotRun` if the check cannot run: the candidate's code
    raises, weights or data do not fit, a device was not found. Both are `RnncheckError`; their messages use the option
    names of the command line. A mismatch is not an error: see `Report.verdict`.
    """
    given = dict(locals())
    unsaid = [name for name in OF_A_LAYER if given[name] is None]
    asked = accepted(given | {name: said_by(candidate, name) for name in unsaid}, OPTIONAL)
    files = {name: asked[name] if isinstance(asked[name], Path) else None for name in ("weights", "against_weights")}
    named = {"against": against if isinstance(against, str) else DEFAULT.against}
    random = options_of(CompareOptions, asked | files | named)
    said = random.cell
    random = with_model_in_file(random, *(each for each in (candidate, against) if isinstance(each, str)))
    ends = lengths_of(random)
    given_data, columns = None, None
    if data is not None:
        refuse_shape_of_random(seq_len=seq_len, batch_size=batch_size, init=None if init == DEFAULT.init else init)
        options = options_of(RunOptions, asked | files | named | {"input_size": input_size})
        given_data = data_of(data, options, ends)
        columns = given_data.input_size

    def attempt(sized: CompareOptions) -> Report:
        spec = spec_of(sized, columns)
        sequences = random_data(sized, ends) if given_data is None else given_data
        sides, remaining = named_or_read(
            candidate, against, asked["arguments"] or {}, sized.mapping, sized.read_seconds
        )
        plan = plan_of(sides, spec, sequences, sized, remaining, rows_kept(sized), said=said)
        plan = replace(
            plan,
            weights=weights if isinstance(weights, Mapping) else plan.weights,
            against_weights=against_weights if isinstance(against_weights, Mapping) else None,
        )
        return run_check(plan)

    with torch.inference_mode(False):
        try:
            report, sizes = with_own_sizes(random, attempt, columns)
            command = command_of(candidate, arguments, data, weights, replace(random, **sizes))
            return replace(report, command=command)
        except CandidateError as problem:
            silent = [name for name in SIZES if name in unsaid and not says(candidate, name)]
            if not silent or not isinstance(candidate, torch.nn.Module):
                raise
            tried = " and ".join(f"{name} {size_of(random, name)}" for name in silent)
            raise CannotRun(
                f"the layer does not say its sizes, and it fails with {tried}; give the sizes that it has\n{problem}"
            ) from None


def asserting(check: Callable[P, Report]) -> Callable[P, Report]:
    """`check` that raises unless the verdict is equivalent."""

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
    """What a notebook shows for a report: the HTML report, or the text of the terminal if jinja2 is not installed."""
    from rnncheck.reporters import html, terminal

    try:
        return html.embedded(report)
    except CannotRun:
        return f"<pre>{escape(terminal.render(report))}</pre>"


show_in_notebooks(page_of)


def command_of(
    candidate: object, arguments: Mapping[str, object] | None, data: object, weights: object, options: CompareOptions
) -> str | None:
    """The command that repeats the check; None if the candidate has no name, or data or weights are not in files."""
    name = candidate if isinstance(candidate, str) else written_at(candidate)
    if name is None or isinstance(weights, Mapping) or not (data is None or isinstance(data, str | os.PathLike)):
        return None
    options = replace(options, arg=[f"{key}={value!r}" for key, value in (arguments or {}).items()] or None)
    if data is None:
        return repeat(name, options)
    run = RunOptions(**{each.name: getattr(options, each.name) for each in fields(CheckOptions)})
    return repeat(name, run, os.fspath(data))


def written_at(thing: object) -> str | None:
    """`path/to/file.py:Class` of a class or function at the top level of a file; None for others."""
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
    """The value from an attribute of the instance, or the default."""
    return getattr(candidate, name) if says(candidate, name) else getattr(DEFAULT, name)


def says(candidate: object, name: str) -> bool:
    """Whether the candidate is an instance with this attribute, of the right type."""
    if isinstance(candidate, str | type):
        return False
    if name == "nonlinearity":  # another class may have a function by that name, or an LSTM two
        return isinstance(candidate, torch.nn.RNN)
    return type(getattr(candidate, name, None)) is (int if name in SIZES else type(getattr(DEFAULT, name)))


def options_of(options_class: type[Options], values: Mapping[str, Any]) -> Options:
    """The options among these values."""
    return options_class(**{each.name: values[each.name] for each in fields(options_class) if each.name in values})


def refuse_shape_of_random(**given: object) -> None:
    """Raises `UsageError` for options of random sequences if data is given."""
    if names := [name for name, value in given.items() if value is not None]:
        raise UsageError(f"{names[0]} applies to random sequences only, and data was given; leave one of them out")


def data_of(data: object, options: RunOptions, lengths: Sequence[int] | None) -> Sequences:
    """The sequences of a file or an array. Raises `DataError` if it is not data, or has another number of features."""
    if isinstance(data, str | os.PathLike):
        refuse_shape_of_random(lengths=lengths)
        return file_data(os.fspath(data), options)
    sequences = array_sequences(data, lengths, allow_nonfinite=options.allow_nonfinite)
    if options.input_size not in (None, sequences.input_size):
        raise DataError(f"data has {sequences.input_size} features and input_size is {options.input_size}; drop it")
    return sequences


def named_or_read(
    candidate: object, against: object, arguments: dict[str, object], mapping: Path | None, read_seconds: float
) -> tuple[tuple[str | Implementation, str | Implementation], dict[str, object]]:
    """Both sides, with the user's objects as implementations, and the arguments that no side took."""
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
