"""The search for two faults that together make the right layer do what the candidate does."""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch import Tensor

from rnncheck.diagnosis.probe import Probe
from rnncheck.diagnosis.suspects import Suspect, exact, ran_on
from rnncheck.faults.cut import CutNetwork
from rnncheck.faults.fault import Fault

MOST = 6000  # runs of one or a few timesteps: a second or two for one layer in one direction
FURTHER = 200  # pairs after one that is equal, for others that are too


class PairsTried(NamedTuple):
    number: int
    left: int  # by the budget
    equal: list[Suspect]


def pairs_tried(faults: Sequence[Fault], probes: Sequence[Probe], budget: int = MOST) -> PairsTried:
    """The pairs that equal the candidate on all probes, of which the quickest come first."""
    every = pairs(faults, probes)
    number, until, equal = 0, budget, list[Suspect]()
    while number < until and (pair := next(every, None)):
        number += 1
        equal += exact([pair], probes)
        if len(equal) == 1:
            until = min(budget, number + FURTHER)
    return PairsTried(number, sum(1 for _ in every), equal)


class Reach(NamedTuple):
    """A fault, what it changes on each probe (None: the shapes), how much of the candidate it has just so, and the
    largest share of the candidate's distance from the right layer that it accounts for.
    """

    fault: Fault
    touched: list[Tensor | None]
    reproduced: int
    explains: float


def pairs(faults: Sequence[Fault], probes: Sequence[Probe]) -> Iterator[Suspect]:
    """All pairs, the likeliest first.

    One that alone reproduces some of what the candidate has wrong, one layer perhaps or the first timestep, is likely
    one of the two. A fault that changes what the candidate has right is seldom part of a pair, and two that leave right
    what the candidate has wrong seldom are one: that would take faults that undo each other.
    """
    wrong = [probe.differing(probe.candidate) for probe in probes]
    reach = [each for fault in faults if (each := reached(fault, probes))]
    fits = [possible(each.touched, wrong) for each in reach]

    def rank(pair: tuple[int, int]) -> tuple[bool, int, float, bool, int]:
        one, other = (reach[index] for index in pair)
        unlikely = not (fits[pair[0]] and fits[pair[1]] and covered(wrong, one.touched, other.touched))
        same_family = one.fault.slug == other.fault.slug
        best = max(one.reproduced, other.reproduced), max(one.explains, other.explains)
        return unlikely, -best[0], -best[1], same_family, sum(pair)

    ranked = sorted(itertools.combinations(range(len(reach)), 2), key=rank)
    both = [(reach[one].fault, reach[other].fault) for one, other in ranked]
    yield from both
    yield from ((b, a) for a, b in both if overridden(a) & overridden(b))


def reached(fault: Fault, probes: Sequence[Probe]) -> Reach | None:
    """None where the fault cannot be run."""
    found = [ran_on((fault,), probe.scene) for probe in probes]
    touched, reproduced, explains = list[Tensor | None](), 0, 0.0
    for values, probe in zip(found, probes, strict=True):
        if values is None:
            return None
        touched.append(probe.differing(values))
        reproduced += probe.reproduced(values)
        explains = max(explains, probe.likeness(values).explains)
    return Reach(fault, touched, reproduced, explains)


def possible(touched: Sequence[Tensor | None], wrong: Sequence[Tensor | None]) -> bool:
    """Whether nothing is changed that the candidate has right."""
    return not any(
        a is not None and b is not None and bool((a & ~b).any()) for a, b in zip(touched, wrong, strict=True)
    )


def covered(wrong: Sequence[Tensor | None], touched: Sequence[Tensor | None], also: Sequence[Tensor | None]) -> bool:
    """Whether all that the candidate has wrong is changed by one of two faults."""
    return not any(
        a is not None and b is not None and c is not None and bool((a & ~(b | c)).any())
        for a, b, c in zip(wrong, touched, also, strict=True)
    )


def overridden(fault: Fault) -> set[str]:
    """The methods in which a fault differs from the right network: where two meet, their order matters."""
    own = itertools.takewhile(lambda each: each is not CutNetwork, fault.mixin.__mro__)
    return {name for each in own for name, value in vars(each).items() if callable(value)}
