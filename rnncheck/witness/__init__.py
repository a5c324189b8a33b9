"""The self-test: known faults, planted in the reference and judged like the candidate, show what a check detects."""

from rnncheck.witness.mutant import MutantJudgement
from rnncheck.witness.mutation_test import MutationTest, insufficient, mutants_tried

__all__ = ["MutantJudgement", "MutationTest", "insufficient", "mutants_tried"]
