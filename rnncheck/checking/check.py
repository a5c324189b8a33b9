"""Runs a plan and returns its report. Nothing here prints or exits."""

import time
from dataclasses import replace

from rnncheck import machine
from rnncheck.checking.examine import Examination, Progress, examine
from rnncheck.checking.plan import Case, Plan, prepare
from rnncheck.checking.verdict import carrying, first_divergence
from rnncheck.envelope import Envelope
from rnncheck.evidence.blind_spots import blind_spots
from rnncheck.evidence.common_ground import Ground
from rnncheck.evidence.first_chunk import Evidence
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.report import Finding, Mapped, Report, SequenceFacts, Side, ToleranceFacts, WeightFacts


def reported(case: Case, found: Examination) -> Report:
    """All facts of a check. Only what these inputs cannot show is computed here."""
    plan, spec, sequences, common = case.plan, case.plan.spec, case.plan.sequences, case.common
    candidate, reference = case.sides
    envelope, batch_size, witness = case.enveloped.first, sequences.batch_size, found.mutation_test.witness
    drawn = plan.weights is None and plan.weights_path is None and plan.sync == "reference"
    return Report(
        verdict=found.verdict,
        exit_code=found.exit_code,
        reason=found.reason,
        spec=replace(spec, variant=None),
        sequences=SequenceFacts(
            (found.steps, batch_size, spec.input_size), sequences.lengths, case.h0, sequences.source
        ),
        candidate=Side(candidate.name, candidate.location, common.read_as[0]),
        reference=Side(reference.name, reference.location, common.read_as[1]),
        environment=machine.versions() | {"device": machine.describe(spec.device)} | found.switches,
        weights=WeightFacts(
            source=str(plan.weights_path) if plan.weights_path else "random" if drawn else "given",
            seed=plan.seed if drawn else None,
            sync=plan.sync,
            scale=plan.weight_scale,
            shapes=spec.parameter_shapes(),
        ),
        tolerance=tolerance_facts(case.tolerance, envelope, found.steps),
        mapping=common.mapping
        or [Mapped(name, name, "name", shape) for name, shape in spec.parameter_shapes().items()],
        conventions=common.conventions,
        restrictions=[*common.held_back, *found.restrictions],
        comparisons=found.comparisons,
        first_divergence=first_divergence(found.comparisons),
        findings=told(common, found.evidence),
        paths=found.paths,
        witness=witness,
        notes=[
            *([found.evidence.wrong_reference] if found.evidence.wrong_reference else carrying(found.comparisons)),
            *case.notes,
            *common.notes,
            *found.evidence.notes,
            *found.mutation_test.notes,
            *sequences.notes,
            *blind_spots(
                spec,
                case.weights,
                case.state,
                found.steps,
                batch_size,
                None if envelope is None else envelope.exact.output,
                witnessed=witness is not None,
            ),
        ],
    )


def told(common: Ground, evidence: Evidence) -> list[Finding]:
    """The findings from reading and from running the candidate, each with how to mend it."""
    if not common.findings and not evidence.findings:
        return []
    from rnncheck.checking.explain import beside, mended

    given = any(each.how in ("given", "own") for each in common.mapping)
    return mended(beside(common.findings, evidence, given=given))


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


def check(plan: Plan, progress: Progress | None = None) -> Report:
    """Runs both sides with the same weights on the same sequences and compares all their results.

    `progress(done, total)` is called after every chunk, in timesteps. Ctrl-C and signals end the run early with a
    report of what was compared so far. Raises `CannotRun` if the check cannot run: a device, weights or data do not
    fit, or a side does not support an option.
    """
    started = time.monotonic()
    case = prepare(plan)
    report = reported(case, examine(case, progress))
    return replace(report, seconds=time.monotonic() - started)
