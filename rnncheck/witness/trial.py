"""What became of a planted fault: caught, missed, hidden from all evidence, or not tried where it could show."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from rnncheck.faults.fault import Fault
from rnncheck.faults.scene import Scene
from rnncheck.first_chunk import FirstChunk
from rnncheck.report import Comparison, Unseen
from rnncheck.witness.retrial import Retrial
from rnncheck.witness.stage import Stage
from rnncheck.witness.terms import Terms


class Outcome(NamedTuple):
    """Of one fault, and why it was not caught, if it was not."""

    fault: Fault
    sort: Literal["caught", "missed", "hidden", "untried"]
    why: str = ""

    @property
    def unseen(self) -> Unseen:
        return Unseen(self.fault.slug, self.fault.variant, self.why)


@dataclass(frozen=True)
class Trial:
    """Faults planted in a part of the run that begins with `first`."""

    stage: Stage
    first: FirstChunk
    terms: Terms

    @cached_property
    def scene(self) -> Scene:
        first = self.first
        return self.stage.scene(first.spec, first.weights.values, first.x, first.state, first.lengths)

    @cached_property
    def _retrial(self) -> Retrial:
        return Retrial(self.scene, self.first.sides[1], self.first.layers[1], self.terms)

    def outcome(self, fault: Fault) -> Outcome:
        """Of this fault here."""
        if why := self.terms.hides(fault):
            return Outcome(fault, "hidden", why)
        seen = list[Comparison]()
        for comparisons in self._retrial.evidence(fault):
            seen += comparisons
            if not all(each.agrees for each in comparisons):
                return Outcome(fault, "caught")
        # Asked last: where no state shows a fault, its gradients still may.
        if why := fault.visible_in(self.scene):
            return Outcome(fault, "hidden", why)
        return Outcome(fault, "missed", because(fault, seen, self.terms.modes))

    def instead_of(self, partial: Outcome, *, again: bool) -> Outcome:
        """What a part of the run made of a fault, seen on the whole: tried `again` there, or else only asked for the
        known reasons that hide it.
        """
        if partial.sort == "caught" or self.terms.hides(partial.fault):
            return partial
        if again:
            return self.outcome(partial.fault)
        if why := partial.fault.hidden(self.scene):
            return Outcome(partial.fault, "hidden", why)
        if partial.sort == "missed":
            return partial
        why = f"it may show in this run, but not in the part in which faults were planted, where {partial.why}"
        return Outcome(partial.fault, "untried", why)


def because(fault: Fault, seen: Sequence[Comparison], modes: Collection[str]) -> str:
    """Why a fault that shows was not caught."""
    if fault.shows_in == "gradients" and not any(mode.startswith("backward") for mode in modes):
        return "gradients were not compared: --backward would"
    judged = [each for each in seen if each.compared]
    if not judged:
        return "nothing that it changes could be judged"
    most = max(judged, key=lambda each: each.budget_used)
    return f"changes {most.quantity} by at most {most.max_abs:.2g}, where {most.envelope_at_max:.2g} is allowed"
