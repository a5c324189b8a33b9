"""Reports from timesteps made by hand. Their numbers are computed, never measured: always the same."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict

from rnncheck.model.spec import Spec
from rnncheck.report import (
    Comparison,
    Divergence,
    Mapped,
    Place,
    Report,
    SequenceFacts,
    Side,
    Timestep,
    ToleranceFacts,
    Verdict,
    WeightFacts,
)

ENVIRONMENT = {
    "rnncheck": "0.1.0",
    "python": "3.12.4",
    "torch": "2.9.0",
    "numpy": "2.3.1",
    "platform": "linux x86_64",
    "device": "cpu",
    "tf32_matmul": False,
    "tf32_cudnn": False,
    "float32_matmul_precision": "highest",
    "deterministic_algorithms": False,
    "threads": 8,
}
ATOL, RTOL = 3e-7, 1.2e-7  # an envelope as simple as a tolerance
RANDOM = {"source": "random", "seed": 0, "init": "normal"}

Error = Callable[[int, int], float]  # of the candidate, at a timestep and column


def state(t: int, column: int) -> float:
    """A hidden state that looks like one."""
    return math.tanh(math.sin(0.9 * t + 1.7 * column) + 0.3 * math.cos(2.3 * t * (column + 1)))


def rounding(t: int, column: int) -> float:
    """What two right layers differ by: nothing at the first step, then a few units of the last place."""
    return 2.0**-25 * ((t * 5 + column * 3) % 7 % 4) * (t > 0)


def exactly(t: int, column: int) -> float:
    return 0.0


def allowed(reference: float) -> float:
    return ATOL + RTOL * abs(reference)


def timestep(t: int, candidate: Sequence[float], reference: Sequence[float]) -> Timestep:
    differences = [abs(a - b) for a, b in zip(candidate, reference, strict=True)]
    budgets = [difference / allowed(b) for difference, b in zip(differences, reference, strict=True)]
    return Timestep(
        t,
        max_abs=max(differences),
        envelope=ATOL,
        budget_used=max(budgets),
        exceeded=sum(budget > 1 for budget in budgets),
        candidate=tuple(candidate),
        reference=tuple(reference),
        allowed=tuple(map(allowed, reference)),
    )


def timesteps(times: Sequence[int], width: int, error: Error) -> list[Timestep]:
    reference = {t: [state(t, column) for column in range(width)] for t in times}
    return [timestep(t, [b + error(t, i) for i, b in enumerate(reference[t])], reference[t]) for t in times]


def place(spec: Spec, t: int, batch: int, column: int) -> Place:
    direction, unit = divmod(column, spec.state_size)
    return Place(t, batch, unit, spec.num_layers - 1, ("forward", "reverse")[direction])


def comparison(quantity: str, spec: Spec, steps: Sequence[Timestep], batch: int = 2, **facts: object) -> Comparison:
    """What the timesteps of one batch row say of a quantity; the other two agree exactly, where `batch` is not 0."""
    rows = 3 if batch else 1
    worst = max(steps, key=lambda step: step.max_abs)
    differences = [abs(a - b) for a, b in zip(worst.candidate, worst.reference, strict=True)]
    column = differences.index(max(differences))
    reference = worst.reference[column]
    parted = next((step for step in steps if step.exceeded), None)
    first = None
    if parted is not None:
        budgets = [abs(a - b) / allowed(b) for a, b in zip(parted.candidate, parted.reference, strict=True)]
        first = Divergence(quantity, **asdict(place(spec, parted.t, batch, budgets.index(max(budgets)))))
    computed: dict[str, object] = {
        "mode": "free",
        "max_abs": worst.max_abs,
        "max_ulp": worst.max_abs / 2.0 ** (math.frexp(reference)[1] - 24),
        "envelope_at_max": allowed(reference),
        "budget_used": max(step.budget_used for step in steps),
        "at": place(spec, worst.t, batch, column),
        "candidate_value": worst.candidate[column],
        "reference_value": reference,
        "compared": rows * len(steps) * len(worst.reference),
        "exceeded": sum(step.exceeded for step in steps),
        "first_divergence": first,
        "shown_batch": batch,
        "per_timestep": tuple(steps) if quantity == "output" else (),
    }
    return Comparison(quantity, **{**computed, **facts})  # type: ignore[arg-type]


def envelope(horizon: int, growth: float = 0.98, extent: int | None = None) -> ToleranceFacts:
    return ToleranceFacts("envelope", samples=64, horizon=horizon, growth=growth, extent=extent or horizon)


def stepped(spec: Spec, seq_len: int) -> Comparison:
    """Every step of a right layer by itself."""
    count = 3 * seq_len * spec.state_size * spec.num_layers * spec.directions
    return comparison("h", spec, timesteps(range(seq_len), spec.state_size, rounding), mode="lockstep", compared=count)


def report(spec: Spec, seq_len: int, comparisons: Sequence[Comparison], **facts: object) -> Report:
    agrees = all(each.agrees for each in comparisons)
    whole: dict[str, object] = {
        "verdict": Verdict.EQUIVALENT if agrees else Verdict.MISMATCH,
        "exit_code": 0 if agrees else 1,
        "reason": None,
        "sequences": SequenceFacts((seq_len, 3, spec.input_size), None, "random", RANDOM),
        "candidate": Side("scratch", "rnncheck.scratch"),
        "reference": Side("torch", "torch.nn"),
        "environment": ENVIRONMENT,
        "weights": WeightFacts("random", 0, 1.0, spec.parameter_shapes()),
        "tolerance": envelope(seq_len),
        "mapping": [Mapped(name, name, "name", shape) for name, shape in spec.parameter_shapes().items()],
        "comparisons": comparisons,
        "first_divergence": next((each.first_divergence for each in comparisons if each.first_divergence), None),
        "command": "rnncheck compare",
    }
    return Report(spec=spec, **{**whole, **facts})  # type: ignore[arg-type]


def output_and_final(spec: Spec, steps: Sequence[Timestep], batch: int = 2, **facts: object) -> list[Comparison]:
    return [comparison("output", spec, steps, batch, **facts), comparison("h_n", spec, steps[-1:], batch)]
