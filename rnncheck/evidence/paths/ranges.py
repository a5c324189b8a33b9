"""Extreme inputs: large ones, which saturate gates, small ones, and zeros; and large weights."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from rnncheck.evidence.paths.gradients import Attached
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import QUANTITIES, PathScene, PathSetting, User, run, values
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.implementations.uses import Unlike
from rnncheck.model.spec import Dtype
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights

FAULT = "wrong-at-extremes"
LARGE = {Dtype.FLOAT64: 1e5, Dtype.FLOAT32: 1e4, Dtype.BFLOAT16: 1e4, Dtype.FLOAT16: 200.0}  # exp of it overflows
LARGE_STATE, LARGE_WEIGHTS = 64.0, 8.0
SMALL = 2.0**7  # units of the last place of 1: smaller than a tanh of exponentials keeps digits of


@path("ranges", "with large, small and zero inputs, and large weights")
def legs(setting: PathSetting) -> Iterator[Leg]:
    base = setting.base
    limits = torch.finfo(getattr(torch, setting.spec.dtype))
    still = State(torch.zeros_like(base.state.h), None if base.state.c is None else torch.zeros_like(base.state.c))
    quiet = replace(base, state=still, weights=unbiased(base))
    yield leg("given large x", large(base))
    yield differentiated(large(base))
    yield leg("given small x, without biases", replace(quiet, x=base.x * SMALL * limits.eps))
    yield leg("given subnormal x, without biases", lenient(replace(quiet, x=base.x * limits.tiny / 8), limits.eps))
    yield leg("given a large initial state", replace(base, state=base.state.map(lambda each: each * LARGE_STATE)))
    yield leg("of large weights", of_large_weights(base))
    yield leg("given zeros", replace(base, x=torch.zeros_like(base.x), state=still))


def large(scene: PathScene) -> PathScene:
    return replace(scene, x=scene.x * LARGE[scene.spec.dtype])


def differentiated(scene: PathScene) -> Leg:
    """Gradients that are not finite, as of a sigmoid made of exponentials, are told and are no fault."""

    def go(user: User) -> Values:
        if all(bool(each.isfinite().all()) for each in Attached.of(user.layer(scene), scene).gradients().values()):
            return {}
        raise Unlike("it has gradients that are not finite, where the reference's are")

    return Leg("given large x and differentiated", go, scene, FAULT)


def lenient(scene: PathScene, units: float) -> PathScene:
    """Allows the rounding of a small number added to 1, as in a tanh computed from exponentials."""
    allowed = dict.fromkeys(QUANTITIES, Tolerance(atol=8 * units))
    return replace(scene, allows=lambda: allowed)


def leg(what: str, scene: PathScene) -> Leg:
    def go(user: User) -> Values:
        return values(run(user.layer(scene), scene))

    return Leg(what, go, scene, FAULT)


def of_large_weights(scene: PathScene) -> PathScene:
    every = scene.weights.values.items()
    return replace(scene, weights=Weights({name: LARGE_WEIGHTS * each for name, each in every}))


def unbiased(scene: PathScene) -> Weights:
    """The same weights with zeros for biases."""
    every = scene.weights.values.items()
    return Weights({name: torch.zeros_like(each) if name.startswith("bias") else each for name, each in every})
