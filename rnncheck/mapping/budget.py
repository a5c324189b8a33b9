"""How long the search for a reading may take: one budget for all attempts, so that no refusal takes minutes."""

import time
from dataclasses import dataclass, field

SECONDS = 10.0
LEAST = 2.0  # seconds for each search for faults, however much was spent before


@dataclass
class Budget:
    """`seconds` from when it is made. `tried` counts the hypotheses that were run, for messages."""

    seconds: float = SECONDS
    tried: int = 0
    start: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> float:
        """Seconds since the search began."""
        return time.monotonic() - self.start

    @property
    def over(self) -> bool:
        return self.spent > self.seconds
