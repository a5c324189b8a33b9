"""The witness: every known fault planted in the reference, and which of them this check would have caught."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from rnncheck.backward.reach import weight_count
from rnncheck.faults.catalogue import faults_of
from rnncheck.faults.fault import Fault
from rnncheck.first_chunk import FirstChunk
from rnncheck.report import Comparison, Unseen, Witness
from rnncheck.witness.retrial import Retrial
from rnncheck.witness.stage import MOST_WEIGHTS, stage_of
from rnncheck.witness.terms import Terms

NAMED = 4  # faults that a reason has room for


class Testimony(NamedTuple):
    """What the witness says, or, if it was not heard, why."""

    witness: Witness | None
    notes: Sequence[str] = ()


def testify(first: FirstChunk, terms: Terms, *, always: bool) -> Testimony:
    """Which faults would have been caught on these terms, in the run that begins with `first`.

    Large layers are left alone unless `always`; of long and wide runs a part is taken, as the note says.
    """
    spec, lengths = first.spec, first.lengths
    if not always and weight_count(spec) > MOST_WEIGHTS:
        return Testimony(None, [f"no faults were planted in so many weights, {weight_count(spec):,}: --witness would"])
    faults = faults_of(spec, lengths=lengths is not None)
    seq_len, batch_size, _ = first.x.shape
    stage = stage_of(spec, seq_len, batch_size, lengths, len(faults))
    scene = stage.scene(spec, first.weights.values, first.x, first.state, lengths)
    retrial = Retrial(scene, first.sides[1], first.layers[1], terms)
    missed, hidden, caught = list[Unseen](), list[Unseen](), 0
    for fault in faults:
        seen = list[Comparison]()
        for comparisons in retrial.evidence(fault):
            seen += comparisons
            if not all(each.agrees for each in comparisons):
                caught += 1
                break
        else:
            # Asked last: where no state shows a fault, its gradients still may.
            if why := fault.visible_in(scene):
                hidden.append(Unseen(fault.slug, fault.variant, why))
            else:
                missed.append(Unseen(fault.slug, fault.variant, because(fault, seen, terms.modes)))
    witness = Witness(caught + len(missed), caught, tuple(missed), tuple(hidden))
    return Testimony(witness, stage.notes(seq_len, batch_size))


def because(fault: Fault, seen: Sequence[Comparison], modes: Collection[str]) -> str:
    """Why a fault that shows was not caught."""
    if fault.shows_in == "gradients" and not any(mode.startswith("backward") for mode in modes):
        return "gradients were not compared: --backward would"
    judged = [each for each in seen if each.compared]
    if not judged:
        return "nothing that it changes could be judged"
    most = max(judged, key=lambda each: each.budget_used)
    return f"changes {most.quantity} by at most {most.max_abs:.2g}, where {most.envelope_at_max:.2g} is allowed"


def insufficient(witness: Witness) -> str | None:
    """Why a pass that only faults can be caught by proves too little, or None if all that show were caught."""
    if not witness.planted:
        return "no known fault can show in this run, so that it proves nothing; random data and weights would"
    if not witness.missed:
        return None
    names = list(dict.fromkeys(each.slug for each in witness.missed))
    listed = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    return f"{len(witness.missed)} of {witness.planted} planted faults would have passed unseen: {listed}"
