"""Proof that a check could have failed: known faults, planted in the reference and judged as the candidate was."""

from rnncheck.witness.mutant import Judgement
from rnncheck.witness.mutation_test import MutationTest, insufficient
from rnncheck.witness.remembered import mutants_tried

__all__ = ["Judgement", "MutationTest", "insufficient", "mutants_tried"]
