"""The diagnosis in words: one sentence a student understands, with the place and how to mend it."""

from collections.abc import Sequence

from rnncheck.diagnosis.diagnose import Diagnosis
from rnncheck.diagnosis.suspects import Match
from rnncheck.diagnosis.unexplained import unexplained
from rnncheck.faults.fault import Fault
from rnncheck.faults.pages import page
from rnncheck.report import Finding

MOST_ALIKE = 3  # named beside the first
SHORT = 60  # of an equation within a sentence


def findings(name: str, diagnosis: Diagnosis) -> list[Finding]:
    """What to report about the states of the candidate `name`."""
    if diagnosis.named:
        one, *others = diagnosis.named
        equal = [suspect[0] for suspect in diagnosis.alike[:MOST_ALIKE] if len(suspect) == 1]
        return [
            exactly(name, diagnosis, one),
            *(besides(diagnosis, fault) for fault in others),
            *(as_well(diagnosis, fault) for fault in equal if fault.slug != one.slug),
        ]
    nearest = [] if diagnosis.likely is None else [mostly(name, diagnosis.likely)]
    return [*nearest, *unexplained(name, diagnosis)]


def exactly(name: str, diagnosis: Diagnosis, fault: Fault) -> Finding:
    steps = len(diagnosis.probe.scene.x)
    equal = f"to {diagnosis.residual:.1e}" if diagnosis.residual else "bit for bit"
    message = (
        f"{said(fault)}; {name} equals {wrong_layer(diagnosis, fault)} {equal}, at all {steps} timesteps tried "
        f"and on {fresh_inputs(diagnosis.inputs - 1)}{no_other(diagnosis.alike)}"
    )
    if diagnosis.probe.coarse:
        message += f", as far as {diagnosis.prober.spec.dtype} can tell"
    return named(diagnosis, fault, message)


def named(diagnosis: Diagnosis, fault: Fault, message: str) -> Finding:
    variant, told = fault.variant or None, page(fault.slug)
    return Finding(fault.slug, message, diagnosis.explains, diagnosis.residual, variant, told.mend)


def as_well(diagnosis: Diagnosis, fault: Fault) -> Finding:
    """A fault that nothing tried tells from the first."""
    return named(diagnosis, fault, f"or else {said(fault)}: on all that was tried it is the same function")


def besides(diagnosis: Diagnosis, fault: Fault) -> Finding:
    """The other fault of a pair, of whom the first has told all that was tried."""
    message = f"{said(fault)}; found together with {diagnosis.named[0].title}, neither explains it alone"
    return named(diagnosis, fault, message)


def mostly(name: str, likely: Match) -> Finding:
    (fault,), near = likely.suspect, likely.likeness
    message = f"likely, not certain: {said(fault)}; that accounts for {near.explains:.0%} of what {name} has otherwise"
    return Finding(fault.slug, message, near.explains, near.residual, fault.variant or None, page(fault.slug).mend)


def said(fault: Fault) -> str:
    """ "the gates are read in another order (i, f, o, g)" """
    return page(fault.slug).title + (f" ({fault.variant})" if fault.variant else "")


def wrong_layer(diagnosis: Diagnosis, fault: Fault) -> str:
    """What the candidate equals: the wrong equation if that is short and a whole layer, else the fault by name."""
    others = [each.title for each in diagnosis.named if each is not fault]
    told, spec = page(fault.slug), diagnosis.probe.scene.spec
    plain = not fault.variant and not others and spec.nonlinearity == "tanh"
    one_layer = spec.num_layers == spec.directions == 1
    if plain and one_layer and told.wrong.startswith("h_t = ") and len(told.wrong) <= SHORT:
        return told.wrong
    return f"the reference with this fault{''.join(f' and {other}' for other in others)}"


def fresh_inputs(count: int) -> str:
    return "a fresh input" if count == 1 else f"{count} fresh inputs"


def no_other(alike: Sequence[Sequence[Fault]]) -> str:
    """What else equals the candidate wherever it was tried."""
    if not alike:
        return ""
    names = [" with ".join(fault.title for fault in suspect) for suspect in alike[:MOST_ALIKE]]
    more = f" and {len(alike) - MOST_ALIKE} more" if len(alike) > MOST_ALIKE else ""
    return f"; so does {', '.join(names)}{more}"
