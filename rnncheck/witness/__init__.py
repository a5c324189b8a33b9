"""Proof that a check could have failed: known faults, planted in the reference and judged as the candidate was."""

from rnncheck.witness.mutant import Terms
from rnncheck.witness.mutation_test import Testimony, insufficient, testify

__all__ = ["Terms", "Testimony", "insufficient", "testify"]
