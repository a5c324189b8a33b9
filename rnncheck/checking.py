"""The use case: a plan becomes a report. Nothing here prints and nothing exits."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch

from rnncheck import chunking, devices, environment, weights_file
from rnncheck.allowance import Enveloped, Stated
from rnncheck.blind_spots import blind_spots
from rnncheck.common_ground import Ground, ground
from rnncheck.envelope import Envelope, rounding_of
from rnncheck.errors import CannotRun, ExitCode, RefusedError, UsageError, WeightsError
from rnncheck.first_chunk import Evidence, FirstChunk
from rnncheck.implementations import check_mappable, is_users_own, load
from rnncheck.implementations.protocol import Implementation, Layer
from rnncheck.judge import carrying, first_divergence, judge
from rnncheck.report import Finding, Mapped, Report, SequenceFacts, Side, ToleranceFacts, Verdict, WeightFacts
from rnncheck.sequences.base import Sequences
from rnncheck.sequences.random import initial_state
from rnncheck.side_by_side import SideBySide
from rnncheck.spec import InitialState, Spec
from rnncheck.tolerance import Tolerance, stated
from rnncheck.trace import State
from rnncheck.weights import Weights, draw
from rnncheck.witness import Terms, Testimony, insufficient, testify

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Plan:
    """One check: what model, on what data, with which weights, who against whom, and what is allowed.

    `rows` is how many timesteps the report shows (None: all). A stated `atol` or `rtol` replaces the rounding
    envelope; the other is then 0. `lockstep` also judges every step by itself, from the exact states before it, by the
    envelope (None: unless a tolerance is stated);
    `backward` the gradients (None: where both sides can be differentiated and no tolerance is stated);
    `diagnose` looks for the known fault that explains a mismatch. `witness` plants every known fault after a pass, to
    see which this check would have caught (None: unless the layer is large); "strict" takes a pass that would have
    missed one that shows for inconclusive. `arguments` are for the constructor of the user's own class: the
    candidate's, or else the reference's. `mapping_path` says what each of the candidate's tensors holds, which is found
    out otherwise, and can be written to `save_mapping_path`. `weights` are in hand, or else in a file, or drawn.
    """

    spec: Spec
    sequences: Sequences
    candidate: str | Implementation = "scratch"
    reference: str | Implementation = "torch"
    seed: int = 0
    h0: InitialState = "random"
    weights_path: Path | None = None
    weights: Weights | None = None
    save_weights_path: Path | None = None
    mapping_path: Path | None = None
    save_mapping_path: Path | None = None
    weight_scale: float = 1.0
    allow_nonfinite: bool = False
    atol: float | None = None
    rtol: float | None = None
    lockstep: bool | None = None
    backward: bool | None = None
    diagnose: bool = True
    witness: bool | Literal["strict"] | None = None
    tf32: bool = False
    rows: int | None = 30
    arguments: Mapping[str, object] = field(default_factory=dict)


def check(plan: Plan, progress: Progress | None = None) -> Report:
    """Runs both sides with the same weights on the same sequences and compares everything they yield.

    `progress(done, total)` is called after every chunk, in timesteps. Ctrl-C and signals end the run early with a
    report of what was compared until then. Raises `CannotRun` for what cannot be used: device, weights, data, an
    option that a side lacks.
    """
    spec, sequences = plan.spec, plan.sequences
    devices.require(spec)
    require_memory(spec)
    if plan.save_mapping_path and isinstance(plan.candidate, str):
        check_mappable(plan.candidate)
    candidate, reference = sides_of(plan.candidate, plan.reference, plan.arguments, plan.mapping_path)
    for side in (candidate, reference):
        if reason := side.refuses(spec, lengths=sequences.lengths is not None):
            raise RefusedError(f"{side.name} cannot run this: {reason}")
    common = ground(spec, candidate, reference)
    h0 = plan.h0 if common.takes_state else "zeros"
    if plan.save_mapping_path:
        from rnncheck.mapping import save as save_mapping  # where a candidate was mapped it is there already

        save_mapping(plan.save_mapping_path, spec.cell, common.mapping)
    weights = common.restrict(weights_of(plan))
    state = initial_state(spec, sequences.batch_size, seed=plan.seed, kind=h0)
    if state.c is not None and not common.takes_cell_state:
        state = State(state.h, torch.zeros_like(state.c))
    tolerance = stated(plan.atol, plan.rtol)
    if tolerance is not None and plan.lockstep:
        raise UsageError("--lockstep judges by the rounding envelope, which --atol and --rtol replace; leave one out")
    enveloped = Enveloped(spec, weights, sequences.lengths, rounding_of(spec, tf32=plan.tf32))

    stopped, evidence, first, testimony = None, Evidence(), None, Testimony(None)
    step = sequences.batch_size * sum(math.prod(shape) for shape in spec.parameter_shapes().values())
    with environment.threads_for(step), environment.tf32(plan.tf32), torch.inference_mode():
        layers = build_synced(candidate, spec, weights), build_synced(reference, spec, weights)
        allowance = Stated(tolerance) if tolerance else enveloped
        both = SideBySide(spec, *layers, state, sequences.lengths, allowance, plan.rows, common.unexposed)
        try:
            for x in chunking.tensors(sequences, spec, whole=not common.carries):
                traces = both.run(x)
                if first is None and x.numel():
                    first = FirstChunk(
                        spec,
                        weights,
                        x,
                        state,
                        sequences.lengths,
                        (candidate, reference),
                        layers,
                        common.unexposed,
                        common.withheld,
                    )
                    first.repeated(traces, both.allowed, evidence)
                    if plan.lockstep is not False and common.steps and enveloped.first is not None:
                        first.stepped(enveloped.first, traces[0].output, evidence)
                    if plan.backward or (plan.backward is None and tolerance is None):
                        first.differentiated(tolerance or enveloped.rounding, plan.seed, plan.backward, evidence)
                if progress:
                    progress(both.steps, sequences.seq_len)
        except KeyboardInterrupt as interrupt:
            stopped, doing = interrupt, "before the end of the data"
        comparisons = [*both.comparisons(), *evidence.comparisons, *common.crashes]
        verdict, reason = judge(comparisons, enveloped.doubt)
        if verdict is Verdict.EQUIVALENT and (doubt := evidence.doubt or common.doubt):
            verdict, reason = Verdict.INCONCLUSIVE, doubt
        if first is not None and stopped is None:
            try:
                if verdict is Verdict.MISMATCH:
                    from rnncheck.explain import explain  # a pass has no need of it, and should not wait for it

                    explain(first, comparisons, enveloped.rounding, evidence, tolerance is not None, plan.diagnose)
                elif verdict is Verdict.EQUIVALENT and plan.witness is not False:
                    held, modes = tolerance or enveloped.rounding, {each.mode for each in comparisons}
                    terms = Terms(held, modes, plan.seed, common.unexposed, common.withheld)
                    testimony = testify(first, terms, always=plan.witness is not None)
            except KeyboardInterrupt as interrupt:
                stopped, doing = interrupt, "while known faults were tried"
        switches = environment.precision_switches()

    if plan.witness == "strict" and testimony.witness is not None and (doubt := insufficient(testimony.witness)):
        verdict, reason = Verdict.INCONCLUSIVE, doubt
    exit_code = verdict.exit_code
    if stopped is not None:
        reason = f"stopped after {both.steps:,} timesteps, {doing}"
        verdict = verdict if verdict is Verdict.MISMATCH else Verdict.INCONCLUSIVE
        exit_code = getattr(stopped, "exit_code", ExitCode.INTERRUPTED)
    batch_size = sequences.batch_size
    typical = enveloped.first.exact.output if enveloped.first is not None else None
    return Report(
        verdict=verdict,
        exit_code=exit_code,
        reason=reason,
        spec=spec,
        sequences=SequenceFacts((both.steps, batch_size, spec.input_size), sequences.lengths, h0, sequences.source),
        candidate=Side(candidate.name, candidate.location, common.read_as[0]),
        reference=Side(reference.name, reference.location, common.read_as[1]),
        environment=environment.versions() | {"device": devices.describe(spec.device)} | switches,
        weights=WeightFacts(
            source=str(plan.weights_path) if plan.weights_path else "random" if plan.weights is None else "given",
            seed=None if plan.weights_path or plan.weights is not None else plan.seed,
            scale=plan.weight_scale,
            shapes=spec.parameter_shapes(),
        ),
        tolerance=tolerance_facts(tolerance, enveloped.first, both.steps),
        mapping=common.mapping
        or [Mapped(name, name, "name", shape) for name, shape in spec.parameter_shapes().items()],
        conventions=common.conventions,
        restrictions=common.held_back,
        comparisons=comparisons,
        first_divergence=first_divergence(comparisons),
        findings=told(common, evidence),
        witness=testimony.witness,
        notes=[
            *carrying(comparisons),
            *common.notes,
            *evidence.notes,
            *testimony.notes,
            *sequences.notes,
            *blind_spots(
                spec, weights, state, both.steps, batch_size, typical, witnessed=testimony.witness is not None
            ),
        ],
    )


def told(common: Ground, evidence: Evidence) -> list[Finding]:
    """What was read of the candidate and what was found by running it, each with how to mend it."""
    if not common.findings and not evidence.findings:
        return []
    from rnncheck.explain import beside, with_mend

    given = any(each.how in ("given", "own") for each in common.mapping)
    return [with_mend(each) for each in beside(common.findings, evidence, given=given)]


def sides_of(
    candidate: str | Implementation,
    reference: str | Implementation,
    arguments: Mapping[str, object],
    mapping: Path | None = None,
) -> tuple[Implementation, Implementation]:
    """Both, loaded. Raises `UsageError` for constructor's arguments that neither of them takes."""
    if arguments and not any(isinstance(each, str) and is_users_own(each) for each in (candidate, reference)):
        raise UsageError("--arg is for the constructor of a class of your own, and neither side is one; leave it out")
    if mapping and isinstance(candidate, str):
        check_mappable(candidate)
    sides = []
    for side in (candidate, reference):
        if isinstance(side, str):
            own = is_users_own(side)
            sides.append(load(side, arguments if own else None, mapping if own else None))
            arguments = {} if own else arguments
        else:
            sides.append(side)
        mapping = None  # the candidate's alone
    return sides[0], sides[1]


def require_memory(spec: Spec) -> None:
    """Raises `CannotRun` for weights that this machine cannot hold, in float64 and twice at the run's dtype."""
    numbers = sum(math.prod(shape) for shape in spec.parameter_shapes().values())
    needed, here = 16 * numbers, chunking.physical_memory()
    if needed > here:
        raise CannotRun(
            f"these {numbers:,} weights take {needed / 2**30:,.0f} GiB and there are {here / 2**30:,.0f}; "
            "choose smaller sizes"
        )


def tolerance_facts(tolerance: Tolerance | None, envelope: Envelope | None, steps: int) -> ToleranceFacts:
    if tolerance is not None:
        return ToleranceFacts("stated", tolerance.atol, tolerance.rtol)
    if envelope is None:
        return ToleranceFacts("envelope")
    extent = len(envelope.exact.output)
    return ToleranceFacts(
        "envelope",
        samples=envelope.samples,
        horizon=envelope.horizon if envelope.horizon < extent else steps,
        growth=envelope.growth,
        extent=extent,
    )


def weights_of(plan: Plan) -> Weights:
    """The plan's weights, in hand, from its file or drawn, scaled, and saved if it says so."""
    if plan.weights is not None:
        weights = plan.weights
    elif plan.weights_path:
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
