"""The gradients of both sides, compared within their rounding envelope."""

from rnncheck.evidence.gradients.judge import MODE_FLOAT64, Backward, backward_comparisons
from rnncheck.evidence.gradients.task import FirstPart, within_reach

__all__ = ["MODE_FLOAT64", "Backward", "FirstPart", "backward_comparisons", "within_reach"]
