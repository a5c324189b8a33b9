"""The diagnosis in words: one sentence a student understands, with the place and how to mend it."""

from collections.abc import Sequence

from rnncheck.diagnosis.diagnose import Diagnosis
from rnncheck.diagnosis.suspects import Match
from rnncheck.diagnosis.unexplained import ruled_out, where
from rnncheck.faults.fault import Fault
from rnncheck.faults.pages import page
from rnncheck.report import Finding

MOST_ALIKE = 3  # named beside the first
SHORT = 60  # of an equation within a sentence


def findings(name: str, diagnosis: Diagnosis) -> list[Finding]:
    """What to report about the states of the candidate `name`."""
    if diagnosis.named:
        one, *others = diagnosis.named
        return [exactly(name, diagnosis, one), *(besides(diagnosis, fault) for fault in others)]
    nearest = [] if diagnosis.likely is None else [mostly(name, diagnosis.likely)]
    return [*nearest, Finding("unexplained", f"{ruled_out(diagnosis)}; {name} differs {where(diagnosis)}", 0.0)]


def exactly(name: str, diagnosis: Diagnosis, fault: Fault) -> Finding:
    steps = len(diagnosis.probe.scene.x)
    equal = f"to {diagnosis.residual:.1e}" if diagnosis.residual else "bit for bit"
    message = (
        f"{said(fault)}; {name} equals {wrong_layer(diagnosis, fault)} {equal}, at all {steps} timesteps tried "
        f"and on {fresh_inputs(diagnosis.inputs - 1)}{no_other(diagnosis.alike)}"
    )
    return Finding(fault.slug, message, 1.0, diagnosis.residual, fault.variant or None, page(fault.slug).mend)


def besides(diagnosis: Diagnosis, fault: Fault) -> Finding:
    """The other fault of a pair, of whom the first has told all that was tried."""
    message = f"{said(fault)}; found together with {diagnosis.named[0].title}, neither explains it alone"
    return Finding(fault.slug, message, 1.0, diagnosis.residual, fault.variant or None, page(fault.slug).mend)


def mostly(name: str, likely: Match) -> Finding:
    (fault,), near = likely.suspect, likely.likeness
    message = f"likely, not certain: {said(fault)}; that accounts for {near.explains:.0%} of what {name} has otherwise"
    return Finding(fault.slug, message, near.explains, near.residual, fault.variant or None, page(fault.slug).mend)


def said(fault: Fault) -> str:
    """ "the gates are read in another order (i, f, o, g)" """
    return page(fault.slug).title + (f" ({fault.variant})" if fault.variant else "")


def wrong_layer(diagnosis: Diagnosis, fault: Fault) -> str:
    """What the candidate equals: the wrong equation if that is short and of this very cell, else the fault by name."""
    others = [each.title for each in diagnosis.named if each is not fault]
    told, spec = page(fault.slug), diagnosis.probe.scene.spec
    plain = not fault.variant and not others and spec.nonlinearity in (None, "tanh")
    if plain and spec.cell == told.cells[0] and len(told.wrong) <= SHORT and "\n" not in told.wrong:
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
