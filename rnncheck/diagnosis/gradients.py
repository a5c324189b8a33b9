"""The diagnosis of a layer with right states and wrong gradients: the known fault, or where they go wrong."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice, takewhile
from operator import itemgetter

import torch
from torch import Tensor

from rnncheck.diagnosis.probe import Prober
from rnncheck.diagnosis.scenes import fresh, shortened
from rnncheck.diagnosis.suspects import Suspect
from rnncheck.envelope import exact_and_envelope, rounding_of
from rnncheck.evidence.gradients.differentiate import BackwardRun, differentiate, random_projection
from rnncheck.evidence.gradients.findings import findings
from rnncheck.faults.catalogue import faults_of
from rnncheck.faults.families import slopes, state_gradients, weight_gradients
from rnncheck.faults.fault import Fault, combined
from rnncheck.faults.pages import page
from rnncheck.faults.planted import Planted
from rnncheck.faults.scene import Scene
from rnncheck.implementations.protocol import Implementation, Read, Reading
from rnncheck.model.spec import Cell, Dtype
from rnncheck.model.trace import EVERYTHING
from rnncheck.model.weights import Weights
from rnncheck.report import Finding
from rnncheck.scratch.network import Network
from rnncheck.text import in_words

SAME_GRADIENT = 1e-9  # relative to the largest: in float64 two right layers' gradients part by some 1e-14
STEPS, ROWS = 12, 3
FRESH = 2  # other data, then other weights too
SEED = 7
MOST_LISTED = 4
NAME = re.compile(r"\b(?:x|h0|c0|(?:weight|bias)_\w+)\b")  # of what a gradient is of
BY_HAND = slopes, weight_gradients, state_gradients  # of a handwritten backward
NO_GRADIENT = {"gradient-missing", "gradient-detached"}  # which of both it is depends on how the layer is written
BY_DIFFERENCES = "Compare the gradients of one step with finite differences, with torch.autograd.gradcheck."

RIGHT = "the gradients of each single step are right; the fault is in how they are passed between steps or added up"

NamedGradients = Mapping[str, Tensor | None]
Differentiate = Callable[[Implementation, Scene], NamedGradients]


def diagnose_gradients(candidate: Implementation, scene: Scene, wrong: Sequence[str]) -> list[Finding]:
    """The fault with the candidate's gradients, on fresh data and weights too; `wrong` names the wrong gradients.
    Empty if the candidate cannot be differentiated in float64.
    """
    spec, lengths = replace(scene.spec, dtype=Dtype.FLOAT64), scene.lengths is not None
    if candidate.refuses(spec, lengths=lengths):
        return []
    own = shortened(replace(scene, spec=spec), STEPS, ROWS)
    takes, reading = Prober(candidate, spec).takes, candidate.read(spec) if isinstance(candidate, Read) else Reading("")
    shown = partial(gradients, unexposed=EVERYTHING - reading.exposes, withheld=reading.withheld | not_taken(reading))
    tried = [takes(each) for each in (own, *islice(fresh(own), FRESH))]
    try:
        mine = [shown(candidate, each) for each in tried]
    except Exception:  # a candidate may fail in any way where it was never tried
        return []
    for fault in [*faults_of(spec, lengths=lengths), *(each for kind in BY_HAND for each in kind.variants(spec))]:
        if fault.shows_in == "gradients":
            planted = Planted(fault.slug, fault.network)
            found = (apart(has, shown(planted, each)) for has, each in zip(mine, tried, strict=True))
            residuals = list(takewhile(lambda residual: residual is not None, found))
            if len(residuals) == len(tried):
                return [finding_of(fault, candidate.name, residuals[0] or 0.0, len(mine[0]))]
    names = list(dict.fromkeys(wrong))
    which = in_words(names) if len(names) <= MOST_LISTED else f"{len(names)} gradients"
    where = f"; {in_one_step(candidate, own, shown)}" if reading.takes_state else ""
    be = "are" if len(names) > 1 else "is"
    message = f"its states are right but {which} {be} wrong, and no known fault has these gradients{where}"
    return [Finding("unexplained", message, 0.0, mend=BY_DIFFERENCES)]


def not_taken(reading: Reading) -> frozenset[str]:
    """The initial states that a layer does not take, and so has no gradients of."""
    return frozenset([] if reading.takes_cell_state else ["c0"]) | frozenset(
        [] if reading.takes_state else ["h0", "c0"]
    )


def gradients(
    implementation: Implementation,
    scene: Scene,
    *,
    unexposed: frozenset[str] = frozenset(),
    withheld: frozenset[str] = frozenset(),
) -> NamedGradients:
    """The gradients of a fixed random projection of all results of a layer on a scene, but for `unexposed` results and
    `withheld` gradients.
    """
    run = BackwardRun(scene.spec, scene.x, scene.state, scene.lengths, unexposed, withheld)
    with torch.inference_mode(False):  # what is made in inference mode can never be differentiated
        layer = implementation.build(scene.spec, Weights(scene.weights))
        return differentiate(layer, run, random_projection(run, SEED)).gradients


def finding_of(fault: Fault, name: str, residual: float, count: int) -> Finding:
    told = page(fault.slug)
    where = f" ({fault.variant})" if fault.variant else ""
    message = (
        f"{told.title}{where}; the reference with this fault has the gradients of {name}, "
        f"all {count} of them, {f'to {residual:.1e}' if residual else 'bit for bit'} in float64"
    )
    return Finding(fault.slug, message, 1.0, residual, fault.variant or None, told.mend)


def follows(suspect: Suspect, reference: Implementation, scene: Scene) -> Callable[[Finding], bool]:
    """Whether a finding about gradients follows from these faults: a layer with only them has it too."""
    scene = shortened(scene, STEPS, ROWS)
    spec = replace(scene.spec, dtype=Dtype.FLOAT64)
    if not suspect or reference.refuses(spec, lengths=scene.lengths is not None):
        return lambda finding: False
    weights, run = Weights(scene.weights), BackwardRun(spec, scene.x, scene.state, scene.lengths)
    with torch.inference_mode(False):
        faulty, right = Planted("", combined(*suspect)).build(spec, weights), reference.build(spec, weights)
        projection = random_projection(run, SEED)
        theirs, truth = (differentiate(layer, run, projection) for layer in (faulty, right))
        cut = any(finding.slug in NO_GRADIENT for finding in findings(faulty, right, run, theirs, truth))
    # A weight that is left out has no gradient, or zeros if it is multiplied by zero.
    without = {
        name
        for name, value in truth.gradients.items()
        if value is not None and ((mine := theirs.gradients.get(name)) is None or not mine.any())
    }
    return lambda finding: (
        finding.slug in NO_GRADIENT and (cut or bool(without)) and set(NAME.findall(finding.message)) <= without
    )


def apart(mine: NamedGradients, theirs: NamedGradients) -> float | None:
    """The largest difference between two sets of gradients; None if they have different names."""
    largest = 0.0
    for name in {*mine, *theirs}:
        a, b = mine.get(name), theirs.get(name)
        if a is None or b is None:  # none at all, or zeros: a backward may hand on either
            if any(each is not None and bool(each.any()) for each in (a, b)):
                return None
            continue
        difference = float((a - b).abs().amax()) if a.shape == b.shape else torch.inf
        if not difference <= SAME_GRADIENT * float(b.abs().amax()):
            return None
        largest = max(largest, difference)
    return largest


def in_one_step(candidate: Implementation, scene: Scene, differentiate: Differentiate) -> str:
    """The first single step of a scene with wrong gradients in float64, and which; or that there is none.

    Each step is run alone, from the exact states before it, so that nothing is carried back from later ones.
    """
    spec = scene.spec
    exact = exact_and_envelope(
        spec, Weights(scene.weights), scene.x, scene.state, scene.lengths, rounding=rounding_of(spec)
    )
    for t in range(min(scene.lengths or [scene.seq_len])):
        before = exact.before.map(itemgetter(t))
        step = replace(scene, x=scene.x[t : t + 1], state=before, lengths=None)
        right = differentiate(Planted("", Network), step)
        try:
            mine = differentiate(candidate, step)
        except Exception as problem:  # as above: a backward by hand may need two timesteps
            said = (str(problem) or type(problem).__name__).splitlines()[0]
            return f"differentiated for one timestep alone, it fails: {said}"
        wrong = {name: each for name in right if (each := differing(spec.cell, name, mine.get(name), right[name]))}
        if wrong:
            return told_step(t, wrong, spec.cell)
    return RIGHT


def differing(cell: Cell, name: str, mine: Tensor | None, right: Tensor | None) -> str:
    """The gates in whose rows a parameter's gradient is wrong, as letters; "all" of another quantity that is."""
    if right is None:
        return ""
    gates = cell.letters if name.startswith(("weight_ih", "weight_hh", "bias")) else ""
    if mine is None or mine.shape != right.shape:
        return gates or "all"
    allowed = SAME_GRADIENT * float(right.abs().amax())
    if not gates:
        return "all" if float((mine - right).abs().amax()) > allowed else ""
    blocks = (each.chunk(len(gates)) for each in (mine, right))
    return "".join(gate for gate, a, b in zip(gates, *blocks, strict=True) if float((a - b).abs().amax()) > allowed)


def told_step(t: int, wrong: Mapping[str, str], cell: Cell) -> str:
    """The wrong gradients, as the end of a sentence."""
    every = cell.letters
    by_gates: dict[str, list[str]] = {}
    for name, gates in wrong.items():
        by_gates.setdefault(gates, []).append(f"grad {name}")
    parts = []
    for gates, names in by_gates.items():
        some = len(every) > 1 and gates not in ("all", every)
        parts.append((f"the rows of gate {in_words(list(gates))} in " if some else "") + in_words(names))
    return f"in the single step t = {t}, from the exact states before it, these already differ: {'; '.join(parts)}"
