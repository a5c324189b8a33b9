"""The search for the known fault, two faults, or variant with which the right layer equals the candidate."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rnncheck.diagnosis import scenes
from rnncheck.diagnosis.probe import FaultProbe, Prober, ran
from rnncheck.diagnosis.search import fitted, placed, seen
from rnncheck.diagnosis.suspects import PAIRS_BUDGET, Match, Suspect, exact, likeness, matches, pairs_tried
from rnncheck.faults.catalogue import faults_of
from rnncheck.faults.fault import Fault
from rnncheck.faults.scene import Scene
from rnncheck.faults.variants import variants
from rnncheck.faults.variants.variant import Variant
from rnncheck.implementations.protocol import Implementation
from rnncheck.report import Divergence
from rnncheck.scratch.network import Network

NEAREST = 20  # faults that are tried on all of the run's own data for being likely
TORCH: Literal["torch.nn"] = "torch.nn"
LIKELY = 0.9  # of the distance from the right layer, on the run's own data and on fresh data


@dataclass(frozen=True)
class Diagnosis:
    """The explanation of a mismatch of states, and the data on which it holds.

    `probe` is the data of the run, or a part of it, `prober` ran it; `shown` is as much of the run as can be described,
    and `part` says how much that is. `named` equals the candidate on all data that was tried; `alike`
    are other suspects that do, too; `likely` comes near if none does. `singles` and `pairs` are how many were
    tried.
    """

    prober: Prober
    probe: FaultProbe
    shown: FaultProbe
    part: str = ""
    named: Suspect = ()
    alike: tuple[Suspect, ...] = ()
    residual: float = 0.0
    explains: float = 1.0
    inputs: int = 0
    likely: Match | None = None
    singles: int = 0
    pairs: int = 0
    pairs_left: int = 0


def diagnose(
    implementation: Implementation, scene: Scene, first: Divergence | None, *, pairs: bool = True
) -> Diagnosis | None:
    """Finds why the states of the candidate differ. `scene` is the spec and data of the run, in float64 on the host.

    Every single fault is tried, then each in one place alone and with other numbers in it, then `pairs` within a
    budget. Nothing is named that does not also equal the candidate on fresh data, and what cannot be told apart there
    is named together. None where no short run shows a difference, on the run's own data or on fresh data, or the
    candidate cannot be run again.
    """
    prober = Prober(implementation, scene.spec)
    part = scenes.cut(scene, first)
    probes = ((each, probe) for each in (part, *scenes.fresh(part)) if (probe := prober.probe(each)) is not None)
    seen_on, own = next(((each, probe) for each, probe in probes if not probe.shows_nothing), (part, None))
    if own is None:
        return None
    others = Fresh(prober, own.scene)
    lengths = scene.lengths is not None
    faults = [fault for fault in faults_of(own.scene.spec, lengths=lengths) if fault.shows_in == "states"]
    fresh = next(iter(others), own)
    one, several = scenes.one_step(fresh.scene), scenes.small(fresh.scene)  # what many faults can be tried on
    quick = [probe for probe in (prober.probe(one),) if probe is not None]
    steady = [probe for probe in quick if probe.shaped(probe.candidate)]  # some are another layer in a single timestep
    base = Diagnosis(prober, own, own, singles=len(faults), inputs=1 + len(quick))
    if named := told_apart(exact(((fault,) for fault in faults), [*steady, own]), others):
        return replace(base, **found(base, named, others))
    quick += [probe for probe in (prober.probe(several),) if probe is not None]
    base = replace(base, inputs=1 + len(quick))
    searched = searched_for(faults, [*quick, own])
    if named := told_apart(exact(((fault,) for fault in searched), [*quick, own]), others):
        return replace(base, **found(base, named, others))
    base = replace(base, likely=likely(nearest(faults, [*quick, own]), others))
    if pairs:
        tried = pairs_tried(faults, [*quick, own], int(PAIRS_BUDGET / math.sqrt(len(own.scene.state.h))))
        base = replace(base, pairs=tried.number, pairs_left=tried.left)
        named = told_apart(tried.equal, others)
        if named:
            return replace(base, **found(base, named, others))
    if seen_on is not part:
        return replace(base, part="on fresh data, ")
    whole = prober.probe(scene) if part.x.shape != scene.x.shape and scenes.affordable(scene) else own
    if whole is not None and not whole.shows_nothing:
        return replace(base, shown=whole)
    return replace(base, part=f"in the first {part.seq_len:,} timesteps of the first {part.batch_size:,} rows, ")


def searched_for(faults: Sequence[Fault], probes: Sequence[FaultProbe]) -> list[Fault]:
    """The faults in one place only, and those with a fitted number, that reproduce the wrong states."""
    wrong = next((where for probe in probes if (where := seen(probe)) is not None), None)
    return [] if wrong is None else [*placed(faults, wrong), *fitted(wrong)]


def nearest(faults: Sequence[Fault], probes: Sequence[FaultProbe]) -> list[Match]:
    """The faults that explain most of the last probe, among those that explain most of the others."""
    *quick, own = probes
    alone = [(fault,) for fault in faults]
    near = [match.suspect for match in matches(alone, quick[-1])[:NEAREST]] if quick else alone
    return matches(near, own)


def slugs(suspect: Suspect) -> set[str]:
    return {fault.slug for fault in suspect}


class Fresh:
    """Probes of fresh data, made on first use; scenes that the candidate cannot run are left out."""

    def __init__(self, prober: Prober, scene: Scene) -> None:
        self.takes_state = prober.takes_state
        self._made: list[FaultProbe] = []
        self._left: Iterator[FaultProbe] = (
            probe for each in scenes.fresh(scene) if (probe := prober.probe(each)) is not None
        )

    def __iter__(self) -> Iterator[FaultProbe]:
        yield from self._made
        for probe in self._left:
            self._made.append(probe)
            yield probe

    @property
    def count(self) -> int:
        return len(self._made)


def told_apart(suspects: Sequence[Suspect], others: Fresh) -> list[Suspect]:
    """Those that equal the candidate on fresh data too: with its own weights, with others, and with more while there
    is more than one.
    """
    left = list(suspects)
    for number, probe in enumerate(others):
        left = exact(left, [probe])
        if not left or (number and len(left) == 1):
            break
    return left if others.count else []


def found(base: Diagnosis, named: Sequence[Suspect], others: Fresh) -> dict[str, Any]:
    """The diagnosis for suspects that equal the candidate."""
    first, *others_alike = named
    # Where no initial state can be given, what one would do is nothing to tell faults apart by.
    alike = [each for each in others_alike if others.takes_state or slugs(each) != slugs(first)]
    near = likeness(first, base.probe)
    return {
        "named": first,
        "alike": tuple(alike),
        "residual": near.residual if near else 0.0,
        "explains": near.explains if near else 0.0,
        "inputs": base.inputs + others.count,
        "likely": None,
    }


def likely(ranked: Sequence[Match], others: Fresh) -> Match | None:
    """The fault that explains most, if it does on all fresh data too, with the smallest share that it explains."""
    if not ranked or ranked[0].likeness.explains < LIKELY:
        return None
    best = ranked[0]
    found = [likeness(best.suspect, probe) for probe in others]
    least = min((0.0 if each is None else each.explains for each in found), default=0.0)
    return Match(best.suspect, replace(best.likeness, explains=least)) if LIKELY <= least < 1 else None


def other_equations(implementation: Implementation, scene: Scene) -> Variant | Literal["torch.nn"] | None:
    """The variant, or torch.nn beside a reference that is a variant, whose equations the candidate computes.

    It equals the candidate on the data of the run and on fresh data; None if there is none. `scene` is the run's own
    spec and data, in float64 on the host.
    """
    spec = scene.spec
    if spec.proj_size or (spec.variant is not None and spec.variant.own):
        return None
    torchs: list[Variant | None] = [] if spec.variant is None else [None]
    left = torchs + [each for each in variants() if each.cell is spec.cell and not each.own]
    prober = Prober(implementation, spec)
    part = scenes.cut(scene, None)
    probes = [probe for each in (part, *scenes.fresh(part)) if (probe := prober.probe(each)) is not None]
    if len(probes) < 2 or all(probe.shows_nothing for probe in probes):
        return None
    for each in left:
        if each is not spec.variant and all(
            probe.likeness(ran(Network(replace(probe.scene.spec, variant=each)), probe.scene).shown()).exact
            for probe in probes
        ):
            return each or TORCH
    return None
