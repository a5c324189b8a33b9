"""The precision ladder: is a mismatch another function, or the same function at a lower precision?"""

from rnncheck.diagnosis.ladder.climb import Ladder, climb, in_float64
from rnncheck.diagnosis.ladder.distance import Gap, MeasuredRun

__all__ = ["Gap", "Ladder", "MeasuredRun", "climb", "in_float64"]
