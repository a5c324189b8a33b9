"""Backwards through time: the gradients of both sides, held against what rounding may do to them."""

from rnncheck.backward.judge import Backward, backward_comparisons
from rnncheck.backward.reach import Reach, within_reach

__all__ = ["Backward", "Reach", "backward_comparisons", "within_reach"]
