"""The result of one attempt to call a candidate."""

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.model.trace import State, Trace
from rnncheck.user_code.convention import Convention, ResultReading, StateForm
from rnncheck.user_code.results import ALL, Way
from rnncheck.user_code.returned import NOTHING, Unread


@dataclass(frozen=True)
class Found:
    """A way of calling that works, and what was observed."""

    convention: Convention
    reading: ResultReading
    remembers: bool  # that what comes late depends on what was early, in the same row
    foresees: bool  # that what comes early depends on what will be late, in the same row
    recurs: bool  # that it remembers and, but for both directions, does not foresee
    keeps_rows: bool
    uses_state: bool
    drops_time: bool  # something it returns has no axis of time, though it was given one
    draws: bool  # numbers of torch's at random
    raised: str | None = None  # what happens, given the initial state that its signature offers
    crashes: bool = False  # that this is a mistake of its own, whatever the state's axes
    unread: Unread = NOTHING
    guess: str | None = None  # the parameter of unknown meaning that is left out, and acts as a state if it is given
    ignores_batch_first: bool = False  # it reads the batch and time axes in the other order than it was told


def plausible(kind: str, found: Found, *, whole: bool) -> int:
    """A rank among ways of calling that do not carry a state from step to step while they keep rows apart.

    `whole` says that some other way returns a last state without an axis of time: a layer does, and no cell.
    """
    sequence, step = kind in ("layers", "packed", "ids"), kind.startswith("cells")
    return next(
        rank
        for rank, holds in enumerate(
            (
                sequence and found.recurs,
                kind.startswith("rows") and found.remembers,
                step and found.uses_state and not whole and found.keeps_rows,
                step and found.uses_state and not whole,
                sequence and found.foresees and found.keeps_rows,
                sequence,
                kind.startswith("rows"),
                True,
            )
        )
        if holds
    )


def shown(trace: Trace) -> Tensor:
    """The states that a run returns: of every timestep, or only the last."""
    return trace.output if "output" not in trace.unexposed else trace.final.h[-1:]


def broadcasts(form: StateForm, reading: ResultReading) -> bool:
    """Whether a layer axis that nobody reads may have found its way from the state into what is returned."""
    return form.axes == "KBF" and has_axis_of_one(reading)


def has_axis_of_one(reading: ResultReading) -> bool:
    return any("1" in each.axes for each in (reading.output, reading.h, reading.c) if each is not None)


def drops_time(trace: Trace, reading: ResultReading, start: State) -> bool:
    """Whether a last state is returned beside the outputs. A state with a time axis of 1 counts as an output. The
    initial state returned unchanged does not count.
    """
    if reading.h is None or reading.output is None:
        return False
    if any(each is not None and torch.equal(trace.final.h, each) for each in (start.h, start.c)):
        return False
    if reading.h.axes.startswith("1") or reading.h.axes != reading.output.axes.replace("T", "1"):
        return True
    width = trace.final.h.shape[2]
    outputs = [part for output in trace.output for part in torch.split(output, width, -1)]
    return any(torch.equal(h, output) for h in trace.final.h for output in outputs)


def list_of_time(found: Found) -> list[Way]:
    """Where its outputs are a list, one for each timestep."""
    output = found.reading.output
    return [output.way[:-1]] if output is not None and output.way[-1:] == (ALL,) and "T" in output.axes else []


def member_of(found: Found, lists: Collection[Way]) -> bool:
    """Whether its state is a member of one of these lists: what was given as a step was taken for several."""
    h = found.reading.h
    return h is not None and len(h.way) > 0 and isinstance(h.way[-1], int) and h.way[:-1] in lists
