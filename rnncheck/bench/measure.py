"""Checks that two layers are equivalent, then times them. A wrong layer is not timed."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnncheck import machine
from rnncheck.bench.memory import peak
from rnncheck.bench.timing import Call, first, forward, forward_and_backward, race
from rnncheck.checking.check import check
from rnncheck.checking.examine import build_synced
from rnncheck.checking.plan import Case, Plan, prepare
from rnncheck.errors import RefusedError
from rnncheck.implementations.on_device import OnDevice
from rnncheck.implementations.protocol import Implementation, Layer, RunsOnce
from rnncheck.implementations.uses import NotOffered, offered
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State
from rnncheck.report import Report, Verdict
from rnncheck.timings import Bench, Pass, Row, Size

Progress = Callable[[str], None]
SIZES = ("input_size", "hidden_size", "variant")  # of a spec: they vary, or are no fact of it


@dataclass(frozen=True)
class Wanted:
    """The request: about `seconds` for each side, pass and size, on this number of threads."""

    seconds: float = 0.5
    threads: int = 1
    backward: bool = True
    compile: bool = False


@dataclass
class Timed:
    """The rows so far, and notes on what could not be timed."""

    wanted: Wanted
    progress: Progress
    rows: list[Row] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)


def bench(plans: Mapping[Size, Plan], wanted: Wanted, progress: Progress = lambda said: None) -> Bench | Report:
    """The times of both sides at every size, or the report of the first failed check.

    Every size is checked before any is timed: states, single steps and gradients; the smallest on the default paths
    too. Raises `CannotRun` for what cannot be used, and `RefusedError` for what cannot be timed.
    """
    smallest = min(plans, key=lambda size: size.seq_len * size.batch_size * size.hidden_size)
    for size in sorted(plans, key=lambda each: each != smallest):
        progress(f"checking that both are equivalent at {size}")
        paths = "none" if size != smallest else "default,compile" if wanted.compile else None
        plan = replace(plans[size], witness=False, paths=paths)
        for side in (plan.candidate, plan.reference):
            refuse(side)
        report = check(plan)
        if report.verdict is not Verdict.EQUIVALENT:
            return report
    found = Timed(wanted, progress)
    for size, plan in plans.items():
        time_at(size, prepare(plan), found)
    plan = next(iter(plans.values()))
    facts = {name: value for name, value in vars(plan.spec).items() if name not in SIZES}
    environment = machine.versions() | {"device": machine.describe(plan.spec.device)}
    names = [side if isinstance(side, str) else side.name for side in (plan.candidate, plan.reference)]
    return Bench(names[0], names[1], facts, wanted.threads, found.rows, environment, list(found.notes))


def refuse(side: Implementation | str) -> None:
    """Raises `RefusedError` for a side that does not run in this process on the requested device."""
    name = side if isinstance(side, str) else side.name
    if isinstance(side, RunsOnce):
        raise RefusedError(f"{name} is a recorded run and cannot be timed; name a layer")
    if name.startswith("exec:"):
        raise RefusedError(f"{name} cannot be timed, because it starts a process for each call; time it by itself")
    if isinstance(side, OnDevice):
        raise RefusedError(f"{name} cannot be timed, because both sides run on one device; use --device")


def time_at(size: Size, case: Case, into: Timed) -> None:
    """Adds the rows of one size."""
    spec, wanted = case.plan.spec, into.wanted
    with machine.tf32(case.plan.tf32), torch.inference_mode(False):
        candidate, reference = (build_synced(side, spec, case.weights) for side in case.sides)
        x, state = given(case)
        sides = [(False, candidate)]
        if wanted.compile:
            into.progress(f"compiling {case.sides[0].name} at {size}")
            try:
                sides.append((True, offered(candidate, "compiled")()))
            except NotOffered as reason:
                into.notes[f"{case.sides[0].name} was not timed compiled: {reason}"] = None
        for compiled, layer in sides:
            with ready(layer, x, state) as ours, ready(reference, x, state) as theirs:
                for run in passes(wanted):
                    into.progress(f"timing {size}, {run}{', compiled' if compiled else ''}")
                    calls = [prepared(run, call, who, x) for call, who in ((ours, layer), (theirs, reference))]
                    if missing := [side.name for side, call in zip(case.sides, calls, strict=True) if call is None]:
                        into.notes[f"{run} was not timed: {' and '.join(missing)} has no gradients"] = None
                        continue
                    into.rows.append(row(size, run, compiled, calls, spec, wanted))


def row(size: Size, run: Pass, compiled: bool, calls: list[Any], spec: Spec, wanted: Wanted) -> Row:
    candidate, reference = calls
    first_call = first(candidate, spec.device)
    first(reference, spec.device)
    ours, theirs, speed = race((candidate, reference), spec.device, wanted.seconds, wanted.threads)
    held, theirs_held = peak(candidate, spec.device), peak(reference, spec.device)
    return Row(size, run, compiled, ours, theirs, speed, first_call, held, theirs_held)


def passes(wanted: Wanted) -> Iterator[Pass]:
    yield "forward"
    if wanted.backward:
        yield "forward and backward"


def prepared(run: Pass, call: Callable[[], Tensor], layer: Layer, x: Tensor) -> Call | None:
    """The call to time; None if there are no gradients."""
    if run == "forward":
        x.requires_grad_(False)
        return forward(call)
    x.requires_grad_(True)
    weights = [each for each in getattr(layer, "trained", dict)().values() if each.requires_grad]
    return forward_and_backward(call, [*weights, x])


def given(case: Case) -> tuple[Tensor, State]:
    """x (T, B, I) and the initial state, at the dtype and on the device of the run."""
    spec, sequences = case.plan.spec, case.plan.sequences
    dtype = getattr(torch, spec.dtype)
    whole = np.concatenate(list(sequences.chunks(sequences.seq_len or 1)))
    return torch.from_numpy(whole).to(spec.device, dtype), case.state.to(spec.device, dtype)


@contextmanager
def ready(layer: Layer, x: Tensor, state: State) -> Iterator[Callable[[], Tensor]]:
    """The call of the layer without rnncheck's conversions, or `run` if the layer offers no such call."""
    own: AbstractContextManager[Callable[[], Tensor]] | None = getattr(layer, "ready", lambda *_: None)(x, state)
    if own is None:
        yield lambda: layer.run(x, state).output
        return
    with own as call:
        yield call
