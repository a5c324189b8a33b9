"""The use case: a plan becomes a report. Nothing here prints and nothing exits."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from rnncheck import chunking, devices, environment, weights_file
from rnncheck.blind_spots import blind_spots
from rnncheck.errors import ExitCode, RefusedError, WeightsError
from rnncheck.implementations import load
from rnncheck.implementations.protocol import Implementation, Layer
from rnncheck.report import Comparison, Mapped, Report, SequenceFacts, Side, ToleranceFacts, Verdict, WeightFacts
from rnncheck.sequences.base import Sequences
from rnncheck.sequences.random import initial_state
from rnncheck.side_by_side import SideBySide
from rnncheck.spec import InitialState, Spec
from rnncheck.tolerance import tolerance_for
from rnncheck.weights import Weights, draw

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Plan:
    """One check: what model, on what data, with which weights, who against whom, and what is allowed.

    `rows` is how many timesteps the report shows (None: all). A stated `atol` or `rtol` replaces the default
    tolerance; the other is then 0.
    """

    spec: Spec
    sequences: Sequences
    candidate: str | Implementation = "scratch"
    reference: str | Implementation = "torch"
    seed: int = 0
    h0: InitialState = "random"
    weights_path: Path | None = None
    save_weights_path: Path | None = None
    weight_scale: float = 1.0
    allow_nonfinite: bool = False
    atol: float | None = None
    rtol: float | None = None
    tf32: bool = False
    rows: int | None = 30


def check(plan: Plan, progress: Progress | None = None) -> Report:
    """Runs both sides with the same weights on the same sequences and compares everything they yield.

    `progress(done, total)` is called after every chunk, in timesteps. Ctrl-C and signals end the run early with a
    report of what was compared until then. Raises `CannotRun` for what cannot be used: device, weights, data, an
    option that a side lacks.
    """
    spec, sequences = plan.spec, plan.sequences
    devices.require(spec)
    candidate, reference = (load(side) if isinstance(side, str) else side for side in (plan.candidate, plan.reference))
    for side in (candidate, reference):
        if reason := side.refuses(spec, lengths=sequences.lengths is not None):
            raise RefusedError(f"{side.name} cannot run this: {reason}")
    weights = weights_of(plan)
    state = initial_state(spec, sequences.batch_size, seed=plan.seed, kind=plan.h0)
    tolerance = tolerance_for(spec.dtype, plan.atol, plan.rtol)

    with environment.tf32(plan.tf32), torch.inference_mode():
        both = SideBySide(
            spec,
            build_synced(candidate, spec, weights),
            build_synced(reference, spec, weights),
            state,
            sequences.lengths,
            tolerance,
            plan.rows,
        )
        stopped = None
        try:
            for x in chunking.tensors(sequences, spec):
                both.run(x)
                if progress:
                    progress(both.steps, sequences.seq_len)
        except KeyboardInterrupt as interrupt:
            stopped = interrupt
        comparisons = both.comparisons()
        switches = environment.precision_switches()

    verdict, reason = judge(comparisons)
    exit_code = verdict.exit_code
    if stopped is not None:
        reason = f"stopped after {both.steps:,} timesteps, before the end of the data"
        verdict = verdict if verdict is Verdict.MISMATCH else Verdict.INCONCLUSIVE
        exit_code = getattr(stopped, "exit_code", ExitCode.INTERRUPTED)
    batch_size = sequences.batch_size
    return Report(
        verdict=verdict,
        exit_code=exit_code,
        reason=reason,
        spec=spec,
        sequences=SequenceFacts(
            (both.steps, batch_size, spec.input_size), sequences.lengths, plan.h0, sequences.source
        ),
        candidate=Side(candidate.name, candidate.location),
        reference=Side(reference.name, reference.location),
        environment=environment.versions() | {"device": devices.describe(spec.device)} | switches,
        weights=WeightFacts(
            source=str(plan.weights_path) if plan.weights_path else "random",
            seed=None if plan.weights_path else plan.seed,
            scale=plan.weight_scale,
            shapes=spec.parameter_shapes(),
        ),
        tolerance=ToleranceFacts("stated" if tolerance.stated else "default", tolerance.atol, tolerance.rtol),
        mapping=[Mapped(name, name, "name") for name in spec.parameter_shapes()],
        comparisons=comparisons,
        first_divergence=next((each.first_divergence for each in comparisons if each.first_divergence), None),
        notes=[*sequences.notes, *blind_spots(spec, weights, state, both.steps, batch_size)],
    )


def weights_of(plan: Plan) -> Weights:
    """The plan's weights, from its file or drawn, scaled, and saved if it says so."""
    if plan.weights_path:
        weights = weights_file.load(plan.weights_path, plan.spec, allow_nonfinite=plan.allow_nonfinite)
    else:
        weights = draw(plan.spec, plan.seed)
    weights = weights.scaled(plan.weight_scale)
    if plan.save_weights_path:
        weights_file.save(plan.save_weights_path, weights)
    return weights


def build_synced(side: Implementation, spec: Spec, weights: Weights) -> Layer:
    """The layer, proved by reading it back to hold these weights bit for bit at the spec's dtype."""
    layer = side.build(spec, weights)
    held = layer.parameters()
    for name, value in weights.cast(spec).items():
        if name not in held or not same_bits(held[name], value):
            raise WeightsError(f"{side.name} does not hold {name} as it was given: read back, it differs")
    return layer


def same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return torch.equal(*(side.cpu().contiguous().view(torch.uint8) for side in (a, b)))


def judge(comparisons: list[Comparison]) -> tuple[Verdict, str | None]:
    """Equivalent only if every quantity was compared, all of it, and agrees; and why, if that cannot be decided."""
    if not all(each.agrees for each in comparisons):
        return Verdict.MISMATCH, None
    for each in comparisons:
        if each.compared == 0:
            return Verdict.INCONCLUSIVE, f"nothing in {each.quantity} could be compared"
        if each.nonfinite:
            return Verdict.INCONCLUSIVE, (
                f"{each.nonfinite} values of {each.quantity} are NaN or infinite on both sides, which proves nothing; "
                "use data or weights that keep the states finite"
            )
    return Verdict.EQUIVALENT, None
