"""Suspects, one fault or two, held against what the candidate did."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rnncheck.diagnosis.probe import Likeness, Probe, Values, ran, values
from rnncheck.faults.fault import Fault, combined
from rnncheck.faults.scene import Scene

Suspect = tuple[Fault, ...]
"""One fault, or two together."""


@dataclass(frozen=True)
class Match:
    """A suspect, and how near it comes to the candidate."""

    suspect: Suspect
    likeness: Likeness


def ran_on(suspect: Suspect, scene: Scene) -> Values | None:
    """What the faulty layer makes of a scene; None where it cannot be run: two faults may not fit together."""
    try:
        return values(ran(combined(*suspect)(scene.spec), scene))
    except Exception:
        return None


def likeness(suspect: Suspect, probe: Probe) -> Likeness | None:
    """How near it comes to the candidate; None where it cannot be run on this scene."""
    found = ran_on(suspect, probe.scene)
    return None if found is None else probe.likeness(found)


def matches(suspects: Iterable[Suspect], probe: Probe) -> list[Match]:
    """Every suspect that can be run, the nearest first."""
    found = [Match(suspect, near) for suspect in suspects if (near := likeness(suspect, probe)) is not None]
    return sorted(found, key=lambda each: (not each.likeness.exact, -each.likeness.explains))


def exact(suspects: Iterable[Suspect], probes: Sequence[Probe]) -> list[Suspect]:
    """Those that equal the candidate on every probe, in the order given."""
    left = list(suspects)
    for probe in probes:
        left = [each for each in left if (near := likeness(each, probe)) is not None and near.exact]
    return left
