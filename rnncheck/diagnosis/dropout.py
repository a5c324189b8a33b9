"""Recognises dropout: some outputs are zero at random, and all others too large by one factor."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.diagnosis.diagnose import diagnose
from rnncheck.diagnosis.probe import Prober
from rnncheck.diagnosis.scenes import ROWS, STEPS, shortened
from rnncheck.diagnosis.words import findings
from rnncheck.evidence.without_dropout import WithoutDropout
from rnncheck.faults.scene import Scene
from rnncheck.implementations.protocol import Implementation
from rnncheck.report import Finding
from rnncheck.text import short

CLEAR = 0.05  # of the largest: smaller values say little about a factor, since all are rounded alike
ALIKE = 64  # units of rounding by which factors may differ
UNLIKELY = 6  # standard deviations


def dropout(output: Tensor, right: Tensor) -> Finding | None:
    """The finding of dropout in a candidate's `output`, compared with the `right` one; None if it is something else."""
    if output.shape != right.shape:
        return None
    told = right.abs() > CLEAR * right.abs().amax()
    output, right = output[told], right[told]
    gone = output == 0
    factors = (output[~gone] / right[~gone]).double()
    if not gone.any() or not factors.numel():
        return None
    factor = float(factors.median())
    if factor <= 1 or bool((factors - factor).abs().amax() > ALIKE * torch.finfo(right.dtype).eps / CLEAR):
        return None
    chance, number = 1 - 1 / factor, gone.numel()
    if abs(int(gone.sum()) - number * chance) > UNLIKELY * math.sqrt(number * chance * (1 - chance)):
        return None
    message = (
        f"dropout is applied in evaluation mode: {int(gone.sum()):,} of {number:,} outputs are 0, different ones in "
        f"each call, and the rest are {factor:.4g} times too large, as with dropout of p = {chance:.2g}"
    )
    return Finding("dropout-in-eval", message, 1.0)


def dropout_switched_off(candidate: Implementation, scene: Scene) -> list[Finding]:
    """The findings of a torch dropout anywhere in the candidate, and of what else is wrong with it."""
    scene = shortened(scene, STEPS, ROWS)
    with WithoutDropout() as off:
        probe = Prober(candidate, scene.spec).probe(scene)
        if probe is None or not off.chances:
            return []
        wrong = None if probe.shows_nothing else diagnose(candidate, scene, None)
    chances = " and ".join(f"{chance:.4g}" for chance in sorted(off.chances))
    without = "without it the layer is right" if probe.shows_nothing else "without it the layer is also wrong"
    message = (
        f"dropout is applied in evaluation mode, with p = {chances}: each call gives another result, and {without}"
    )
    others = [] if wrong is None else findings(short(candidate.name), wrong)
    return [Finding("dropout-in-eval", message, 1.0), *others]


def dropout_between_layers(candidate: Implementation, scene: Scene) -> Finding | None:
    """The finding of dropout between layers, if the candidate is right without it. `scene` is that of the run."""
    if not scene.spec.dropout:
        return None
    without = replace(scene.spec, dropout=0.0)
    probe = Prober(candidate, without).probe(replace(scene, spec=without))
    if probe is None or not probe.shows_nothing:
        return None
    message = (
        f"dropout is applied in evaluation mode: with dropout {scene.spec.dropout:g} between its layers each call "
        "gives another result, and built without it the layer is right"
    )
    return Finding("dropout-in-eval", message, 1.0)
