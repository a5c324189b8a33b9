"""Reports made by hand, one for each kind of screen. Their numbers are computed, never measured: always the same."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

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
from rnncheck.spec import Cell, Dtype, Spec

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
ATOL, RTOL = 1e-5, 1.3e-6
RANDOM = {"source": "random", "seed": 0, "init": "normal"}
SUNSPOTS = {
    "source": "csv",
    "path": "measurements/sunspots.csv",
    "columns": ["month", "sunspots"],
    "header": True,
    "sep": ",",
    "missing": "error",
}

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
        "tolerance": ToleranceFacts("default", ATOL, RTOL),
        "mapping": [Mapped(name, name, "name") for name in spec.parameter_shapes()],
        "comparisons": comparisons,
        "first_divergence": next((each.first_divergence for each in comparisons if each.first_divergence), None),
    }
    return Report(spec=spec, **{**whole, **facts})  # type: ignore[arg-type]


def output_and_final(spec: Spec, steps: Sequence[Timestep], batch: int = 2, **facts: object) -> list[Comparison]:
    return [comparison("output", spec, steps, batch, **facts), comparison("h_n", spec, steps[-1:], batch)]


def equivalent() -> Report:
    """The everyday run: everything agrees to rounding."""
    return report(Spec(), 12, output_and_final(Spec(), timesteps(range(12), 4, rounding)))


def identical() -> Report:
    """Not a bit of difference."""
    return report(Spec(), 6, output_and_final(Spec(), timesteps(range(6), 4, exactly)))


def mismatch() -> Report:
    """A state that is not fed back: right at t = 0, wrong from then on, as a learner's first layer is."""
    spec = Spec(input_size=2, hidden_size=1)
    steps = timesteps(range(12), 1, lambda t, column: 0.11 * abs(math.sin(t)))
    return report(
        spec,
        12,
        output_and_final(spec, steps, batch=0),
        sequences=SequenceFacts((12, 1, 2), None, "zeros", {"source": "random", "seed": 42, "init": "uniform"}),
        candidate=Side("lessons/rnn.py:RNN_Scratch", "lessons/rnn.py"),
        mapping=[Mapped("waa", "weight_hh_l0", "shape"), Mapped("wax", "weight_ih_l0", "shape")],
        notes=[
            "H is 1: a transposed W_hh is the same matrix",
            "B is 1: batch rows that mix, or batch and time swapped, cannot show",
        ],
    )


def lstm_with_lengths() -> Report:
    """Two layers, both directions, rows of their own length; the reverse direction goes wrong from t = 3 down."""
    spec = Spec(cell=Cell.LSTM, input_size=5, hidden_size=6, num_layers=2, bidirectional=True)

    def reverse_is_wrong(t: int, column: int) -> float:
        return 3.4e-4 * (column - 5) * 4.0 ** (1 - t) if column >= 8 and t < 4 else rounding(t, column)

    padding = [timestep(t, [0.0] * 12, [0.0] * 12) for t in (5, 6)]
    steps = timesteps(range(5), 12, reverse_is_wrong) + padding
    final = [comparison(name, spec, timesteps([4], 6, rounding), 1) for name in ("h_n", "c_n")]
    return report(
        spec,
        7,
        [comparison("output", spec, steps, 1), *final],
        sequences=SequenceFacts((7, 3, 5), (7, 5, 2), "random", RANDOM),
    )


def long_run() -> Report:
    """Ten thousand timesteps of a file, of which a few are kept: the first, those around the divergence, the last."""
    spec = Spec(cell=Cell.GRU, input_size=2, hidden_size=8)

    def drift(t: int, column: int) -> float:
        return rounding(t, column) if t < 6130 or column != 3 else 2e-5 * (1 + (t - 6130) ** 1.2)

    kept = [*range(4), *range(6128, 6134), *range(9_998, 10_000)]
    parts = output_and_final(spec, timesteps(kept, 8, drift), 0, compared=80_000, exceeded=3_870)
    return report(spec, 10_000, parts, sequences=SequenceFacts((10_000, 1, 2), None, "zeros", SUNSPOTS))


def wide() -> Report:
    """More units than any screen has room for."""
    spec = Spec(hidden_size=64, nonlinearity="relu")
    steps = timesteps(range(6), 64, lambda t, i: 0.0421 * t if i == 37 and t > 1 else rounding(t, i))
    return report(spec, 6, output_and_final(spec, steps, batch=1))


def not_a_number() -> Report:
    """The candidate yields a NaN from t = 2 on; both sides have the same infinity in the last unit."""
    right = timesteps(range(6), 4, rounding)
    reference = [(*step.reference[:3], math.inf) for step in right]
    steps = [
        replace(step, candidate=(*step.candidate[:3], math.inf), reference=reference[step.t])
        if step.t < 2
        else Timestep(step.t, math.inf, ATOL, math.inf, 1, (0.25, math.nan, -0.5, math.inf), reference[step.t])
        for step in right
    ]
    part = replace(
        comparison("output", Spec(), right, compared=66, exceeded=4, nonfinite=6),
        max_abs=math.inf,
        max_ulp=math.nan,
        budget_used=math.inf,
        at=Place(2, 2, 1, 0, "forward"),
        candidate_value=math.nan,
        reference_value=reference[2][1],
        first_divergence=Divergence("output", 2, 0, "forward", 2, 1),
        per_timestep=tuple(steps),
    )
    return report(Spec(), 6, [part])


def wrong_shape() -> Report:
    """A final state of another shape: nothing of it can be compared, and that is a mismatch."""
    problem = "the candidate's shape is (3, 4), the reference's (1, 3, 4)"
    output = comparison("output", Spec(), timesteps(range(3), 4, rounding))
    return report(Spec(), 3, [output, Comparison("h_n", "free", problem=problem)])


def nasty_names() -> Report:
    """Names and columns from files that try to write to the terminal."""
    source = {
        "source": "csv",
        "path": "\x1b[2Jdata/[/red].csv",
        "columns": ["[/red]", "<script>", "::error::", "a\u202eb", "\x1b]0;title\x07", "日本語"],
    }
    return replace(
        identical(),
        candidate=Side("[bold]evil[/bold]\x1b[31m.py:Kl\u00e4sse", "/srv/[/]\x1b[0m"),
        mapping=[Mapped("\x1b[7mW[/]", "weight_hh_l0", "shape")],
        sequences=SequenceFacts((6, 3, 6), None, "zeros", source),
        notes=["column '[/red]' holds \x1b[5m one value only"],
    )


def inconclusive() -> Report:
    """What is not finite is the same on both sides, which proves nothing."""
    reason = (
        "18 values of output are NaN or infinite on both sides, which proves nothing; "
        "use data or weights that keep the states finite"
    )
    output = comparison("output", Spec(), timesteps(range(3), 4, rounding), compared=18, nonfinite=18)
    return report(
        Spec(),
        3,
        [output],
        verdict=Verdict.INCONCLUSIVE,
        exit_code=5,
        reason=reason,
        tolerance=ToleranceFacts("stated", 1e-4, 0.0),
    )


def interrupted() -> Report:
    """Ctrl-C in a run that had already parted."""
    return replace(wide(), exit_code=130, reason="stopped after 6 timesteps, before the end of the data")


def with_head() -> Report:
    """A softmax head, a projection, weights from a file with the recurrent ones scaled."""
    spec = Spec(cell=Cell.LSTM, proj_size=3, head="softmax", bias=False, dtype=Dtype.FLOAT64)
    steps = timesteps(range(5), 3, rounding)
    return report(
        spec,
        5,
        [*output_and_final(spec, steps), *(comparison(name, spec, steps) for name in ("c_n", "y"))],
        weights=WeightFacts("weights/lstm.safetensors", None, 4.0, spec.parameter_shapes()),
    )


SAMPLES: dict[str, Callable[[], Report]] = {
    make.__name__: make
    for make in (
        equivalent,
        identical,
        mismatch,
        lstm_with_lengths,
        long_run,
        wide,
        not_a_number,
        wrong_shape,
        nasty_names,
        inconclusive,
        interrupted,
        with_head,
    )
}
