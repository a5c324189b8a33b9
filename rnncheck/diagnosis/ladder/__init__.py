"""The precision ladder: is a mismatch another function, or the same function at a lower precision?"""

from rnncheck.diagnosis.ladder.climb import Ladder, climb
from rnncheck.diagnosis.ladder.distance import MeasuredRun

__all__ = ["Ladder", "MeasuredRun", "climb"]
