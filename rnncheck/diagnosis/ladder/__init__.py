"""The precision ladder: is a mismatch another function, or the same one computed more roughly than it should be?"""

from rnncheck.diagnosis.ladder.climb import Ladder, climb

__all__ = ["Ladder", "climb"]
