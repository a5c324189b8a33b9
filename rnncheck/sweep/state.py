"""Where a sweep is, in a file, so that it can go on after it was stopped."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from rnncheck.errors import DataError, UsageError
from rnncheck.files import write_atomically
from rnncheck.sweep.configuration import Configuration, from_options
from rnncheck.text import printable

SCHEMA = "rnncheck/sweep-state/1"


@dataclass(frozen=True)
class SuspectConfiguration:
    """A configuration in which the sides are far apart in a quick comparison, or of which the judge said so."""

    configuration: Configuration
    apart: float = float("inf")
    backward: bool = False
    raised: str | None = None
    judged: bool = False  # found by the judge alone: a quick comparison sees nothing


@dataclass
class SweepState:
    """How far it has come: the next group, what was counted, and every suspect so far, in order."""

    opened: bool = False  # whether a small configuration of each cell was judged
    small_suspects: int = 0  # how many of these are suspects, the first ones; they are not among those drawn
    next_group: int = 0
    next_place: int = 0  # in that group, of which the configurations before were counted
    drawn: int = 0
    compared: int = 0
    judged: int = 0
    undecided: int = 0
    doubt: str | None = None  # why a small configuration that was judged first could not be decided
    seconds: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)
    suspects: list[SuspectConfiguration] = field(default_factory=list)


def identity(names: Sequence[str], files: Sequence[Path], asked: Mapping[str, object]) -> dict[str, object]:
    """What a sweep is about: a state of another one is of no use to it."""
    about = {"sides": list(names), "files": contents(files), **asked}
    return json.loads(json.dumps(about))  # type: ignore[no-any-return]


def contents(files: Sequence[Path]) -> dict[str, str]:
    """A hash of each file that there is."""
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()}


def save(path: Path, about: Mapping[str, object], state: SweepState) -> None:
    """Whole or not at all. Raises `OutputError` where it cannot be written."""
    facts = {each.name: getattr(state, each.name) for each in fields(state)}
    facts["suspects"] = [{**asdict(each), "apart": str(each.apart)} for each in state.suspects]
    write_atomically(path, json.dumps({"schema": SCHEMA, "about": about, "state": facts}))


def load(path: Path, about: Mapping[str, object]) -> SweepState:
    """Where the sweep was; at its beginning if there is no file yet.

    Raises `DataError` for a file that is no state, and `UsageError` for the state of another sweep.
    """
    shown = printable(str(path), 200)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return SweepState()
    except (OSError, UnicodeDecodeError) as problem:
        raise DataError(f"cannot read {shown}: {problem}; name another file with --state") from None
    try:
        told: dict[str, Any] = json.loads(text)
        if told["schema"] != SCHEMA:
            raise ValueError(f"its schema is {printable(str(told['schema']))}")
        of, facts = told["about"], told["state"]
        suspects = [suspect(each) for each in facts.pop("suspects")]
        state = SweepState(**{**facts, "refused": Counter(facts["refused"]), "suspects": suspects})
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DataError(
            f"{shown} is not the state of a sweep, or is damaged ({printable(str(problem), 100)}); delete it to begin "
            "anew, or name another file"
        ) from None
    if other := [key for key in about if of.get(key) != about[key]]:
        what = {"sides": "other implementations", "files": "another version of their code"}.get(
            other[0], f"another {other[0]}"
        )
        raise UsageError(f"{shown} is the state of a sweep of {what}; delete it, or name another file")
    return state


def suspect(facts: Mapping[str, Any]) -> SuspectConfiguration:
    return SuspectConfiguration(
        from_options(facts["configuration"]),
        float(facts["apart"]),
        bool(facts["backward"]),
        facts["raised"],
        bool(facts["judged"]),
    )
