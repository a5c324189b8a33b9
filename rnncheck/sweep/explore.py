"""One group of configurations after another, compared quickly; in this process or in several."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from rnncheck.report import Verdict
from rnncheck.sweep.draw import group
from rnncheck.sweep.judging import judged
from rnncheck.sweep.quick import Comparer
from rnncheck.sweep.space import Space
from rnncheck.sweep.state import SuspectConfiguration

BACK = 2  # of one group in so many, gradients are compared
JUDGED = 256  # and of one in so many, the first configuration is judged in full


@dataclass
class Explored:
    """What came of one group. Every suspect stands with its place in the group."""

    index: int
    drawn: int = 0
    judged: int = 0
    undecided: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    suspects: list[tuple[int, SuspectConfiguration]] = field(default_factory=list)


class Explorer(Protocol):
    """Explores groups, and tells what came of them in their order."""

    def explored(self, first: int, end: int | None) -> Iterator[Explored]:
        """From group `first` on, up to but without `end`."""
        ...

    def close(self) -> None: ...


class Here:
    """In this process."""

    def __init__(self, comparer: Comparer, space: Space, seed: int) -> None:
        self._comparer, self._space, self._seed = comparer, space, seed

    def explored(self, first: int, end: int | None) -> Iterator[Explored]:
        for index in count(first) if end is None else range(first, end):
            yield explore(self._comparer, self._space, self._seed, index)

    def close(self) -> None:
        pass


def explore(comparer: Comparer, space: Space, seed: int, index: int) -> Explored:
    """One group. What comes of it follows from its index alone, whichever process explores it."""
    configurations = group(space, seed, index)
    found = Explored(index, len(configurations))
    judge = index % JUDGED == JUDGED - 1
    results = comparer.group(configurations, back=index % BACK == 0)
    for place, (each, quick) in enumerate(zip(configurations, results, strict=True)):
        if quick.refused is not None:
            found.refused.append((place, quick.refused))
        elif quick.suspect:
            found.suspects.append((place, SuspectConfiguration(each, quick.apart, quick.backward, quick.raised)))
        elif judge:
            judge = False
            judgement = judged(comparer.sides, each, paths=True)
            found.judged += 1
            found.undecided += judgement.verdict in (Verdict.INCONCLUSIVE, None)
            if judgement.differs:
                found.suspects.append((place, SuspectConfiguration(each, judged=True)))
    return found
