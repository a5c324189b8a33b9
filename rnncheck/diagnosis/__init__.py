"""The diagnosis: the known fault, or two faults, with which the right layer equals the candidate."""

from rnncheck.diagnosis.diagnose import TORCH, Diagnosis, diagnose, other_equations
from rnncheck.diagnosis.dropout import dropout, dropout_between_layers, dropout_switched_off
from rnncheck.diagnosis.gradients import diagnose_gradients, follows
from rnncheck.diagnosis.words import findings, ruled_out

__all__ = [
    "TORCH",
    "Diagnosis",
    "diagnose",
    "diagnose_gradients",
    "dropout",
    "dropout_between_layers",
    "dropout_switched_off",
    "findings",
    "follows",
    "other_equations",
    "ruled_out",
]
