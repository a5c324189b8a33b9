"""Who is compared with whom, in any number of configurations."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnncheck.checking.plan import sides_of
from rnncheck.errors import UsageError
from rnncheck.implementations import FAULT, files_of, load
from rnncheck.implementations.protocol import Implementation, RunsOnce

READ_SECONDS = 2.0


@dataclass(frozen=True)
class Sides:
    """Who is compared with whom, by name, as `compare` takes it."""

    candidate: str
    reference: str = "torch"
    arguments: Mapping[str, object] = field(default_factory=dict)
    mapping: Path | None = None
    read_seconds: float = 10.0
    timeout: float | None = None

    def for_many(self) -> "Sides":
        """The same, with less time for each way in which a class is constructed: a sweep reads it in dozens."""
        return replace(self, read_seconds=min(self.read_seconds, READ_SECONDS))

    def files(self) -> list[Path]:
        """The user's files among them, and the mapping."""
        return [*files_of(self.candidate, self.reference), *filter(None, [self.mapping])]

    def loaded(self) -> tuple[Implementation, Implementation]:
        """Raises `UsageError` for a recorded run, which has one configuration."""
        sides = sides_of(self.candidate, self.reference, self.arguments, self.mapping, self.read_seconds, self.timeout)
        for side in sides:
            if isinstance(side, RunsOnce):
                raise UsageError(f"{side.name} is a recorded run of one configuration; compare checks it")
        return sides


def anew(side: Implementation) -> Implementation:
    """The side for another configuration: a planted fault is made for the sizes that it first meets."""
    return load(side.name) if side.name.startswith(FAULT) else side
