"""The diagnosis in words: the fault, its place and how to mend it, or what was tried."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rnncheck.diagnosis.arrangement import covered, misshapen
from rnncheck.diagnosis.diagnose import Diagnosis
from rnncheck.diagnosis.pattern import pattern
from rnncheck.diagnosis.probe import FaultProbe, Prober
from rnncheck.diagnosis.suspects import Match
from rnncheck.envelope import exact_and_envelope, restarts, rounding_of
from rnncheck.evidence.places import DIRECTIONS
from rnncheck.faults.fault import Fault
from rnncheck.faults.pages import page
from rnncheck.faults.scene import Scene
from rnncheck.model.weights import Weights
from rnncheck.report import Finding

BETWEEN_STEPS = "Check how states are passed from step to step and returned: each single step is right."
OF_ROWS = "Check how the layer goes through the rows of the batch: only some of them are wrong."
OF_LENGTHS = "Check what happens where a row ends, such as a mask: only rows shorter than the longest are wrong."


def ruled_out(diagnosis: Diagnosis) -> str:
    """ "41 known faults were tried, everywhere and in one place, and 1,300 pairs of them; none makes the ..." """
    left = f" ({diagnosis.pairs_left:,} more pairs were not tried)" if diagnosis.pairs_left else ""
    pairs = f", and {diagnosis.pairs:,} pairs of them{left}" if diagnosis.pairs else ""
    return (
        f"{diagnosis.singles:,} known faults were tried, everywhere and in one place{pairs}; with none of them "
        "the reference equals the candidate"
    )


def unexplained(name: str, diagnosis: Diagnosis) -> list[Finding]:
    """The finding of NaN where the right layer has numbers, and of other differences, unless they follow from it."""
    probe = diagnosis.shown
    wrong = {each: mask for each in probe.candidate if (mask := wrong_in(probe, each)) is not None}
    lost = {each: mask & ~probe.candidate[each].isfinite() for each, mask in wrong.items()}
    if not any(bool(mask.any()) for mask in lost.values()):
        return [other(name, diagnosis)]
    follows = all(first(lost[each]) == first(wrong[each]) for each in wrong) and len(wrong) == len(probe.candidate)
    return [not_finite(name, probe, lost), *([] if follows else [other(name, diagnosis)])]


def first(mask: Tensor) -> int | None:
    """The first index along the first axis at which anything is marked."""
    marked = mask.flatten(1).any(1)
    return int(marked.byte().argmax()) if bool(marked.any()) else None


def not_finite(name: str, probe: FaultProbe, lost: Mapping[str, Tensor]) -> Finding:
    quantity = next(each for each, mask in lost.items() if bool(mask.any()))
    where = ""
    if quantity == "output":
        where = f", {pattern(lost['output'], directions=probe.scene.spec.directions, lengths=probe.scene.lengths)}"
    message = (
        f"{name} turns finite numbers into NaN or infinities in its {quantity}{where}; no known fault does the same"
    )
    return Finding("nan-introduced", message)


def other(name: str, diagnosis: Diagnosis) -> Finding:
    """Where the candidate differs, in words: in its single steps, or otherwise in the normal run."""
    wrong_steps = locally(diagnosis.prober, diagnosis.shown)
    where = wrong_steps or running(diagnosis.shown)
    passed = BETWEEN_STEPS if diagnosis.prober.takes_state else None
    mend = None if wrong_steps else of_rows(diagnosis.shown) or passed
    message = f"{ruled_out(diagnosis)}; {name} differs {diagnosis.part}{where}"
    return Finding("unexplained", message, 0.0, mend=mend)


def of_rows(probe: FaultProbe) -> str | None:
    """What to check where only some rows of the batch are wrong."""
    wrong, ends = wrong_in(probe, "output"), probe.scene.lengths
    if wrong is None or not wrong.any() or (rows := wrong.any(2).any(0)).all():
        return None
    shorter = ends and all(end < max(ends) for end, is_wrong in zip(ends, rows.tolist(), strict=True) if is_wrong)
    return OF_LENGTHS if shorter else OF_ROWS


def locally(prober: Prober, probe: FaultProbe) -> str | None:
    """The wrong single steps, from the exact states before them, of the first layer that has any.

    Single steps are run as the rows of one batch. Where they are wrong and the same row of the run is right, it is
    their place in that batch that is wrong, which says nothing about the run.
    """
    scene = probe.scene
    envelope = exact_and_envelope(
        scene.spec,
        Weights(scene.weights),
        scene.x,
        scene.state,
        scene.lengths,
        rounding=rounding_of(prober.spec),
        samples=6,
    )
    starts = restarts(scene.x, envelope, scene.lengths)
    stepped = prober.probe(Scene(scene.spec, scene.weights, starts.x, starts.state))
    wrong = None if stepped is None else wrong_in(stepped, "h_n")
    if wrong is None or not wrong.any():
        return None
    k = int(wrong.flatten(1).any(1).byte().argmax())
    mask = torch.zeros(*scene.x.shape[:2], wrong.shape[2], dtype=torch.bool)
    t, b = starts.places.unbind(1)
    mask[t, b] = wrong[k]
    run = wrong_in(probe, "output")
    if run is not None and bool((mask.any(2).any(0) & ~run.any(2).any(0)).any()):
        return None
    layer, direction = divmod(k, scene.spec.directions)
    several = scene.spec.num_layers * scene.spec.directions > 1
    place = f"in layer {layer}, {DIRECTIONS[direction]}, " if several else ""
    return f"{place}in its single steps, {pattern(mask, lengths=scene.lengths)}"


def running(probe: FaultProbe) -> str:
    """The wrong outputs of the normal run, or if there are none, the other wrong quantities."""
    wrong = wrong_in(probe, "output")
    if wrong is not None and wrong.any():
        return f"in its outputs, {pattern(wrong, directions=probe.scene.spec.directions, lengths=probe.scene.lengths)}"
    others = [name for name in probe.candidate if (mask := wrong_in(probe, name)) is None or bool(mask.any())]
    return f"only in {' and '.join(others)}" if others else "nowhere in a short run in float64"


def wrong_in(probe: FaultProbe, name: str) -> Tensor | None:
    """Which elements differ from the right layer; None if the shapes differ, or there are none."""
    mine = probe.candidate.get(name)
    return None if mine is None or mine.shape != probe.right[name].shape else probe.far(name, mine)


MOST_ALIKE = 3  # named beside the first
SHORT = 60  # of an equation within a sentence


def findings(name: str, diagnosis: Diagnosis) -> list[Finding]:
    """The findings about the states of the candidate `name`."""
    if diagnosis.named:
        one, *others = diagnosis.named
        equal = [suspect[0] for suspect in diagnosis.alike[:MOST_ALIKE] if len(suspect) == 1]
        return [
            exactly(name, diagnosis, one),
            *(besides(diagnosis, fault) for fault in others),
            *(as_well(diagnosis, fault) for fault in equal if fault.slug != one.slug),
        ]
    shaped = misshapen(name, diagnosis.shown)
    if shaped and covered(diagnosis.shown, shaped):
        return list(shaped.values())
    nearest = [] if diagnosis.likely is None else [mostly(name, diagnosis.likely)]
    return [*shaped.values(), *nearest, *unexplained(name, diagnosis)]


def exactly(name: str, diagnosis: Diagnosis, fault: Fault) -> Finding:
    steps = len(diagnosis.probe.scene.x)
    equal = f"largest difference {diagnosis.residual:.1e}" if diagnosis.residual else "bit for bit"
    timesteps = "the one timestep" if steps == 1 else f"all {steps} timesteps"
    message = (
        f"{said(fault)}; {name} equals {wrong_layer(diagnosis, fault)} ({equal}), at {timesteps} tried "
        f"and on {fresh_inputs(diagnosis.inputs - 1)}{no_other(diagnosis.alike)}"
    )
    if diagnosis.probe.coarse:
        message += f", as far as {diagnosis.prober.spec.dtype} can tell"
    return finding_of(diagnosis, fault, message)


def finding_of(diagnosis: Diagnosis, fault: Fault, message: str) -> Finding:
    variant, told = fault.variant or None, page(fault.slug)
    return Finding(fault.slug, message, diagnosis.explains, diagnosis.residual, variant, fault.mend or told.mend)


def as_well(diagnosis: Diagnosis, fault: Fault) -> Finding:
    """Another fault that gives the same results as the first on all data."""
    return finding_of(diagnosis, fault, f"or {said(fault)}: both give the same results on all data that was tried")


def besides(diagnosis: Diagnosis, fault: Fault) -> Finding:
    """The second fault of a pair."""
    message = f"{said(fault)}; only together with {diagnosis.named[0].title} does it explain the difference"
    return finding_of(diagnosis, fault, message)


def mostly(name: str, likely: Match) -> Finding:
    (fault,), near = likely.suspect, likely.likeness
    message = f"likely, not certain: {said(fault)}; it explains {near.explains:.0%} of the difference of {name}"
    return Finding(fault.slug, message, near.explains, near.residual, fault.variant or None, page(fault.slug).mend)


def said(fault: Fault) -> str:
    """ "the gates are read in another order (i, f, o, g)" """
    return page(fault.slug).title + (f" ({fault.variant})" if fault.variant else "")


def wrong_layer(diagnosis: Diagnosis, fault: Fault) -> str:
    """The layer that the candidate equals: the wrong equation if it is short, otherwise the fault by name."""
    others = [each.title for each in diagnosis.named if each is not fault]
    told, spec = page(fault.slug), diagnosis.probe.scene.spec
    plain = not fault.variant and not others and spec.nonlinearity == "tanh"
    one_layer = spec.num_layers == spec.directions == 1
    if plain and one_layer and told.wrong.startswith("h_t = ") and len(told.wrong) <= SHORT:
        return told.wrong
    return f"the reference once it has this fault{''.join(f' and {other}' for other in others)}"


def fresh_inputs(count: int) -> str:
    return "a fresh input" if count == 1 else f"{count} fresh inputs"


def no_other(alike: Sequence[Sequence[Fault]]) -> str:
    """Other suspects that equal the candidate on all data, as the end of a sentence."""
    if not alike:
        return ""
    names = [" with ".join(fault.title for fault in suspect) for suspect in alike[:MOST_ALIKE]]
    more = f" and {len(alike) - MOST_ALIKE} more" if len(alike) > MOST_ALIKE else ""
    return f"; so does {', '.join(names)}{more}"
