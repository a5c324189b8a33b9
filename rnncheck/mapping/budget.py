"""The time for a search: one budget for all attempts, so that an error does not take minutes."""

import time
from dataclasses import dataclass, field
from typing import Self

SECONDS = 10.0
FOR_FAULTS = 3.0  # seconds for each search for faults, and for all of them beyond the budget
SLOWEST = 4  # times as long by the clock as by the processor, on a machine that has more to do


@dataclass
class Budget:
    """`seconds` of this thread's processor time from when it is made, so that a busy machine changes no verdict."""

    seconds: float = SECONDS
    start: tuple[float, float] = field(default_factory=lambda: (time.thread_time(), time.monotonic()))

    @classmethod
    def of_faults(cls) -> Self:
        """The budget of one search for faults that begins now."""
        return cls(FOR_FAULTS)

    @property
    def spent(self) -> float:
        """Seconds since the search began; where it mostly waits, the clock's count, too."""
        worked, passed = time.thread_time() - self.start[0], time.monotonic() - self.start[1]
        return max(worked, passed / SLOWEST)

    @property
    def over(self) -> bool:
        return self.spent > self.seconds

    def for_faults(self) -> float:
        """Until how much is spent a search for faults that begins now may go on."""
        return min(self.spent, self.seconds) + FOR_FAULTS
