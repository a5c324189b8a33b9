"""The rounding envelope: how far from exact arithmetic a right implementation may be."""

from rnncheck.envelope.envelope import Envelope, exact_and_envelope
from rnncheck.envelope.lockstep import Restarts, lockstep_envelope, restarts
from rnncheck.envelope.rounding import Rounding, rounding_of

__all__ = [
    "Envelope",
    "Restarts",
    "Rounding",
    "exact_and_envelope",
    "lockstep_envelope",
    "restarts",
    "rounding_of",
]
