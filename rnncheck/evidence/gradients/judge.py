"""Compares the gradients of both sides, at the spec's dtype and in float64."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from rnncheck.envelope import Rounding
from rnncheck.errors import CannotRun
from rnncheck.evidence.differences import Fold
from rnncheck.evidence.gradients.differentiate import INPUTS, BackwardRun, Derived, differentiate
from rnncheck.evidence.gradients.findings import findings
from rnncheck.evidence.gradients.task import (
    MOST_WEIGHTS,
    SAMPLES,
    Allowances,
    JudgedTask,
    Task,
    held_in_float64,
    whole,
    within_reach,
)
from rnncheck.evidence.places import DIRECTIONS, Locate
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.implementations.protocol import Implementation, Layer, NotRecorded, OtherRun
from rnncheck.model.spec import Dtype, Spec
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights
from rnncheck.report import Comparison, Entry, Finding, Place
from rnncheck.text import in_words


def called(name: str) -> str:
    return f"grad {name}"


def compare(
    run: BackwardRun, name: str, found: Derived, reference: Tensor, allowances: Allowances, mode: str
) -> Comparison:
    """The gradient of `name`: the candidate's among those `found`, and the reference's."""
    candidate = found.gradients.get(name)
    if candidate is None:
        problem = found.problem or f"no gradient reaches {name}"
        if name in found.unregistered:
            problem = "not among the candidate's registered parameters"
        return Comparison(called(name), mode, problem=problem)
    fold = Fold(called(name), locate(run, name), mode=mode)
    allowed = allowances if isinstance(allowances, Tolerance) else in_rows(name, allowances[name])
    fold.add(in_rows(name, candidate), in_rows(name, reference), allowed)
    compared = fold.result()
    if name in INPUTS or compared.at is None:
        return compared
    # A parameter serves all timesteps and rows: its gradient has an entry, and no place in time.
    at = compared.at
    entry = Entry(row=at.t, column=at.unit, layer=at.layer, direction=at.direction)
    return replace(compared, at=None, entry=entry, first_divergence=None)


def in_rows(name: str, gradient: Tensor) -> Tensor:
    """As (rows, B, columns); that of a parameter as if there were one batch row, of a bias as a single column."""
    if name in INPUTS:
        return gradient
    return gradient.view(len(gradient), 1, -1)


def locate(run: BackwardRun, name: str) -> Locate:
    """Where an element is.

    Of x, at its timestep, its feature as the unit. Of h0 and c0, at the first timestep that reads them: for the
    reverse direction the last of each row.
    """
    if name == "x":
        return lambda row, batch, column: Place(row, batch, column, 0, DIRECTIONS[0])
    if name in INPUTS:
        ends = run.ends

        def place(row: int, batch: int, column: int) -> Place:
            layer, direction = divmod(row, run.spec.directions)
            return Place(ends[batch] - 1 if direction else 0, batch, column, layer, DIRECTIONS[direction])

        return place
    layer, direction = layer_and_direction(name)
    return lambda row, batch, column: Place(row, batch, column, layer, direction)


def layer_and_direction(parameter: str) -> tuple[int, str]:
    """Of "weight_hh_l1_reverse": (1, "reverse")."""
    _, _, place = parameter.rpartition("_l")
    layer, _, direction = place.partition("_")
    return int(layer), direction or DIRECTIONS[0]


class Right:
    """What the reference's gradients of a task are, and what is allowed around them."""

    def __init__(self, reference: Layer, held: JudgedTask, mode: str) -> None:
        (self._task, self._allowances), self._mode = held, mode
        self.derived = differentiate(reference, self._task.run, self._task.projection)

    def against(self, candidate: Layer) -> tuple[Derived, dict[str, Comparison]]:
        """The candidate's gradients, and each compared with the reference's, by name."""
        found = differentiate(candidate, self._task.run, self._task.projection)
        return found, {
            name: compare(self._task.run, name, found, value, self._allowances, self._mode)
            for name, value in self.derived.gradients.items()
            if value is not None
        }


MODE, MODE_FLOAT64 = "backward", "backward float64"


class Backward(NamedTuple):
    """What the gradients show: a comparison for each of them, why those that are wrong are, and what was left out."""

    comparisons: list[Comparison]
    findings: list[Finding]
    note: str | None = None


def backward_comparisons(
    spec: Spec,
    weights: Weights,
    candidate: Layer,
    reference: Layer,
    x: Tensor,
    state: State,
    lengths: Sequence[int] | None = None,
    *,
    held: Rounding | Tolerance,
    seed: int = 0,
    in_float64: tuple[Implementation, Implementation] | None = None,
    unexposed: frozenset[str] = frozenset(),
    withheld: frozenset[str] = frozenset(),
    samples: int = SAMPLES,
) -> Backward:
    """The gradients of sum(P * (output, h_n, c_n)) by x, h0, c0 and every weight, P fixed, normal, from `seed`.

    x (T, B, I), state and weights are float64 on the host. `held` is what gradients are held against: how operations
    round, for an envelope of its own, or a stated tolerance. `in_float64`, candidate and reference, has the same
    gradients judged in float64 too, where what is right at the dtype only by its generosity shows. The head's y is
    left out: its parameters get no gradient here. Long, wide and large runs are checked in part, as the note says.
    An envelope has `samples` perturbed runs, at least.
    Results that are `unexposed` have no part in the sum, and gradients that are `withheld` none in the comparison.
    Works in any of torch's modes, draws from no global generator, and leaves no `.grad` behind.
    """
    if unable := cannot(candidate, reference):
        return Backward([], [], f"gradients were not compared: {unable}")
    reach = within_reach(spec, *x.shape[:2])
    if reach is None:
        size = f"the layer has {spec.recurrent_count:,} weights, and the limit is {MOST_WEIGHTS:,}"
        return Backward([], [], f"gradients were not compared: {size}")
    with torch.inference_mode(False):
        for way in dict.fromkeys((reach, whole(spec, *x.shape[:2]) or reach)):
            task = Task.of(BackwardRun(spec, *way.cut(x, state, lengths), unexposed, withheld), weights, seed)
            at_dtype = task.judged_by(held, samples)
            steps = len(task.run.x)
            try:
                parts = [judge(candidate, reference, at_dtype, MODE, steps)]
                break
            except NotRecorded:
                part = f"the first {len(at_dtype.task.run.x)} of {steps} timesteps"
                unable = f"rounding limits them to {part}, and the recording has only whole runs"
            except OtherRun as problem:
                unable = f"that takes a shorter run, and {problem}"
        else:
            return Backward([], [], f"gradients were not compared: {unable}")
        if in_float64 and spec.dtype is not Dtype.FLOAT64:
            parts.append(judge_in_float64(*in_float64, task, held, at_dtype, samples))
    comparisons = [each for part in parts for each in part.comparisons]
    found = {each: None for part in parts for each in part.findings}  # the same once, in order
    notes = [way.note(*x.shape[:2]), *(part.note for part in parts)]
    return Backward(comparisons, list(found), "; ".join(note for note in notes if note) or None)


def cannot(candidate: Layer, reference: Layer) -> str | None:
    """Why gradients cannot be compared."""
    unable = [side for side, layer in (("candidate", candidate), ("reference", reference)) if layer.leaves() is None]
    return f"the {in_words(unable)} cannot be differentiated" if unable else None


def judge_in_float64(
    candidate: Implementation,
    reference: Implementation,
    task: Task,
    by: Rounding | Tolerance,
    at_dtype: JudgedTask,
    samples: int,
) -> Backward:
    """The same gradients, by layers that are built in float64."""
    task = task.in_float64()
    spec = task.run.spec
    for side in (candidate, reference):
        if reason := side.refuses(spec, lengths=task.run.lengths is not None):
            return Backward([], [], f"gradients were not compared in float64: {side.name} cannot run this: {reason}")
    mine, theirs = (side.build(spec, task.weights) for side in (candidate, reference))
    if unable := cannot(mine, theirs):
        return Backward([], [], f"gradients were not compared in float64: {unable}")
    if is_float32(mine, task.run):
        return Backward([], [], f"gradients were not compared in float64: {candidate.name} computes in float32 there")
    try:
        return judge(mine, theirs, held_in_float64(task, by, at_dtype, samples), MODE_FLOAT64, len(task.run.x))
    except CannotRun as problem:  # a backward may work in float32 alone
        (said, *_) = str(problem).splitlines()
        return Backward([], [], f"gradients were not compared in float64, where this fails: {said}")


def is_float32(layer: Layer, run: BackwardRun) -> bool:
    """Whether a layer that was built in float64 computes in float32 all the same."""
    x, h, *c = (value.detach() for value in run.copies().values())
    with torch.no_grad():
        return layer.run(x, State(h, *c), run.lengths).is_float32


def judge(candidate: Layer, reference: Layer, held: JudgedTask, mode: str, steps: int) -> Backward:
    """Every gradient compared, and, if one is wrong, why. `steps` is how many timesteps there were to be judged."""
    task, right = held.task, Right(reference, held, mode)
    if right.derived.problem:
        return Backward([Comparison("gradients", mode, problem=f"in the reference, {right.derived.problem}")], [])
    found, every = right.against(candidate)
    unjudged = [name for name, each in every.items() if each.problem is None and each.unjudged and not each.compared]
    because = []
    if not all(each.agrees for each in every.values()):
        with suppress(OtherRun):  # what explains it takes other runs
            because = findings(candidate, reference, task.run, found, right.derived)
    notes, where = [], " in float64" if mode == MODE_FLOAT64 else ""
    if (judged := len(task.run.x)) < steps:
        notes.append(
            f"gradients were compared{where} on the first {judged} of these {steps} timesteps; after them rounding "
            "error is too large"
        )
    if unjudged:
        notes.append(
            f"the gradient of {in_words(unjudged)}{where} was not judged: rounding error may be as large as it"
        )
    comparisons = [each for name, each in every.items() if name not in unjudged]
    return Backward(comparisons, because, "; ".join(notes) or None)
