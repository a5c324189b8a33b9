"""The rounding envelope: how far from exact arithmetic a right implementation may be."""

from rnncheck.envelope.envelope import Envelope, exact_and_envelope
from rnncheck.envelope.gradient import GradientEnvelope, GradientSet, gradient_envelope
from rnncheck.envelope.lockstep import (
    Restarts,
    independent_units,
    lockstep_envelope,
    lowered,
    lowered_envelope,
    restarts,
)
from rnncheck.envelope.rounding import Rounding, rounding_of

__all__ = [
    "Envelope",
    "GradientEnvelope",
    "GradientSet",
    "Restarts",
    "Rounding",
    "exact_and_envelope",
    "gradient_envelope",
    "independent_units",
    "lockstep_envelope",
    "lowered",
    "lowered_envelope",
    "restarts",
    "rounding_of",
]
