"""Checks that two layers are equivalent, then times them. A wrong layer is not timed."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnncheck import machine
from rnncheck.bench.timing import first, forward, forward_and_backward, peak, race
from rnncheck.checking.check import check
from rnncheck.checking.examine import build_synced
from rnncheck.checking.plan import Case, Plan, prepare
from rnncheck.errors import RefusedError
from rnncheck.implementations.on_device import OnDevice
from rnncheck.implementations.protocol import Implementation, Layer, RunsOnce
from rnncheck.implementations.uses import NotOffered, offered
from rnncheck.model.trace import State, dtype_of
from rnncheck.report import Report, Verdict
from rnncheck.timings import Bench, Pass, Row, Size

Say = Callable[[str], None]
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
    progress: Say
    rows: list[Row] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)


def bench(plans: Mapping[Size, Plan], wanted: Wanted, progress: Say = lambda said: None) -> Bench | Report:
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
    environment = machine.versions() | {"device": machine.describe(plan.spec.device)}
    return Bench(*names_of(plan), facts_of(plan), wanted.threads, found.rows, environment, list(found.notes))


def facts_of(plan: Plan) -> dict[str, Any]:
    """Of the layer, all but its sizes."""
    return {name: value for name, value in vars(plan.spec).items() if name not in SIZES}


def names_of(plan: Plan) -> tuple[str, str]:
    """Of candidate and reference."""
    first, second = (side if isinstance(side, str) else side.name for side in (plan.candidate, plan.reference))
    return first, second


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
        sides = [(False, candidate)]
        if wanted.compile:
            into.progress(f"compiling {case.sides[0].name} at {size}")
            torch.compiler.reset()  # what was compiled for other sizes would make this slower, or give it up
            try:
                sides.append((True, offered(candidate, "compiled")()))
            except NotOffered as reason:
                into.notes[f"{case.sides[0].name} was not timed compiled: {reason}"] = None
        for compiled, layer in sides:
            for run in passes(wanted):
                into.progress(f"timing {size}, {run}{', compiled' if compiled else ''}")
                found = row(size, run, compiled, (layer, reference), case, wanted)
                if isinstance(found, Row):
                    into.rows.append(found)
                else:
                    into.notes[f"{run} was not timed: {' and '.join(found)} has no gradients"] = None


def row(
    size: Size, run: Pass, compiled: bool, layers: tuple[Layer, Layer], case: Case, wanted: Wanted
) -> Row | list[str]:
    """The times of one pass, or the names of the sides that have no gradients. Each side has inputs of its own."""
    device, backward = case.plan.spec.device, run != "forward"
    inputs = [given(case, graded=backward) for _ in layers]
    with ExitStack() as stack:
        stack.enter_context(torch.set_grad_enabled(backward))
        own = [stack.enter_context(ready(layer, *each)) for layer, each in zip(layers, inputs, strict=True)]
        calls = [
            forward_and_backward(call, [*weights_of(layer), x]) if backward else forward(call)
            for call, layer, (x, _) in zip(own, layers, inputs, strict=True)
        ]
        firsts = [first(call, device) for call in calls]
        if (first_call := firsts[0]) is None or firsts[1] is None:
            return [side.name for side, seconds in zip(case.sides, firsts, strict=True) if seconds is None]
        candidate, reference = calls
        ours, theirs, speed = race((candidate, reference), device, wanted.seconds, wanted.threads)
        held, theirs_held = peak(candidate, device), peak(reference, device)
    return Row(size, run, compiled, ours, theirs, speed, first_call, held, theirs_held)


def passes(wanted: Wanted) -> Iterator[Pass]:
    yield "forward"
    if wanted.backward:
        yield "forward and backward"


def weights_of(layer: Layer) -> list[Tensor]:
    """The weights that an optimizer would change."""
    return [each for each in getattr(layer, "trained", dict)().values() if each.requires_grad]


def given(case: Case, *, graded: bool) -> tuple[Tensor, State]:
    """x (T, B, I) and the initial state, at the dtype and on the device of the run; `graded`: x requires gradients."""
    spec, sequences = case.plan.spec, case.plan.sequences
    dtype = dtype_of(spec)
    whole = np.concatenate(list(sequences.chunks(sequences.seq_len or 1)))
    x = torch.from_numpy(whole).to(spec.device, dtype, copy=True).requires_grad_(graded)
    return x, case.state.to(spec.device, dtype)


@contextmanager
def ready(layer: Layer, x: Tensor, state: State) -> Iterator[Callable[[], Tensor]]:
    """The call of the layer without rnncheck's conversions, or `run` if the layer offers no such call."""
    own: AbstractContextManager[Callable[[], Tensor]] | None = getattr(layer, "ready", lambda *_: None)(x, state)
    if own is None:
        yield lambda: layer.run(x, state).output
        return
    with own as call:
        yield call
