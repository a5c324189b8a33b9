"""Explains a mismatch: lower precision or another function, and which known fault."""

import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import torch

from rnncheck.checking.verdict import first_divergence
from rnncheck.diagnosis import (
    TORCH,
    Diagnosis,
    diagnose,
    diagnose_gradients,
    dropout,
    dropout_between_layers,
    dropout_switched_off,
    findings,
    follows,
    other_equations,
    ruled_out,
)
from rnncheck.diagnosis.ladder import Gap, MeasuredRun, climb, in_float64
from rnncheck.envelope import Rounding
from rnncheck.errors import CannotRun
from rnncheck.evidence.allowance import quantities
from rnncheck.evidence.first_chunk import Evidence, FirstChunk
from rnncheck.evidence.gradients import MODE_FLOAT64
from rnncheck.evidence.second_call import Inputs
from rnncheck.faults.pages import pages
from rnncheck.faults.scene import Scene
from rnncheck.faults.variants.variant import Variant
from rnncheck.implementations.protocol import OtherRun, Recognised
from rnncheck.model.spec import Spec
from rnncheck.model.trace import Trace
from rnncheck.report import Comparison, Finding
from rnncheck.text import first_of, in_words, short

DEAD, SHAPE, OWN, NORMALISED = "dead-parameter", "parameter-shape", "own-weights", "layer-normalised"
UNSEEN = (
    "no known fault could be tried: the difference appears neither in a short run over the first timesteps and rows "
    "nor on fresh data"
)
SEEN_OTHERWISE = "Run it again with fewer timesteps and rows, or with other data."
SIZES = "wrong-at-other-sizes"
ROUNDED = 1e-12  # more than rounding in float64 makes of the states of a short run
CLEARLY = 1e-3  # a difference that no approximation of an activation makes
UNITS = 64  # of the last place of 1, as which two outputs of a short run are the same
TWO_WAYS = "Compare its code for a single timestep with that for several; it may be for runs without gradients alone."
OTHER_LENGTHS = "Compare what its code does at a T at which it differs with what it does where it agrees."
LEAKS = "state-leaks-between-calls"
UNSTEADY = "nondeterministic"  # nothing that is tried again says anything about what was seen


def explain(
    first: FirstChunk,
    comparisons: Sequence[Comparison],
    rounding: Rounding,
    into: Evidence,
    stated: bool,
    wanted: bool,
    beyond: Sequence[str] = (),
    *,
    told: bool = False,
) -> None:
    """Adds findings to the evidence that explain why `comparisons` differ; searches known faults if `wanted`.

    Wrong gradients that follow from a named fault are not reported again. States that depend on tensors `beyond` those
    of torch.nn are another layer's. Where that was `told` as it was read, one fault or a variant alone says more.
    """
    if any(finding.slug == UNSTEADY for finding in into.findings):
        if wanted and (found_dropout := dropped(first)):
            into.findings[:] = [*found_dropout, *(each for each in into.findings if each.slug != UNSTEADY)]
        return
    wrong = [each for each in comparisons if not each.agrees]
    only_gradients = all(each.mode.startswith("backward") for each in wrong)
    if only_gradients and (into.findings or all(each.problem for each in wrong)):
        return
    note = None
    if any(each.exceeded for each in wrong if each.quantity in ("output", "h", "c")):
        finding, note, right = by_precision(first, rounding, stated=stated)
        if finding is not None:
            into.findings.insert(0, finding)
        if finding is not None or right:
            into.notes += [note] if finding is None else []
            return
    if wanted:
        # States may agree at the dtype for its roughness alone: in float64 they may not.
        found = diagnose(first.sides[0], scene_of(first), first_divergence(comparisons), pairs=not told)
        if found is not None:
            following = follows(found.named, first.sides[1], scene_of(first))
            others = [finding for finding in into.findings if not following(finding)]
            name, said = first.sides[0].name, findings(short(first.sides[0].name), found)
            side, unexplained = first.sides[0], not found.named
            own = side.variant(first.spec, unexplained=unexplained) if isinstance(side, Recognised) else None
            variant = own or other_equations(first.sides[0], scene_of(first))
            if variant == TORCH:
                said = [torchs_own(name, first.spec)]
            elif variant is not None and (not found.named or (own is None and len(found.named) > 1)):
                said = [this_variant(name, variant)]
            elif variant is not None:
                said = [with_variant(said[0], name, variant), *said[1:]]
            elif not found.named and (told or beyond):
                other = [] if told else [another_layer(name, beyond, found)]
                said = [*other, *(each for each in said if each.slug != "unexplained")]
            if not found.named and all(each.mode == MODE_FLOAT64 for each in wrong):
                said = approximated(first) or said
            into.findings[:] = [*said, *others]
            note = None if found.named or variant is not None else note
        elif only_gradients:
            into.findings += diagnose_gradients(first.sides[0], scene_of(first), [each.quantity for each in wrong])
        elif not into.findings and all(each.mode == "lockstep" and not each.problem for each in wrong):
            into.findings.append(at_some_lengths(first))
        elif not into.findings and not all(each.problem for each in wrong):  # a problem says what is wrong by itself
            into.findings.append(Finding("unexplained", UNSEEN, 0.0, mend=SEEN_OTHERWISE))
    if note is not None:
        into.notes.append(note)


def approximated(first: FirstChunk) -> list[Finding]:
    """The finding that the candidate is exact to the dtype of the run and not to float64, if its states are so."""
    measured = MeasuredRun(
        first.sides[0], first.spec, first.weights, first.x, first.state, first.lengths, first.withheld
    )
    try:
        apart = in_float64(measured, Gap(0.0, 0.0)).gap_float64
    except OtherRun:
        return []
    if apart is None or not ROUNDED < apart < CLEARLY:
        return []
    return [
        Finding(
            "approximate-activation",
            f"{short(first.sides[0].name)} is exact to {first.spec.dtype}, and its states in float64 differ by up to "
            f"{apart:.1e}: an activation is approximated, a constant has too few digits, or a part of it computes in "
            f"{first.spec.dtype}",
            explains=0.0,
        )
    ]


def at_some_lengths(first: FirstChunk) -> Finding:
    """The finding that the candidate differs in single steps and not in the run, with the other T at which it does."""
    wrong, right = [1], list[int]()
    for steps in sorted({2, 3, len(first.x) - 1} & set(range(2, len(first.x)))) if first.lengths is None else ():
        inputs = Inputs(first.spec, first.x[:steps], first.state, None)
        with suppress(CannotRun):
            traces = [inputs.run(each) for each in first.layers]
            (wrong if are_apart(*traces) else right).append(steps)
    right.append(len(first.x))
    name, mend = short(first.sides[0].name), TWO_WAYS if len(wrong) == 1 else OTHER_LENGTHS
    told = f"{name} differs at T = {in_words([*map(str, wrong)])}, and agrees at T = {in_words([*map(str, right)])}"
    return Finding(SIZES, told, variant="at T = 1", mend=mend)


def are_apart(candidate: Trace, reference: Trace) -> bool:
    """Whether what both return of a short run differs by more than rounding makes of it."""
    atol = UNITS * float(torch.finfo(reference.output.dtype).eps)
    pairs = zip(quantities(candidate), quantities(reference), strict=True)
    both = [(a, b) for a, b in pairs if a is not None and b is not None and not bool(a.isnan().all())]
    return any(a.shape != b.shape or not torch.allclose(a, b.to(a.dtype), 0, atol) for a, b in both)


def with_variant(found: Finding, name: str, variant: Variant) -> Finding:
    """The finding of a fault that makes the layer a known variant, with the command that checks it as that."""
    means = f"If {variant.slug}, a known variant, is meant: rnncheck compare {shlex.quote(name)} {variant.options}"
    return replace(found, mend=" ".join(filter(None, (found.mend, means))))


def torchs_own(name: str, spec: Spec) -> Finding:
    """The finding that a candidate computes torch.nn's equations, and the reference another layer's."""
    assert spec.variant is not None
    reference, against = f"variant:{spec.variant.slug}", f"--cell {spec.cell}"
    return Finding(
        "reference-is-variant",
        f"{short(name)} equals torch.nn's {spec.cell.upper()}, and {reference} is another layer: {spec.variant.title}",
        1.0,
        mend=f"To compare it with torch.nn's equations: rnncheck compare {shlex.quote(name)} {against}",
    )


def this_variant(name: str, variant: Variant) -> Finding:
    """The finding that a candidate is a known variant, which is no fault of its own, nor two of them."""
    return Finding(
        variant.fault or variant.slug,
        f"{short(name)} equals {variant.slug}, a known variant: {variant.title} ({variant.source.partition(';')[0]})",
        1.0,
        mend=f"To compare it with those equations: rnncheck compare {shlex.quote(name)} {variant.options}",
    )


def another_layer(name: str, beyond: Sequence[str], found: Diagnosis) -> Finding:
    """The finding that a candidate computes with weights that torch.nn does not have, and is no known variant."""
    return Finding(
        OWN,
        f"the states of {short(name)} depend on {first_of(beyond)}, which torch.nn does not have, and no known variant "
        f"of this cell has; {ruled_out(found)}",
        0.0,
    )


def dropped(first: FirstChunk) -> list[Finding]:
    """The finding that the candidate applies dropout, if it does."""
    if found := dropout_switched_off(first.sides[0], scene_of(first)):
        return found
    candidate, reference = (Inputs(first.spec, first.x, first.state, first.lengths).run(each) for each in first.layers)
    one = dropout(candidate.output, reference.output) or dropout_between_layers(first.sides[0], scene_of(first))
    return [] if one is None else [one]


def by_precision(first: FirstChunk, rounding: Rounding, *, stated: bool) -> tuple[Finding | None, str, bool]:
    """The finding of the precision ladder that the candidate computes at a lower precision; otherwise a note, and
    whether the note says that the candidate is right.
    """
    try:
        own, lengths = first.sides[0], first.lengths
        measured = MeasuredRun(own, first.spec, first.weights, first.x, first.state, lengths, first.withheld)
        ladder = climb(measured, rounding)
    except OtherRun as problem:  # single steps are a run of other sizes
        return None, f"its precision was not examined: {problem}", False
    if ladder.conclusion == "arithmetic" and ladder.gap_float64 is None and not stated and not ladder.low:
        return (
            None,
            (
                f"{first.sides[0].name} is within rounding of exact arithmetic: check the reference, "
                f"{first.sides[1].name}, or values that are not finite"
            ),
            True,
        )
    return ladder.finding, f"precision: {ladder.message}", False


def beside(read: Sequence[Finding], into: Evidence, *, given: bool = False) -> list[Finding]:
    """The findings from running the candidate and those from `read` before, the most certain first.

    If a fault is named with which the right layer equals the candidate, a dead parameter follows from that fault and is
    left out, as are weights that torch lacks, and the shape of a scalar bias becomes a note. In a mapping that was
    `given`, a dead parameter may also come from a wrong entry, so it stays. A nondeterministic layer has no dead
    parameters.
    """
    sure = [finding for finding in into.findings if finding.explains == 1.0]
    found = [finding for finding in into.findings if finding not in sure and finding.slug != "unexplained"]
    named = {finding.slug for finding in sure}
    unsteady = any(finding.slug == UNSTEADY for finding in into.findings)
    follow = ({DEAD} if unsteady or (named and not given) else set()) | ({SHAPE} if "scalar-bias" in named else set())
    into.notes += [finding.message for finding in read if finding.slug == SHAPE and SHAPE in follow]
    follow |= {OWN, NORMALISED} if sure else set()
    leaks = any(finding.slug == LEAKS for finding in found)
    follow |= {OWN} if leaks else set()  # what leaks seems to be a weight
    kept = [finding for finding in read if finding.slug not in follow]
    unexplained = [finding for finding in into.findings if finding.slug == "unexplained" and not leaks]
    return [*sure, *kept, *found, *unexplained]


def mended(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, each with how to mend it, unless that is unknown or an earlier finding says the same."""
    said, result = set[str | None](), list[Finding]()
    for finding in findings:
        known = pages().get(finding.slug)
        mend = finding.mend or (None if known is None else known.mend)
        result.append(replace(finding, mend=None if mend in said else mend))
        said.add(mend)
    return result


def scene_of(first: FirstChunk) -> Scene:
    lengths = None if first.lengths is None else tuple(first.lengths)
    return Scene(first.spec, first.weights.values, first.x, first.state, lengths)
