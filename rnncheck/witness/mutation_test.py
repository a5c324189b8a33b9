"""Which mutants this check kills, and which survive or do not apply; remembered for the next candidate."""

import hashlib
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from torch import Tensor

from rnncheck.evidence.first_chunk import FirstChunk
from rnncheck.faults.catalogue import faults_of
from rnncheck.faults.fault import Fault
from rnncheck.faults.scene import Scene
from rnncheck.implementations import BUILT_IN
from rnncheck.report import Comparison, Unseen, Witness
from rnncheck.text import first_of
from rnncheck.witness.mutant import MutantJudgement, Mutants
from rnncheck.witness.part_of_run import MOST_WEIGHTS, Part, part_of, whole_of

NAMED = 4  # faults that a reason has room for
RUNS_KEPT = 64  # results that are remembered


class MutantOutcome(NamedTuple):
    """The outcome for one fault, and why it was not caught, if it was not."""

    fault: Fault
    sort: Literal["killed", "survived", "not applicable", "not tried"]
    why: str = ""

    @property
    def unseen(self) -> Unseen:
        return Unseen(self.fault.slug, self.fault.variant, self.why)


@dataclass(frozen=True)
class Planting:
    """Faults planted in a part of the run that begins with `first`."""

    part: Part
    first: FirstChunk
    judgement: MutantJudgement

    @cached_property
    def scene(self) -> Scene:
        first = self.first
        return self.part.scene(first.spec, first.weights.values, first.x, first.state, first.lengths)

    @cached_property
    def _mutants(self) -> Mutants:
        return Mutants(self.scene, self.first.sides[1], self.first.layers[1], self.judgement)

    def outcome(self, fault: Fault) -> MutantOutcome:
        """The outcome for this fault."""
        if why := self.judgement.hides(fault):
            return MutantOutcome(fault, "not applicable", why)
        seen = list[Comparison]()
        for comparisons in self._mutants.evidence(fault):
            seen += comparisons
            if not all(each.agrees for each in comparisons):
                return MutantOutcome(fault, "killed")
        facts = self.judgement.paths.get(fault.path)
        if facts is not None and facts.not_offered:
            return MutantOutcome(fault, "not applicable", f"parts of the path {facts.path} could not be run")
        # Asked last: where no state shows a fault, its gradients still may.
        if why := fault.visible_in(self.scene):
            return MutantOutcome(fault, "not applicable", why)
        return MutantOutcome(fault, "survived", because(fault, seen, self.judgement.modes))

    def instead_of(self, partial: MutantOutcome, *, again: bool) -> MutantOutcome:
        """The outcome on the whole run for a fault that was tried on a part: tried `again`, or checked only for the
        known reasons that hide it.
        """
        if partial.sort == "killed" or self.judgement.hides(partial.fault):
            return partial
        if again:
            return self.outcome(partial.fault)
        if why := partial.fault.hidden(self.scene):
            return MutantOutcome(partial.fault, "not applicable", why)
        if partial.sort == "survived":
            return partial
        why = f"it may show in the whole run; in the part where faults were planted, {partial.why}"
        return MutantOutcome(partial.fault, "not tried", why)


def because(fault: Fault, seen: Sequence[Comparison], modes: Collection[str]) -> str:
    """Why a fault that can show was not caught."""
    if fault.shows_in == "gradients" and not any(mode.startswith("backward") for mode in modes):
        return "gradients were not compared; add --backward"
    if fault.path and not seen:
        return f"this path was not run; add --paths {fault.path}"
    judged = [each for each in seen if each.compared]
    if not judged:
        return "none of the values that it changes could be judged"
    most = max(judged, key=lambda each: each.budget_used)
    return f"changes {most.quantity} by at most {most.max_abs:.2g}, where {most.envelope_at_max:.2g} is allowed"


class MutationTest(NamedTuple):
    """The result of the self-test, or the notes that say why there is none."""

    witness: Witness | None
    notes: Sequence[str] = ()


def try_mutants(first: FirstChunk, judgement: MutantJudgement, *, always: bool) -> MutationTest:
    """Which faults this check would catch in the run that begins with `first`.

    Large layers are left alone unless `always`; of long and wide runs a part is taken, as the note says. What it cannot
    show is tried on all of `first` if `always`, and is otherwise told apart from what cannot show at all.
    """
    spec, lengths = first.spec, first.lengths
    if not always and spec.recurrent_count > MOST_WEIGHTS:
        return MutationTest(
            None, [f"no faults were planted, because the layer has {spec.recurrent_count:,} weights; add --witness"]
        )
    faults = [fault for fault in faults_of(spec, lengths=lengths is not None) if not fault.rare]
    seq_len, batch_size, _ = first.x.shape
    in_the_run = sum(not each.path for each in faults)  # the others are planted in scenes of their paths
    part, whole = part_of(spec, seq_len, batch_size, lengths, in_the_run), whole_of(first.x)
    planting = Planting(part, first, judgement)
    outcomes = [planting.outcome(fault) for fault in faults]
    if part != whole:
        on_all = Planting(whole, first, judgement)
        outcomes = [on_all.instead_of(each, again=always) for each in outcomes]

    def those(sort: str) -> tuple[Unseen, ...]:
        return tuple(each.unseen for each in outcomes if each.sort == sort)

    caught, missed = len(those("killed")), those("survived")
    witness = Witness(caught + len(missed), caught, missed, those("not applicable"), those("not tried"))
    return MutationTest(witness, part.notes(seq_len, batch_size))


_KEPT: dict[Hashable, MutationTest] = {}


def mutants_tried(first: FirstChunk, judgement: MutantJudgement, *, always: bool) -> MutationTest:
    """`try_mutants`, with kept results for a run that was seen before with one of rnncheck's own references."""
    reference = first.sides[1]
    if reference.name not in BUILT_IN or not type(reference).__module__.startswith("rnncheck."):
        return try_mutants(first, judgement, always=always)
    return kept(key_of(first, judgement, always), lambda: try_mutants(first, judgement, always=always))


def kept(key: Hashable, found: Callable[[], MutationTest]) -> MutationTest:
    """The kept value for the key, or a new one; the oldest is dropped."""
    if key not in _KEPT:
        outcome = found()
        if outcome.witness is None:
            return outcome
        while len(_KEPT) >= RUNS_KEPT:
            del _KEPT[next(iter(_KEPT))]
        _KEPT[key] = outcome
    return _KEPT[key]


def key_of(first: FirstChunk, judgement: MutantJudgement, always: bool) -> Hashable:
    """Everything that decides which mutants are caught."""
    setting, weights = judgement.setting, list(first.weights.values.values())
    used: Hashable = None
    if setting is not None:
        used = (setting.seq_len, setting.batch_size, setting.tf32, setting.takes_state, setting.takes_cell_state)
        weights += setting.weights(setting.spec).values.values()
    return (
        first.sides[1].name,
        first.spec,
        tuple(first.lengths or ()),
        digest([first.x, *first.state.tensors(), *weights]),
        repr(judgement.held),
        frozenset(judgement.modes),
        judgement.seed,
        judgement.unexposed,
        judgement.withheld,
        judgement.by_row,
        judgement.noted,
        used,
        tuple(judgement.paths.values()),
        always,
    )


def digest(tensors: Iterable[Tensor]) -> str:
    """A digest of shapes and numbers."""
    found = hashlib.sha256()
    for each in tensors:
        held = each.detach().cpu().double().contiguous()
        found.update(str(tuple(held.shape)).encode() + held.numpy().tobytes())
    return found.hexdigest()


def insufficient(witness: Witness) -> str | None:
    """Why a pass proves too little under --strict, or None if every fault that can show would be caught."""
    if not witness.planted:
        return "no known fault can show in this run, so it proves nothing; use random data and weights"
    if not witness.missed:
        return None
    names = list(dict.fromkeys(each.slug for each in witness.missed))
    missed = f"{len(witness.missed)} of {witness.planted} planted faults would not have been detected"
    return f"{missed}: {first_of(names, NAMED)}"
