"""Runs a plan and returns its report. Nothing here prints or exits."""

import time
from dataclasses import replace

from torch import Tensor

from rnncheck import machine
from rnncheck.checking.examine import Examination, Progress, examine
from rnncheck.checking.plan import Case, Plan, prepare
from rnncheck.checking.verdict import carrying, first_divergence
from rnncheck.envelope import Envelope
from rnncheck.evidence.common_ground import Ground
from rnncheck.evidence.first_chunk import Evidence
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights
from rnncheck.report import Finding, Mapped, Report, SequenceFacts, Side, ToleranceFacts, WeightFacts

SATURATED = 1 - 2.0**-10


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


def blind_spots(
    spec: Spec,
    weights: Weights,
    state: State,
    seq_len: int,
    batch_size: int,
    output: Tensor | None = None,
    *,
    witnessed: bool = False,
) -> list[str]:
    """One sentence for each kind of bug that these inputs would hide. `output` is that of the layer, if known.

    If faults were planted (`witnessed`), those that cannot show are not listed again.
    """
    spots = []
    if output is not None and spec.nonlinearity == "tanh" and bool((output.abs() > SATURATED).all()):
        spots.append("every state is at 1 or -1, where tanh is flat and hides differences: scale the data down")
    if output is not None and not output.any():
        spots.append("every state is zero: no fault of the layer can show")
    if witnessed:
        return spots
    if seq_len == 1:
        spots.append("T is 1: only the first step of the recurrence is run")
    if batch_size == 1:
        spots.append("B is 1: batch rows that mix, or batch and time swapped, cannot show")
    if spec.hidden_size == 1:
        spots.append("H is 1: a transposed W_hh is the same matrix")
    if not state.h.any():
        spots.append("h0 is zero: a layer that ignores its initial state cannot show")
    biases = [value for name, value in weights.values.items() if name.startswith("bias")]
    if biases and not any(bias.any() for bias in biases):
        spots.append("all biases are zero: a lost or misplaced bias cannot show")
    constant = [
        name for name, value in weights.values.items() if value.dim() > 1 and value.numel() > 1 and one_value(value)
    ]
    if constant:
        spots.append(f"{', '.join(constant)} holds one value only: swapped or transposed weights cannot show")
    return spots


def one_value(value: Tensor) -> bool:
    return bool((value == value.flatten()[0]).all())


def check(plan: Plan, progress: Progress | None = None) -> Report:
    """Runs both sides with the same weights on the same sequences and compares all their results.

    `progress(done, total)` is called after every chunk, in timesteps. Ctrl-C and signals end the run early with a
    report of what was compared so far. Raises `CannotRun` if the check cannot run: a device, weights or data do not
    fit, or a side does not support an option.
    """
    started = time.monotonic()
    with machine.torch_defaults():
        case = prepare(plan)
        report = reported(case, examine(case, progress))
    return replace(report, seconds=time.monotonic() - started)
