"""Other sizes: one larger run in odd sizes, its gradients, a single timestep, a single row, and an empty batch."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from rnncheck.evidence.paths.gradients import END, Attached
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User, run, values
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.implementations.uses import NotOffered
from rnncheck.model.spec import Dtype

FAULT = "wrong-at-other-sizes"
STEPS, ROWS, UNITS, FEATURES = 131, 65, 33, 9
VANISHED = 1e-25  # of the largest gradient: below, rounding may make it zero


@path("other-sizes", "at other sizes than the run's")
def legs(setting: PathSetting) -> Iterator[Leg]:
    projected = min(setting.spec.proj_size, UNITS - 1)  # which is below H
    spec = replace(setting.spec, input_size=FEATURES, hidden_size=UNITS, proj_size=projected)
    steps, rows = len(setting.base.x), setting.base.x.shape[1]
    more = (steps, rows) if setting.fixed else (STEPS, ROWS)
    if setting.offers(spec):
        what = "of I = {} and H = {}, at T = {}, B = {}".format(FEATURES, UNITS, *more)
        yield leg(what, setting.scene(*more, spec=spec))
    else:
        yield leg(f"at T = {STEPS}, B = {ROWS}", setting.scene(STEPS, ROWS))
    if setting.spec.dtype in (Dtype.FLOAT32, Dtype.FLOAT64):  # others have gradients that vanish sooner
        yield far_back(setting.scene(STEPS))
    yield leg("at T = 1", setting.scene(1, rows))
    yield leg("at B = 1", setting.scene(steps, 1))
    yield leg("of an empty batch", setting.base.of_rows([]))


def leg(what: str, scene: PathScene) -> Leg:
    def go(user: User) -> Values:
        return values(run(user.layer(scene), scene))

    return Leg(what, go, scene, FAULT)


def far_back(scene: PathScene) -> Leg:
    """How far back the gradient of the last state by x goes: 1 where it is zero though at the next timestep it is not
    small, as it is where the state is detached in between.
    """

    def go(user: User) -> Values:
        attached = Attached.of(user.layer(scene), scene)
        with torch.enable_grad():
            last = next(iter(attached.results.values()))[-1]  # of the outputs, or the last layer's final state
            (gradient,) = torch.autograd.grad(last.sum(), [attached.leaves["x"]], allow_unused=True)
        if gradient is None:
            raise NotOffered("its last states have no gradient by x")
        size = gradient.abs().amax((1, 2))
        ends = (size[:-1] == 0) & (size[1:] > VANISHED * size.max())
        return {END: ends.double()[:, None, None]}

    judged = replace(scene, allows=lambda: {END: Tolerance(atol=0.5)})
    return Leg(f"with gradients over {STEPS} timesteps", go, judged, "gradient-detached")
