"""The facts that a check found, as frozen records. Reporters turn them into screens and files.

`Report.to_dict` is the JSON report, schema `rnncheck/report/1`; its keys are stable.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import Any, Literal

from rnncheck.errors import ExitCode
from rnncheck.model.spec import Spec

SCHEMA = "rnncheck/report/1"

_in_notebooks: "Callable[[Report], str] | None" = None


def show_in_notebooks(render: "Callable[[Report], str]") -> None:
    """Says how a report becomes HTML; facts know no layout of their own."""
    global _in_notebooks
    _in_notebooks = render


class Verdict(StrEnum):
    EQUIVALENT = "equivalent"
    MISMATCH = "mismatch"
    INCONCLUSIVE = "inconclusive"

    @property
    def exit_code(self) -> ExitCode:
        return {
            Verdict.EQUIVALENT: ExitCode.EQUIVALENT,
            Verdict.MISMATCH: ExitCode.MISMATCH,
            Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
        }[self]


@dataclass(frozen=True)
class Place:
    """One element of a quantity. `t` is the timestep whose state it is; counted from 0, as everything is."""

    t: int
    batch: int
    unit: int
    layer: int
    direction: str  # "forward", "reverse"


@dataclass(frozen=True)
class Entry:
    """One element of a parameter's gradient, which has no place in time or batch; a bias has column 0 alone."""

    row: int
    column: int
    layer: int
    direction: str


@dataclass(frozen=True)
class Divergence:
    """Where the two sides part for the first time."""

    quantity: str
    t: int
    layer: int
    direction: str
    batch: int
    unit: int


@dataclass(frozen=True)
class Timestep:
    """One timestep of one quantity: its largest difference over batch and units, and both sides' states.

    `envelope` is the difference allowed at the element where `budget_used`, |difference| / allowed, is largest.
    `candidate` and `reference` are the W values of batch row `Comparison.shown_batch`, and `allowed` what each of them
    may differ by.
    """

    t: int
    max_abs: float
    envelope: float
    budget_used: float
    exceeded: int
    candidate: tuple[float, ...]
    reference: tuple[float, ...]
    allowed: tuple[float, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """One quantity of both sides, compared element by element.

    `mode` says how the two were run: "free" from one initial state, each from what it made of it; "lockstep" every
    step from the exact states before it, and against exact arithmetic; "backward" the gradients,
    and "backward float64" those of the same layers built in float64; "path:" and a slug, used in another way than at
    first, such as without a state.
    `max_abs` is the largest |candidate - reference|, found `at` a place (in a parameter's gradient: at an `entry`)
    where the values were `candidate_value` and `reference_value`; `max_ulp` is that difference in units of the last
    place of the reference's value; `envelope_at_max` what was allowed there. `budget_used` is the largest
    |difference| / allowed over all elements; above 1 is a mismatch. `nonfinite` counts elements that are the same NaN
    or infinity on both sides: they agree, but prove nothing, and are not among `compared`. `unjudged` counts those that
    are beyond the horizon, where rounding alone may be as large as the state or overflows. `problem` says why nothing
    could be compared at all: another shape, another dtype, no gradient.
    """

    quantity: str
    mode: str
    max_abs: float = math.nan
    max_ulp: float = math.nan
    envelope_at_max: float = math.nan
    budget_used: float = math.nan
    at: Place | None = None
    entry: Entry | None = None
    candidate_value: float = math.nan
    reference_value: float = math.nan
    compared: int = 0
    exceeded: int = 0
    nonfinite: int = 0
    unjudged: int = 0
    first_divergence: Divergence | None = None
    shown_batch: int = 0
    per_timestep: tuple[Timestep, ...] = ()
    problem: str | None = None

    @property
    def agrees(self) -> bool:
        return self.problem is None and self.exceeded == 0


@dataclass(frozen=True)
class Side:
    """One of the two implementations; `read_as` says how a stranger's code was understood."""

    name: str
    location: str
    read_as: str | None = None


@dataclass(frozen=True)
class Mapped:
    """Which canonical weight fills a parameter of the candidate, of what `shape`, and how that was decided."""

    candidate: str
    from_: str
    how: str  # "name", "shape", "gradient", "given", "own": by the candidate's own code, or "kept": it keeps its own
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class SequenceFacts:
    """What both sides read: where it came from, its shape (T, B, I), and how both sides started."""

    shape: tuple[int, int, int]
    lengths: tuple[int, ...] | None
    h0: str
    source: Mapping[str, object]


@dataclass(frozen=True)
class WeightFacts:
    """Where the weights came from and what they are.

    With `sync` "reference" both sides were read back and hold them bit for bit; with "none" each side has its own, and
    `source` says where the candidate's came from.
    """

    source: str
    seed: int | None
    scale: float
    shapes: Mapping[str, tuple[int, ...]]
    sync: Literal["reference", "none"] = "reference"

    @property
    def count(self) -> int:
        return sum(math.prod(shape) for shape in self.shapes.values())


@dataclass(frozen=True)
class ToleranceFacts:
    """What a difference was held against.

    kind "envelope": the rounding envelope, from `samples` perturbed runs; free running is judged for `horizon`
    timesteps, over which what rounding may do grew by `growth` a step; the timesteps after `extent` (of long data)
    are held against the largest allowance before. kind "stated": |difference| <= atol + rtol * |reference|.
    """

    kind: str
    atol: float | None = None
    rtol: float | None = None
    samples: int | None = None
    horizon: int | None = None
    growth: float | None = None
    extent: int | None = None


@dataclass(frozen=True)
class Finding:
    """What the diagnosis says: a public slug, one sentence, and how much of the mismatch it explains.

    `explains` is 1 where the reference with this fault equals the candidate but for rounding, `residual` then being
    the largest difference left. `variant` says which one of a family it is, `mend` how to put it right.
    """

    slug: str
    message: str
    explains: float | None = None
    residual: float | None = None
    variant: str | None = None
    mend: str | None = None


@dataclass(frozen=True)
class NotGone:
    """Parts of a path that were not run, and why; `by` is the side that does not offer them."""

    what: tuple[str, ...]
    why: str
    by: str = "candidate"


@dataclass(frozen=True)
class PathFacts:
    """One way in which the layer was used: which parts of it were run, and which are not offered.

    What was compared there is among the comparisons, their mode "path:" and the slug.
    """

    path: str
    title: str
    gone: tuple[str, ...]
    not_offered: tuple[NotGone, ...] = ()


@dataclass(frozen=True)
class Unseen:
    """A fault that was planted and not caught, and why."""

    slug: str
    variant: str
    why: str


@dataclass(frozen=True)
class Witness:
    """What a check that found no difference would have found: known faults, planted in the reference, judged as it was.

    `planted` are those that show in this run, of which it `caught` all but the `missed`; `hidden` are those that
    cannot show in it, such as a transposed W_hh of one unit; `untried` cannot show in the part of it in which faults
    were planted, and may in the rest.
    """

    planted: int
    caught: int
    missed: Sequence[Unseen] = ()
    hidden: Sequence[Unseen] = ()
    untried: Sequence[Unseen] = ()


@dataclass(frozen=True)
class Report:
    """All that one check found."""

    verdict: Verdict
    exit_code: int
    reason: str | None  # why the verdict is inconclusive
    spec: Spec
    sequences: SequenceFacts
    candidate: Side
    reference: Side
    environment: Mapping[str, object]
    weights: WeightFacts
    tolerance: ToleranceFacts
    mapping: Sequence[Mapped] = ()
    conventions: Sequence[str] = ()  # of the candidate's own, such as its gate order, which are no fault
    restrictions: Sequence[str] = ()  # what both sides were given less than a layer may hold
    comparisons: Sequence[Comparison] = ()
    first_divergence: Divergence | None = None
    findings: Sequence[Finding] = ()
    paths: Sequence[PathFacts] = ()
    witness: Witness | None = None
    notes: Sequence[str] = field(default_factory=tuple)
    command: str | None = None  # what gives this report again

    def _repr_html_(self) -> str | None:
        """What a notebook shows of it."""
        return None if _in_notebooks is None else _in_notebooks(self)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values; NaN and infinities become the strings "NaN", "Infinity", "-Infinity"."""
        sequences = plain(self.sequences)
        facts: dict[str, Any] = plain(self)
        facts["sequences"] = sequences.pop("source") | sequences
        del facts["spec"]["variant"]  # the reference's name says it
        facts["weights"]["count"] = self.weights.count
        for mapped in facts["mapping"]:
            mapped["from"] = mapped.pop("from_")
        return {"schema": SCHEMA} | facts


@dataclass(frozen=True)
class Failure:
    """What stands in the place of a report where the check could not run: why, and the exit code."""

    exit_code: int
    reason: str
    candidate: str
    reference: str
    command: str | None = None
    verdict: str = "error"

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values, with the keys that they have in a report."""
        return {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "exit_code": int(self.exit_code),
            "reason": self.reason,
            "candidate": {"name": self.candidate},
            "reference": {"name": self.reference},
            "command": self.command,
        }


def plain(value: Any) -> Any:
    """A fact as JSON can hold it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value
