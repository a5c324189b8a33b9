"""A layer with a known fault, judged as the candidate was: on the same inputs and weights, by the same evidence."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from rnncheck.allowance import Allowed, Enveloped, Run, Stated
from rnncheck.faults.fault import Fault
from rnncheck.faults.planted import Planted
from rnncheck.faults.scene import Scene
from rnncheck.first_chunk import Evidence, FirstChunk
from rnncheck.implementations.protocol import Implementation, Layer
from rnncheck.lockstep import Lockstep
from rnncheck.report import Comparison
from rnncheck.side_by_side import SideBySide
from rnncheck.tolerance import Tolerance
from rnncheck.trace import State, Trace
from rnncheck.weights import Weights
from rnncheck.witness.gradients import Held, held_gradients
from rnncheck.witness.terms import Terms


class Retrial:
    """The reference's run of a scene, and what is allowed around it, for any number of faults to be held against."""

    def __init__(self, scene: Scene, reference: Implementation, layer: Layer, terms: Terms) -> None:
        self._scene, self._weights = scene, Weights(scene.weights)
        self._reference, self._layer, self._terms = reference, layer, terms
        spec, lengths, held = scene.spec, scene.lengths, terms.held
        dtype = getattr(torch, spec.dtype)
        start = scene.state.to(spec.device, dtype)
        self._replayed = Replayed(layer, layer.run(scene.x.to(spec.device, dtype, copy=True), start, lengths))
        run = Run(scene.state.to(spec.device, dtype), self._replayed.trace)
        if isinstance(held, Tolerance):
            self._allowed = Stated(held).of(scene.x, run, run)
            self._envelope = None
        else:
            enveloped = Enveloped(spec, self._weights, lengths, held)
            self._allowed, self._envelope = enveloped.of(scene.x, run, run), enveloped.first

    def evidence(self, fault: Fault) -> Iterator[list[Comparison]]:
        """What each kind of evidence says of a layer with this fault, the cheapest first."""
        scene, side = self._scene, Planted(fault.title, fault.network)
        planted = side.build(scene.spec, self._weights)
        both = SideBySide(
            scene.spec,
            planted,
            self._replayed,
            scene.state,
            scene.lengths,
            Same(self._allowed),
            rows=0,
            unexposed=self._terms.unexposed,
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

    def _second_call(self, side: Implementation, planted: Layer, traces: tuple[Trace, Trace]) -> str | None:
        """What would be said of it, if anything."""
        scene, found = self._scene, Evidence()
        sides = side, self._reference
        layers = planted, self._replayed
        first = FirstChunk(scene.spec, self._weights, scene.x, scene.state, scene.lengths, sides, layers)
        first.repeated(traces, self._allowed, found)
        return found.doubt

    @cached_property
    def _lockstep(self) -> Lockstep | None:
        if "lockstep" not in self._terms.modes or self._envelope is None:
            return None
        return Lockstep(self._scene.spec, self._weights, self._scene.x, self._envelope, self._scene.lengths)

    @cached_property
    def _gradients(self) -> list[Held]:
        return held_gradients(self._scene, self._reference, self._layer, self._terms)


@dataclass(frozen=True)
class Same:
    """What was allowed, again."""

    allowed: Allowed

    def of(self, x: Tensor, candidate: Run, reference: Run) -> Allowed:
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
