"""What a sweep found: frozen facts, no text layout. Schema `rnncheck/sweep/1`; its keys are stable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnncheck.report import Finding, Verdict, plain

SCHEMA = "rnncheck/sweep/1"


@dataclass(frozen=True)
class Region:
    """One cause of failure: where it is, the smallest configuration that has it, and what it is.

    `where` are rules that hold together, in words; none means everywhere. `smallest` are the options of
    `rnncheck compare` that make that configuration, `command` is the whole command, and `command_exit_code` what a
    check of it on sides loaded anew came to. `configurations` is how many of those drawn are in it. `raises` says what
    the candidate raises there instead of a result: such a region is no mismatch.
    """

    where: tuple[str, ...]
    smallest: Mapping[str, object]
    configurations: int
    findings: tuple[Finding, ...] = ()
    modes: tuple[str, ...] = ()
    raises: str | None = None
    also: tuple[str, ...] = ()  # other places with the same cause
    command: str | None = None
    command_exit_code: int | None = None

    @property
    def in_words(self) -> str:
        """`hidden_size from 9 on, where it is not a multiple of 8, and T above 64`."""
        return " and ".join(self.where) or "in every configuration"


@dataclass(frozen=True)
class SweepReport:
    """All that one sweep found.

    Of `drawn` configurations `compared` were run on both sides. `judged` configurations had the full check: a small
    one of each cell, and some of those drawn. `undecided` are those that the judge left open, and `unjudged` those
    that are suspect and that there was no time for. `not_offered` says which values were left out from the start and
    why, and `refused` why others were not run, and how many.
    """

    verdict: Verdict
    exit_code: int
    reason: str | None
    candidate: str
    candidate_location: str
    reference: str
    drawn: int
    compared: int
    judged: int
    undecided: int
    unjudged: int
    regions: Sequence[Region]
    not_offered: Mapping[str, str]
    refused: Mapping[str, int]
    varied: Sequence[str]
    seed: int
    seconds: float
    complete: bool  # whether all configurations that there are were drawn
    environment: Mapping[str, object]
    notes: Sequence[str] = ()
    command: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        facts: dict[str, Any] = plain(self)
        for each, region in zip(facts["regions"], self.regions, strict=True):
            each["in_words"] = region.in_words
        return {"schema": SCHEMA} | facts
