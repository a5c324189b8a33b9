"""The witness: every known fault planted in the reference, and which of them this check would have caught."""

from collections.abc import Sequence
from typing import NamedTuple

from rnncheck.backward.reach import weight_count
from rnncheck.faults.catalogue import faults_of
from rnncheck.first_chunk import FirstChunk
from rnncheck.report import Unseen, Witness
from rnncheck.witness.stage import MOST_WEIGHTS, stage_of, whole_of
from rnncheck.witness.terms import Terms
from rnncheck.witness.trial import Trial

NAMED = 4  # faults that a reason has room for


class Testimony(NamedTuple):
    """What the witness says, or, if it was not heard, why."""

    witness: Witness | None
    notes: Sequence[str] = ()


def testify(first: FirstChunk, terms: Terms, *, always: bool) -> Testimony:
    """Which faults would have been caught on these terms, in the run that begins with `first`.

    Large layers are left alone unless `always`; of long and wide runs a part is taken, as the note says. What it cannot
    show is tried on all of `first` if `always`, and is otherwise told apart from what cannot show at all.
    """
    spec, lengths = first.spec, first.lengths
    if not always and weight_count(spec) > MOST_WEIGHTS:
        return Testimony(None, [f"no faults were planted in so many weights, {weight_count(spec):,}: --witness would"])
    faults = faults_of(spec, lengths=lengths is not None)
    seq_len, batch_size, _ = first.x.shape
    stage, whole = stage_of(spec, seq_len, batch_size, lengths, len(faults)), whole_of(first.x)
    part = Trial(stage, first, terms)
    outcomes = [part.outcome(fault) for fault in faults]
    if stage != whole:
        on_all = Trial(whole, first, terms)
        outcomes = [on_all.instead_of(each, again=always) for each in outcomes]

    def those(sort: str) -> tuple[Unseen, ...]:
        return tuple(each.unseen for each in outcomes if each.sort == sort)

    caught, missed = len(those("caught")), those("missed")
    witness = Witness(caught + len(missed), caught, missed, those("hidden"), those("untried"))
    return Testimony(witness, stage.notes(seq_len, batch_size))


def insufficient(witness: Witness) -> str | None:
    """Why a pass that only faults can be caught by proves too little, or None if all that show were caught."""
    if not witness.planted:
        return "no known fault can show in this run, so that it proves nothing; random data and weights would"
    if not witness.missed:
        return None
    names = list(dict.fromkeys(each.slug for each in witness.missed))
    listed = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    return f"{len(witness.missed)} of {witness.planted} planted faults would have passed unseen: {listed}"
