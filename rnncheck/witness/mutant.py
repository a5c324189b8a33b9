"""A mutant: the reference with a known fault, judged like the candidate, by the same evidence."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from rnncheck.envelope import Rounding
from rnncheck.evidence.allowance import Allowed, Enveloped, SideRun, Stated
from rnncheck.evidence.first_chunk import Evidence, FirstChunk
from rnncheck.evidence.free_run import SideBySide
from rnncheck.evidence.gradients.differentiate import BackwardRun
from rnncheck.evidence.gradients.judge import MODE, MODE_FLOAT64, Right
from rnncheck.evidence.gradients.task import Task, held_in_float64, within_reach
from rnncheck.evidence.lockstep import Lockstep
from rnncheck.evidence.paths.path import chosen
from rnncheck.evidence.paths.scene import PathSetting, User
from rnncheck.evidence.paths.walk import PathOutcome
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.faults.fault import Fault
from rnncheck.faults.planted import Planted
from rnncheck.faults.scene import Scene
from rnncheck.implementations.protocol import Implementation, Layer
from rnncheck.model.trace import State, Trace, dtype_of
from rnncheck.model.weights import Weights
from rnncheck.report import Comparison, PathFacts

OF_BATCHES = ("batch-mixed", "batch-time-swapped", "bias-along-batch", "order-not-restored")


@dataclass(frozen=True)
class MutantJudgement:
    """`held` is how operations round, or a stated tolerance; `modes` are the kinds of comparison that were made.

    `seed` draws the projection of which gradients are taken; what a side keeps to itself
    is `unexposed` of a trace and `withheld` of the gradients, and was not compared. A candidate that was run `by_row`
    was never given a batch. `paths` were run in the `setting`, by name; a difference on those `noted` is no mismatch.
    """

    held: Rounding | Tolerance
    modes: Collection[str]
    seed: int
    unexposed: frozenset[str] = frozenset()
    withheld: frozenset[str] = frozenset()
    by_row: bool = False
    setting: PathSetting | None = None
    paths: Mapping[str, PathFacts] = field(default_factory=dict)
    noted: frozenset[str] = frozenset()

    def hides(self, fault: Fault) -> str | None:
        """Why the candidate could have this fault although the check passed, or None."""
        if self.by_row and fault.slug in OF_BATCHES:
            return "the candidate was called with one batch row at a time, so faults of batches cannot show"
        unasked = fault.path and fault.path not in self.paths and not chosen(fault.path)[0].by_default
        if unasked or fault.path in self.noted:
            return f"it is a mismatch only if the path {fault.path} is asked for; add --paths all"
        facts = self.paths.get(fault.path)
        if facts is not None and not facts.gone:
            return f"the path {facts.path} could not be run"
        return None


@dataclass(frozen=True)
class MutantTask:
    """One task, and the reference's gradients of it."""

    task: Task
    right: Right

    def against(self, fault: Fault) -> list[Comparison]:
        """The gradients of a layer with this fault."""
        with torch.inference_mode(False):
            planted = Planted(fault.title, fault.network).build(self.task.run.spec, self.task.weights)
            return list(self.right.against(planted)[1].values())


def held_gradients(
    scene: Scene, reference: Implementation, layer: Layer, judgement: MutantJudgement
) -> list[MutantTask]:
    """The gradients of the reference and their limits; empty if the check compared no gradients."""
    reach = within_reach(scene.spec, *scene.x.shape[:2])
    if MODE not in judgement.modes or reach is None:
        return []
    with torch.inference_mode(False):
        run = BackwardRun(
            scene.spec, *reach.cut(scene.x, scene.state, scene.lengths), judgement.unexposed, judgement.withheld
        )
        task = Task.of(run, Weights(scene.weights), judgement.seed)
        held = task.judged_by(judgement.held)
        found = [MutantTask(held.task, Right(layer, held, MODE))]
        if MODE_FLOAT64 in judgement.modes:
            finer = held_in_float64(task.in_float64(), judgement.held, held)
            double = reference.build(finer.task.run.spec, finer.task.weights)
            found.append(MutantTask(finer.task, Right(double, finer, MODE_FLOAT64)))
        return found


class Mutants:
    """The reference's run of a scene and the allowed difference, with which faults are compared."""

    def __init__(self, scene: Scene, reference: Implementation, layer: Layer, judgement: MutantJudgement) -> None:
        self._scene, self._weights = scene, Weights(scene.weights)
        self._reference, self._layer, self._judgement = reference, layer, judgement
        spec, lengths, held = scene.spec, scene.lengths, judgement.held
        dtype = dtype_of(spec)
        start = scene.state.to(spec.device, dtype)
        self._replayed = Replayed(layer, layer.run(scene.x.to(spec.device, dtype, copy=True), start, lengths))
        run = SideRun(scene.state.to(spec.device, dtype), self._replayed.trace)
        if isinstance(held, Tolerance):
            self._allowed = Stated(held).of(scene.x, run, run)
            self._envelope = None
        else:
            enveloped = Enveloped(spec, self._weights, lengths, held)
            self._allowed, self._envelope = enveloped.of(scene.x, run, run), enveloped.first

    def evidence(self, fault: Fault) -> Iterator[list[Comparison]]:
        """The comparisons of each kind of evidence for a layer with this fault, the cheapest first."""
        scene, side = self._scene, Planted(fault.title, fault.network)
        if fault.path:
            yield from self._used(fault.path, side)
            return
        planted = side.build(scene.spec, self._weights)
        both = SideBySide(
            scene.spec,
            planted,
            self._replayed,
            scene.state,
            scene.lengths,
            Same(self._allowed),
            rows=0,
            unexposed=self._judgement.unexposed,
        )
        traces = both.run(scene.x)
        yield both.comparisons()
        if fault.shows_in == "calls":
            yield [Comparison("a second call", "free", problem=self._second_call(side, planted, traces))]
        if self._lockstep is not None and self._envelope is not None:
            yield self._lockstep.comparisons(planted)
            own = self._lockstep.own(traces[0].output) if bool(self._envelope.lost.any()) else None
            yield [] if own is None else [own]
        for each in self._gradients:
            yield each.against(fault)

    def _used(self, slug: str, side: Implementation) -> Iterator[list[Comparison]]:
        """The comparisons on the parts of a path that the candidate ran."""
        setting, facts = self._judgement.setting, self._judgement.paths.get(slug)
        if setting is None or facts is None:
            return
        own = replace(setting, sides=(User(side), setting.sides[1]))
        with torch.inference_mode(False), torch.no_grad():
            for path in chosen(slug):
                for leg in path.legs(own):
                    if leg.what in facts.gone:
                        yield list(PathOutcome.of(leg, path, own).comparisons)

    def _second_call(self, side: Implementation, planted: Layer, traces: tuple[Trace, Trace]) -> str | None:
        """The comparison of a second call, if it differs."""
        scene, found = self._scene, Evidence()
        sides = side, self._reference
        layers = planted, self._replayed
        first = FirstChunk(scene.spec, self._weights, scene.x, scene.state, scene.lengths, sides, layers)
        first.repeated(traces, self._allowed, found)
        return found.doubt

    @cached_property
    def _lockstep(self) -> Lockstep | None:
        if "lockstep" not in self._judgement.modes or self._envelope is None:
            return None
        return Lockstep(self._scene.spec, self._weights, self._scene.x, self._envelope, self._scene.lengths)

    @cached_property
    def _gradients(self) -> list[MutantTask]:
        return held_gradients(self._scene, self._reference, self._layer, self._judgement)


@dataclass(frozen=True)
class Same:
    """The allowance of an earlier run."""

    allowed: Allowed

    def of(self, x: Tensor, candidate: SideRun, reference: SideRun) -> Allowed:
        return self.allowed


@dataclass(frozen=True)
class Replayed:
    """A layer that gives the trace of its one run again."""

    layer: Layer
    trace: Trace

    def parameters(self) -> Mapping[str, Tensor]:
        return self.layer.parameters()

    def leaves(self) -> Mapping[str, Tensor] | None:
        return self.layer.leaves()

    def run(self, x: Tensor, state: State, lengths: object = None) -> Trace:
        return self.trace
