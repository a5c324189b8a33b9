"""Turns options into a spec, data and a plan, and refuses impossible ones before torch loads."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from operator import index
from typing import TYPE_CHECKING, Literal, SupportsIndex

from rnncheck.cli.options import CheckOptions, CompareOptions, RunOptions, size_of
from rnncheck.cli.signals import held_back
from rnncheck.data.options import FileOptions
from rnncheck.errors import DataError, UsageError
from rnncheck.evidence.paths import checked
from rnncheck.model.spec import Cell, Spec
from rnncheck.text import printable
from rnncheck.user_code.typed import typed

if TYPE_CHECKING:
    from rnncheck.checking.plan import Plan
    from rnncheck.data.sequences import Sequences
    from rnncheck.implementations.protocol import Implementation

DEFAULT_SEQ_LEN, DEFAULT_BATCH_SIZE = 12, 3  # neither 1, nor equal to each other or to the default I and H


def spec_of(options: CheckOptions, input_size: int | None = None) -> Spec:
    """The spec. Raises `UsageError` for an impossible one."""
    refuse_infinite(options, "weight_scale", "atol", "rtol", "read_seconds", "timeout")
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", options.device):
        raise UsageError(f"--device is {options.device!r}; it must be cpu, cuda, cuda:N (N from 0) or mps")
    return Spec(
        cell=options.cell or (Cell.LSTM if options.proj_size else Cell.RNN),  # no other has a projection
        input_size=size_of(options, "input_size") if input_size is None else input_size,
        hidden_size=size_of(options, "hidden_size"),
        num_layers=1 if options.num_layers is None else options.num_layers,
        nonlinearity=options.nonlinearity,
        bias=options.bias,
        batch_first=options.batch_first,
        dropout=options.dropout,
        bidirectional=bool(options.bidirectional),
        proj_size=options.proj_size,
        head=options.head,
        dtype=options.dtype,
        device=options.device,
    )


def refuse_infinite(options: object, *names: str) -> None:
    """Raises `UsageError` for an option that is NaN or infinite."""
    for name in names:
        value = getattr(options, name)
        if value is not None and not math.isfinite(value):
            raise UsageError(f"--{name.replace('_', '-')} is {value}; it must be a finite number")


ROWS_KEPT = 30  # timesteps in a report, unless --rows says otherwise
ROWS_PLOTTED = 200  # and in one that becomes a page with plots


def rows_kept(options: CheckOptions) -> int | None:
    """How many timesteps the report holds; None for all."""
    text = options.rows
    if text is None:
        page = options.format == "html" or any(each.startswith("html=") for each in options.report or [])
        return ROWS_PLOTTED if page else ROWS_KEPT
    if text == "all":
        return None
    return counted(int(text) if text.isascii() and text.isdigit() else text)


def counted(rows: object) -> int:
    """A number of timesteps to show."""
    if not isinstance(rows, int) or rows < 0:
        raise UsageError(f"--rows is {rows!r}; it must be a number, or all")
    return rows


def witness_of(options: CheckOptions) -> bool | Literal["strict"] | None:
    """The combination of --witness and --strict."""
    if options.strict and options.witness is False:
        raise UsageError("--strict needs the planted faults, which --no-witness leaves out; leave one out")
    return "strict" if options.strict else options.witness


def paths_of(options: CheckOptions) -> str | None:
    """The combination of --paths, --compile and --autocast. Raises `UsageError` for an unknown path."""
    more = [name for name in ("compile", "autocast") if getattr(options, name)]
    asked = checked(options.paths) if options.paths is not None else None
    if not more:
        return asked
    return ",".join([*([] if asked == "none" else [asked or "default"]), *more])


def lengths_of(options: CompareOptions) -> tuple[int, ...] | None:
    """The numbers of --lengths, checked against --batch-size and --seq-len."""
    if options.lengths is None:
        return None
    numbers = options.lengths.split(",")
    if not all(re.fullmatch(r" *[0-9]+ *", number) and int(number) > 0 for number in numbers):
        raise UsageError(f"--lengths is {options.lengths!r}; it must be whole numbers from 1, such as 7,5,2")
    return fitting([int(number) for number in numbers], options.batch_size, options.seq_len)


def fitting(numbers: Sequence[SupportsIndex], batch_size: int | None, seq_len: int | None) -> tuple[int, ...]:
    """The lengths of rows, as many as the batch has and none beyond T. Raises `UsageError` for others."""
    try:
        lengths = tuple(map(index, numbers))
    except TypeError:
        lengths = ()
    if not lengths or min(lengths) < 1:
        said = ",".join(map(str, numbers))
        raise UsageError(f"--lengths is {said!r}; it must be whole numbers from 1, such as 7,5,2")
    if batch_size not in (None, len(lengths)):
        raise UsageError(f"--lengths has {len(lengths)} numbers and --batch-size is {batch_size}; leave one out")
    if seq_len is not None and max(lengths) > seq_len:
        raise UsageError(f"--lengths goes up to {max(lengths)} and --seq-len is {seq_len}; raise --seq-len")
    return lengths


def random_data(options: CompareOptions, lengths: tuple[int, ...] | None) -> "Sequences":
    from rnncheck.data.random import random_sequences

    return random_sequences(
        size_of(options, "input_size"),
        options.seq_len or (max(lengths) if lengths else DEFAULT_SEQ_LEN),
        len(lengths) if lengths else options.batch_size or DEFAULT_BATCH_SIZE,
        lengths=lengths,
        seed=options.seed,
        init=options.init,
    )


def file_data(path: str, options: RunOptions) -> "Sequences":
    """The sequences of the file. Raises `DataError` if it cannot be read, or has another number of columns."""
    values = {each.name: getattr(options, each.name) for each in fields(FileOptions)}
    for name in ("columns", "drop", "na"):
        values[name] = tuple(each.strip() for each in values[name].split(",")) if values[name] else ()
    file_options = FileOptions(**values)
    with held_back():
        from rnncheck.data.open import open_data  # numpy waits until the options are known to be right

    sequences = open_data(path, file_options)
    if options.input_size not in (None, sequences.input_size):
        raise DataError(
            f"the data has {sequences.input_size} columns and --input-size is {options.input_size}; "
            "choose columns with --columns or --drop, or leave --input-size out"
        )
    return sequences


def arguments_of(given: "list[str] | None") -> dict[str, object]:
    """`name=value` as Python writes numbers, text and lists; `str:` before what is text; the name of a class."""
    arguments: dict[str, object] = {}
    for each in given or []:
        name, equals, value = each.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--arg takes NAME=VALUE, as in --arg hidden_dim=64, not {printable(each, 100)}")
        if name in arguments:
            raise UsageError(f"--arg {name} is given twice")
        try:
            arguments[name] = typed(value)
        except ValueError:
            raise UsageError(
                f"--arg {name}: {printable(value, 100)} is not a Python value; for text write "
                f"--arg {name}=str:{printable(value, 100)}"
            ) from None
    return arguments


def plan_of(
    sides: "tuple[str | Implementation, str | Implementation]",
    spec: Spec,
    sequences: "Sequences",
    options: CheckOptions,
    arguments: Mapping[str, object],
    rows: int | None,
    *,
    said: Cell | None = None,
) -> "Plan":
    """All of it, both sides loaded; `rows` timesteps are shown, None for all.

    Where no cell, number of layers or directions was asked for, it is that of the user's own code. `said` is the cell
    that was asked for; the `options` may have that of a file.
    """
    witness, paths = witness_of(options), paths_of(options)
    with held_back():
        from rnncheck.checking.plan import Plan, sides_of
        from rnncheck.implementations.protocol import BringsWeights, Defines, KnowsItsCell, RunsOnce, SaysItsShape

    candidate, reference = sides_of(*sides, arguments, options.mapping, options.read_seconds, options.timeout)
    once = next((each for each in (candidate, reference) if isinstance(each, RunsOnce)), None)
    if once is not None:
        from rnncheck.cli.from_recording import refuse_other_data
        from rnncheck.data.array import array_sequences

        name = candidate.name if once is candidate else reference.name
        refuse_other_data(options, sequences, name)
        data = array_sequences(once.x, once.lengths, allow_nonfinite=True)
        sequences = replace(data, source={"source": "trace", "path": name})
    with_weights = next((each for each in (candidate, reference) if isinstance(each, BringsWeights)), None)
    shaped = next((each for each in (candidate, reference) if isinstance(each, SaysItsShape)), None)
    if shaped is not None:
        unsaid = [name for name in ("num_layers", "bidirectional") if getattr(options, name) is None]
        options = replace(options, **shaped.shape(unsaid, spec, options.cell))
        spec = spec_of(options, spec.input_size)
    defined = next((each.semantics for each in (candidate, reference) if isinstance(each, Defines)), None)
    if defined is not None and options.cell in (None, defined.cell):
        nonlinearity = options.nonlinearity or defined.nonlinearity
        options = replace(options, cell=defined.cell, nonlinearity=nonlinearity)
        spec = spec_of(options, spec.input_size)
    own = next((each for each in (candidate, reference) if isinstance(each, KnowsItsCell)), None)
    if options.cell is None and own is not None:
        spec = spec_of(replace(options, cell=own.cell(spec)), spec.input_size)
    elif said is None and own is not None and with_weights is not None:
        from rnncheck.cli.from_recording import refuse_another_cell

        refuse_another_cell(own, with_weights.name, spec)
    return Plan(
        spec=spec,
        sequences=sequences,
        candidate=candidate,
        reference=reference,
        seed=options.seed if once is None else once.seed,
        state=None if once is None else once.state,
        weights=with_weights.weights.values if with_weights is not None and options.weights is None else None,
        h0=options.h0,
        weights_path=options.weights,
        sync=options.sync,
        against_weights_path=options.against_weights,
        save_weights_path=options.save_weights,
        mapping_path=options.mapping,
        save_mapping_path=options.save_mapping,
        weight_scale=options.weight_scale,
        allow_nonfinite=options.allow_nonfinite,
        atol=options.atol,
        rtol=options.rtol,
        lockstep=options.lockstep,
        backward=options.backward,
        paths=paths,
        witness=witness,
        diagnose=options.diagnose,
        tf32=options.tf32 or (once is not None and once.tf32),
        rows=rows,
        read_seconds=options.read_seconds,
    )
