"""The results of a benchmark as facts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal, get_args

from rnncheck.errors import CannotRun, ExitCode

SCHEMA = "rnncheck/bench/1"
Pass = Literal["forward", "forward and backward"]


@dataclass(frozen=True, order=True)
class Size:
    """T timesteps, B batch rows, I features of one timestep, H units."""

    seq_len: int
    batch_size: int
    input_size: int
    hidden_size: int

    def __str__(self) -> str:
        return f"T {self.seq_len} B {self.batch_size} I {self.input_size} H {self.hidden_size}"


@dataclass(frozen=True)
class Spread:
    """Seconds of one call: the median and the quartiles of the rounds, with `calls` calls in all."""

    median: float
    lower: float
    upper: float
    calls: int


class Outcome(StrEnum):
    """The result for a ratio and its interval."""

    FASTER = "faster"
    SLOWER = "slower"
    NO_DIFFERENCE = "no measurable difference"


@dataclass(frozen=True)
class Ratio:
    """How many times as fast one call is as another, with an interval of at least 95 % confidence."""

    value: float
    low: float
    high: float

    @property
    def outcome(self) -> Outcome:
        if self.low > 1:
            return Outcome.FASTER
        return Outcome.SLOWER if self.high < 1 else Outcome.NO_DIFFERENCE

    def over(self, other: "Ratio") -> "Ratio":
        """The change from the other ratio to this one, with the least and the largest possible change."""
        return Ratio(self.value / other.value, self.low / other.high, self.high / other.low)


@dataclass(frozen=True)
class Row:
    """One size, one pass. `speed` is the reference's time over the candidate's: above 1 the candidate is faster.

    `first_call` is the seconds of the candidate's very first call, with what is compiled or packed in it; the bytes are
    those that one call holds at most beside what was there before, None where that cannot be measured. `change` is that
    of `speed` since an older benchmark.
    """

    size: Size
    run: Pass
    compiled: bool
    candidate: Spread
    reference: Spread
    speed: Ratio
    first_call: float
    candidate_bytes: int | None = None
    reference_bytes: int | None = None
    change: Ratio | None = None

    @property
    def key(self) -> tuple[Size, Pass, bool]:
        return self.size, self.run, self.compiled


@dataclass(frozen=True)
class Bench:
    """The whole benchmark. `model` has the facts of the layer without its sizes; `fail_below` is the required speed."""

    candidate: str
    reference: str
    model: Mapping[str, Any]
    threads: int
    rows: Sequence[Row]
    environment: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    fail_below: float | None = None
    command: str | None = None

    @property
    def too_slow(self) -> list[Row]:
        """Rows that are certainly slower than `fail_below` allows."""
        return [each for each in self.rows if self.fail_below is not None and each.speed.high < self.fail_below]

    @property
    def undecided(self) -> list[Row]:
        """Rows with an interval that is partly below `fail_below`."""
        low = [each for each in self.rows if self.fail_below is not None and each.speed.low < self.fail_below]
        return [each for each in low if each not in self.too_slow]

    @property
    def exit_code(self) -> ExitCode:
        if self.too_slow:
            return ExitCode.SLOWER
        return ExitCode.INCONCLUSIVE if self.undecided else ExitCode.EQUIVALENT

    def as_json(self) -> dict[str, Any]:
        """Every fact, with the schema and the exit code."""
        rows = [asdict(each) | {"outcome": each.speed.outcome} for each in self.rows]
        head = {"schema": SCHEMA, "verdict": "equivalent", "exit_code": int(self.exit_code)}
        return head | asdict(self) | {"rows": rows}


def bench_of(told: Any, source: str) -> Bench:
    """Reads a benchmark from its JSON. Raises `CannotRun` for other JSON."""
    if not isinstance(told, dict) or told.get("schema") != SCHEMA:
        raise CannotRun(
            f"{source} is no benchmark of rnncheck: it lacks schema {SCHEMA}; write one with --report json=FILE"
        )
    try:
        rows = [row_of(each) for each in told["rows"]]
        facts = {name: told[name] for name in ("candidate", "reference", "model", "threads")}
        if not isinstance(facts["model"], dict):
            raise TypeError("its model is no object")
        return Bench(**facts, rows=rows)
    except (KeyError, TypeError, ValueError) as problem:
        raise CannotRun(f"{source} is damaged: {type(problem).__name__}: {problem}; write it again") from None


def row_of(told: Mapping[str, Any]) -> Row:
    if told["run"] not in get_args(Pass):
        raise ValueError(f"no pass is called {told['run']!r}")
    candidate, reference = (Spread(**told[side]) for side in ("candidate", "reference"))
    size, speed = Size(**told["size"]), Ratio(**{name: positive(each) for name, each in told["speed"].items()})
    return Row(size, told["run"], bool(told["compiled"]), candidate, reference, speed, float(told["first_call"]))


def positive(told: Any) -> float:
    """A speed. Raises `ValueError` for what cannot be one."""
    if not isinstance(told, int | float) or not 0 < told < float("inf"):
        raise ValueError(f"{told!r} is no speed")
    return told
