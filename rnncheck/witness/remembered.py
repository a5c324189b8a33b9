"""Results of mutants, kept for the next candidate, because they depend only on the reference."""

import hashlib
from collections.abc import Callable, Hashable, Iterable

from torch import Tensor

from rnncheck.evidence.first_chunk import FirstChunk
from rnncheck.implementations import BUILT_IN
from rnncheck.witness.mutant import MutantJudgement
from rnncheck.witness.mutation_test import MutationTest, try_mutants

MOST = 64  # runs that are kept
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
        while len(_KEPT) >= MOST:
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
