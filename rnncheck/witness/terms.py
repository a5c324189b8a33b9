"""On what terms a candidate was judged, and so are the layers with a fault."""

from collections.abc import Collection
from dataclasses import dataclass

from rnncheck.envelope import Rounding
from rnncheck.faults.fault import Fault
from rnncheck.tolerance import Tolerance

OF_BATCHES = ("batch-mixed", "batch-time-swapped", "bias-along-batch", "order-not-restored")


@dataclass(frozen=True)
class Terms:
    """`held` is how operations round, or a stated tolerance; `modes` are the kinds of comparison that were made.

    `seed` draws the projection of which gradients are taken; what a side keeps to itself
    is `unexposed` of a trace and `withheld` of the gradients, and was not compared. A candidate that was run `by_row`
    was never given a batch.
    """

    held: Rounding | Tolerance
    modes: Collection[str]
    seed: int
    unexposed: frozenset[str] = frozenset()
    withheld: frozenset[str] = frozenset()
    by_row: bool = False

    def hides(self, fault: Fault) -> str | None:
        """Why the candidate could have this fault all the same, or None."""
        if self.by_row and fault.slug in OF_BATCHES:
            return "the candidate was called with one row at a time: what it makes of a batch was not seen"
        return None
