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
    """Sets the function that turns a report into HTML."""
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
    """The place of an element of a quantity. `t` is its timestep. All indices start at 0."""

    t: int
    batch: int
    unit: int
    layer: int
    direction: str  # "forward", "reverse"


@dataclass(frozen=True)
class Entry:
    """The place of an element in the gradient of a parameter; a bias has only column 0."""

    row: int
    column: int
    layer: int
    direction: str


@dataclass(frozen=True)
class Divergence:
    """The place of the first difference."""

    quantity: str
    t: int
    layer: int
    direction: str
    batch: int
    unit: int


@dataclass(frozen=True)
class Timestep:
    """One timestep of a quantity: its largest difference over batch and units, and the states of both sides.

    `envelope` is the difference allowed at the element where `budget_used`, |difference| / allowed, is largest.
    `candidate` and `reference` are the W values of batch row `Comparison.shown_batch`, `allowed` the difference that
    is allowed for each.
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

    `mode` says how the two were run: "free" is the normal run, each side from its own states; "lockstep" every single
    step from the exact states before it, against exact arithmetic; "backward" are gradients,
    and "backward float64" those of the same layers in float64; "path:" and a slug is another way to use the layer,
    such as without a state.
    `max_abs` is the largest |candidate - reference|, found `at` a place (in a parameter's gradient: at an `entry`)
    where the values were `candidate_value` and `reference_value`; `max_ulp` is that difference in units of the last
    place of the reference's value; `envelope_at_max` is the allowed difference there. `budget_used` is the largest
    |difference| / allowed over all elements; above 1 is a mismatch. `nonfinite` counts elements that are the same NaN
    or infinity on both sides: they agree, but prove nothing, and are not among `compared`. `unjudged` counts those that
    are after the horizon, where rounding alone may be as large as the state, or overflows. `problem` says why nothing
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
    """One of the two implementations; `read_as` says how the user's own code was read."""

    name: str
    location: str
    read_as: str | None = None


@dataclass(frozen=True)
class Mapped:
    """The weights that a tensor of the candidate holds, its `shape`, and how that was found."""

    candidate: str
    from_: str
    how: str  # "name", "shape", "gradient", "given", "own": by the candidate's own code, or "kept": it keeps its own
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class SequenceFacts:
    """The data of both sides: its source, its shape (T, B, I), and the kind of the initial state."""

    shape: tuple[int, int, int]
    lengths: tuple[int, ...] | None
    h0: str
    source: Mapping[str, object]


@dataclass(frozen=True)
class WeightFacts:
    """The source and the shapes of the weights.

    With `sync` "reference" both sides hold them bit for bit, read back; with "none" each side has its own, and
    `source` is that of the candidate.
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
    """The allowed difference.

    kind "envelope": the rounding envelope, from `samples` perturbed runs; the normal run is judged for `horizon`
    timesteps, in which the envelope grew by `growth` per step; timesteps after `extent` (of long data)
    have the largest limit before. kind "stated": |difference| <= atol + rtol * |reference|.
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
    """A finding of the diagnosis: a public slug, a sentence, and the share of the mismatch that it explains.

    `explains` is 1 if the reference with this fault equals the candidate up to rounding; then `residual` is
    the largest difference left. `variant` is the variant of the fault, `mend` how to mend it.
    """

    slug: str
    message: str
    explains: float | None = None
    residual: float | None = None
    variant: str | None = None
    mend: str | None = None


@dataclass(frozen=True)
class NotGone:
    """Parts of a path that were not run, and why; `by` is the side that does not support them."""

    what: tuple[str, ...]
    why: str
    by: str = "candidate"


@dataclass(frozen=True)
class PathFacts:
    """One way in which the layer was used: the parts that were run, and those that are not supported.

    Its comparisons have the mode "path:" and the slug.
    """

    path: str
    title: str
    gone: tuple[str, ...]
    not_offered: tuple[NotGone, ...] = ()


@dataclass(frozen=True)
class Unseen:
    """A fault that the self-test did not catch or try, and why."""

    slug: str
    variant: str
    why: str


@dataclass(frozen=True)
class Witness:
    """The self-test after a pass: known faults, planted in the reference and judged like the candidate.

    `planted` is how many can show in this run, `caught` how many the check detects, `missed` the others. `hidden`
    cannot show in it, such as a transposed W_hh of one unit. `untried` cannot show in the part in which faults
    were planted, but may show in the rest.
    """

    planted: int
    caught: int
    missed: Sequence[Unseen] = ()
    hidden: Sequence[Unseen] = ()
    untried: Sequence[Unseen] = ()


@dataclass(frozen=True)
class Report:
    """The result of one check."""

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
    seconds: float = field(default=0.0, compare=False)  # that the check took; not in the JSON, which is always the same

    def _repr_html_(self) -> str | None:
        """The HTML that a notebook shows."""
        return None if _in_notebooks is None else _in_notebooks(self)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values; NaN and infinities become the strings "NaN", "Infinity", "-Infinity"."""
        sequences = plain(self.sequences)
        facts: dict[str, Any] = plain(self)
        facts["sequences"] = sequences.pop("source") | sequences
        del facts["spec"]["variant"], facts["seconds"]  # the reference's name says the variant
        facts["weights"]["count"] = self.weights.count
        for mapped in facts["mapping"]:
            mapped["from"] = mapped.pop("from_")
        return {"schema": SCHEMA} | facts


@dataclass(frozen=True)
class Failure:
    """The result of a check that could not run: the reason and the exit code."""

    exit_code: int
    reason: str
    candidate: str
    reference: str
    command: str | None = None
    verdict: str = "error"
    seconds: float = field(default=0.0, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The failure as plain JSON values, with the keys of a report."""
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
    """A fact as a JSON value."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value
