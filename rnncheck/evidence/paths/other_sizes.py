"""Other sizes: larger ones and odd ones, gradients far back, sizes that are all equal or 1, and an empty batch."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from rnncheck.evidence.paths.gradients import END, Attached, without_state
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User, in_mode, run, values
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.implementations.uses import NotOffered
from rnncheck.model.spec import Dtype, Spec

FAULT = "wrong-at-other-sizes"
STEPS, ROWS, UNITS, FEATURES = 257, 17, 33, 9
WIDE = 3, 257, 140, 70  # T, B, H, I: beyond the usual tiles of rows and units
WIDEST = 2, 5, 257, 257
ROUND = 16, 32, 128, 64  # T, B, H, I: what fast paths are written for
EQUAL = 4  # T, B, I and H: axes that are mixed up have fitting sizes
VANISHED = 1e-25  # of the largest gradient: below, rounding may make it zero


@path("other-sizes", "at other sizes than the run's")
def legs(setting: PathSetting) -> Iterator[Leg]:
    steps, rows = setting.sizes
    for what, scene in larger(setting):
        yield leg(what, scene)
    for what, scene in (
        *of_sizes(setting, *ROUND),
        *of_sizes(setting, *WIDEST),
        *of_sizes(setting, EQUAL, EQUAL, EQUAL, EQUAL),
        *of_sizes(setting, steps, rows, 1, 1),
    ):
        yield leg(what, scene)
    if far_back_shows(setting.spec):
        yield far_back(setting.scene(STEPS))
    yield leg("at T = 1", setting.scene(1, rows))
    yield leg("at B = 1", setting.scene(steps, 1))
    if (layers := setting.spec.num_layers * setting.spec.directions) > 1:  # the first axes of a state fit each other
        yield leg(f"at B = {layers}", setting.scene(steps, layers))
    yield leg("of an empty batch", setting.base.of_rows([]))


def larger(setting: PathSetting) -> Iterator[tuple[str, PathScene]]:
    """Larger scenes, each with what is said of it."""
    found = [*of_sizes(setting, STEPS, ROWS, UNITS, FEATURES), *of_sizes(setting, *WIDE)]
    yield from found or [(f"at T = {STEPS}, B = {ROWS}", setting.scene(STEPS, ROWS))]


def of_sizes(setting: PathSetting, steps: int, rows: int, units: int, features: int) -> Iterator[tuple[str, PathScene]]:
    """The scene of these sizes, with what is said of it, if both sides can have them."""
    spec = sized(setting.spec, units, features)
    if setting.fixed or bool(spec.proj_size) is not bool(setting.spec.proj_size):
        return  # at other sizes, a layer of fixed T and B would be read anew, perhaps in another way
    if setting.offers(spec):
        yield f"of I = {features} and H = {units}, at T = {steps}, B = {rows}", setting.scene(steps, rows, spec=spec)


def sized(spec: Spec, units: int, features: int) -> Spec:
    """The spec with so many units and features, and a projection that is below H."""
    return replace(spec, input_size=features, hidden_size=units, proj_size=min(spec.proj_size, units - 1))


def leg(what: str, scene: PathScene) -> Leg:
    def go(user: User) -> Values:
        return values(run(user.layer(scene), scene))

    return Leg(what, go, scene, FAULT)


def far_back_shows(spec: Spec) -> bool:
    return spec.dtype in (Dtype.FLOAT32, Dtype.FLOAT64)  # gradients of others vanish sooner


def far_back(scene: PathScene, *, train: bool = False, stateless: bool = False) -> Leg:
    """How far back the gradient of the last state by x goes: 1 where it is zero though at the next timestep it is not
    small, as it is where the state is detached in between.
    """

    def go(user: User) -> Values:
        layer = user.fresh(scene)
        with in_mode(layer, train=train):
            attached = Attached.of(without_state(layer) if stateless else layer, scene)
        with torch.enable_grad():
            last = next(iter(attached.results.values()))[-1]  # of the outputs, or the last layer's final state
            (gradient,) = torch.autograd.grad(last.sum(), [attached.leaves["x"]], allow_unused=True)
        if gradient is None:
            raise NotOffered("its last states have no gradient by x")
        size = gradient.abs().amax((1, 2))
        ends = (size[:-1] == 0) & (size[1:] > VANISHED * size.max())
        return {END: ends.double()[:, None, None]}

    judged = replace(scene, allows=lambda: {END: Tolerance(atol=0.5)})
    mode = "in training mode " if train else "called without a state " if stateless else ""
    return Leg(f"{mode}with gradients over {STEPS} timesteps", go, judged, "gradient-detached")
