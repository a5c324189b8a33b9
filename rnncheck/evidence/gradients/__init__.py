"""Backwards through time: the gradients of both sides, held against what rounding may do to them."""

from rnncheck.evidence.gradients.judge import Backward, backward_comparisons
from rnncheck.evidence.gradients.task import Reach, within_reach

__all__ = ["Backward", "Reach", "backward_comparisons", "within_reach"]
