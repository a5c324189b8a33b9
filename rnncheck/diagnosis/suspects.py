"""Compares suspects, one fault or two, with the candidate, and searches pairs."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from rnncheck.diagnosis.probe import FaultProbe, Likeness, Values, ran
from rnncheck.faults.fault import Fault, combined
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene

Suspect = tuple[Fault, ...]
"""One fault, or two together."""


@dataclass(frozen=True)
class Match:
    """A suspect, and how close it comes to the candidate."""

    suspect: Suspect
    likeness: Likeness


def ran_on(suspect: Suspect, scene: Scene) -> Values | None:
    """The result of the faulty layer on a scene; None if it cannot run: two faults may not fit together."""
    try:
        return ran(combined(*suspect)(scene.spec), scene).shown()
    except Exception:
        return None


def likeness(suspect: Suspect, probe: FaultProbe) -> Likeness | None:
    """How close it comes to the candidate; None if it cannot run on this scene."""
    found = ran_on(suspect, probe.scene)
    return None if found is None else probe.likeness(found)


def matches(suspects: Iterable[Suspect], probe: FaultProbe) -> list[Match]:
    """Every suspect that can run, the closest first."""
    found = [Match(suspect, near) for suspect in suspects if (near := likeness(suspect, probe)) is not None]
    return sorted(found, key=lambda each: (not each.likeness.exact, -each.likeness.explains))


def exact(suspects: Iterable[Suspect], probes: Sequence[FaultProbe]) -> list[Suspect]:
    """Those that equal the candidate on every probe, in the order given."""
    left = list(suspects)
    for probe in probes:
        left = [each for each in left if (near := likeness(each, probe)) is not None and near.exact]
    return left


PAIRS_BUDGET = 700  # mostly runs of one timestep: a quarter of a second for one layer in one direction
USUAL_TOGETHER = {"gate-order", "gru-reset-before-matmul", "gru-update-inverted"}  # in ports: tried before all others
RESET_BEFORE, SLIP = "gru-reset-before-matmul", "wrong-equation"
FURTHER = 200  # pairs after one that is equal, for others that are too


class PairsTried(NamedTuple):
    number: int
    left: int  # by the budget
    equal: list[Suspect]


def pairs_tried(faults: Sequence[Fault], probes: Sequence[FaultProbe], budget: int) -> PairsTried:
    """The pairs that equal the candidate on all probes, of which the quickest come first; the last, which is the run's
    own data, ranks the pairs only if no other shows the candidate to be wrong.
    """
    quick = [probe for probe in probes[:-1] if not probe.shows_nothing]
    every = pairs(faults, quick or probes)
    number, until, equal = 0, budget, list[Suspect]()
    while number < until and (pair := next(every, None)):
        number += 1
        equal += exact([pair], probes)
        if len(equal) == 1:
            until = min(budget, number + FURTHER)
    return PairsTried(number, sum(1 for _ in every), equal)


class Reach(NamedTuple):
    """A fault, what it changes of all that is looked at, how much of the candidate it has just so, and the largest
    share of the candidate's distance from the right layer that it accounts for.
    """

    fault: Fault
    touched: Tensor
    reproduced: int
    explains: float


def pairs(faults: Sequence[Fault], probes: Sequence[FaultProbe]) -> Iterator[Suspect]:
    """All pairs of faults, the likeliest first.

    First come the reset before the product, which many write, with a slip in the equations; then those that are usual
    together. One that alone reproduces some of what the candidate has wrong, one layer perhaps or the first timestep,
    is likely one of the two. A fault that changes what the candidate has right is seldom part of a pair, and two that
    leave right what the candidate has wrong seldom are one: that would take faults that undo each other.
    """
    common = [each for each in faults if each.slug == RESET_BEFORE]
    yield from ((one, each) for one in common for each in faults if each.rare and each.slug == SLIP)
    wrong = [probe.differing(probe.candidate) for probe in probes]
    reach = [
        each for fault in faults if (each := reached(fault, probes, wrong)) and (each.reproduced or not fault.rare)
    ]
    if len(reach) < 2:
        return
    touched, every = torch.stack([each.touched for each in reach]), joined([each for each in wrong if each is not None])
    fits = (~(touched & ~every).any(1)).tolist()
    untouched = (every & ~touched).float()
    covered = (untouched @ untouched.T == 0).tolist()  # no element that is wrong is left right by both

    def rank(pair: tuple[int, int]) -> tuple[bool, bool, int, float, bool, int]:
        (a, b), (one, other) = pair, (reach[index] for index in pair)
        unlikely = not (fits[a] and fits[b] and covered[a][b])
        same_family = one.fault.slug == other.fault.slug
        return (
            same_family or not {one.fault.slug, other.fault.slug} <= USUAL_TOGETHER,
            unlikely,
            -max(one.reproduced, other.reproduced),
            -max(one.explains, other.explains),
            same_family,
            a + b,
        )

    ranked = sorted(itertools.combinations(range(len(reach)), 2), key=rank)
    both = [(reach[one].fault, reach[other].fault) for one, other in ranked]
    yield from both
    yield from ((b, a) for a, b in both if overridden(a) & overridden(b))


def reached(fault: Fault, probes: Sequence[FaultProbe], wrong: Sequence[Tensor | None]) -> Reach | None:
    """None if the fault cannot run. If its shapes are not those of the right layer, it changes what is `wrong`."""
    touched, reproduced, explains = list[Tensor](), 0, 0.0
    for probe, candidate_wrong in zip(probes, wrong, strict=True):
        values = ran_on((fault,), probe.scene)
        if values is None:
            return None
        if candidate_wrong is not None:
            changed = probe.differing(values)
            touched.append(candidate_wrong if changed is None else changed)
        reproduced += probe.reproduced(values)
        explains = max(explains, probe.likeness(values).explains)
    return Reach(fault, joined(touched), reproduced, explains)


def joined(masks: Sequence[Tensor]) -> Tensor:
    """All in one row; candidates of other shapes have none."""
    return torch.cat([torch.zeros(0, dtype=torch.bool), *masks])


def overridden(fault: Fault) -> set[str]:
    """The methods that a fault overrides: if two faults override the same one, their order matters."""
    own = itertools.takewhile(lambda each: each is not CutNetwork, fault.mixin.__mro__)
    return {name for each in own for name, value in vars(each).items() if callable(value)}
