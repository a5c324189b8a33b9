"""On what terms a candidate was judged, and so are the layers with a fault."""

from collections.abc import Collection
from dataclasses import dataclass

from rnncheck.envelope import Rounding
from rnncheck.tolerance import Tolerance


@dataclass(frozen=True)
class Terms:
    """`held` is how operations round, or a stated tolerance; `modes` are the kinds of comparison that were made.

    `seed` draws the projection of which gradients are taken; what a side keeps to itself
    is `unexposed` of a trace and `withheld` of the gradients, and was not compared.
    """

    held: Rounding | Tolerance
    modes: Collection[str]
    seed: int
    unexposed: frozenset[str] = frozenset()
    withheld: frozenset[str] = frozenset()
