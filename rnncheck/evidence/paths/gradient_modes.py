"""With gradients recorded, under no_grad and under inference_mode: the outputs must be the same."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial

import torch

from rnncheck.evidence.paths.gradients import View, unchanged
from rnncheck.evidence.paths.other_sizes import STEPS
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User, run, unlike, values
from rnncheck.evidence.paths.strides import run_as, transposed
from rnncheck.implementations.uses import Unlike, as_called

FAULT = "depends-on-grad-mode"


@path("gradient-modes", "with gradients recorded, under no_grad and under inference_mode")
def legs(setting: PathSetting) -> Iterator[Leg]:
    scene = setting.base

    def recorded(user: User) -> Values:
        layer = user.layer(scene)
        x, state = scene.given()
        with as_called(layer), torch.enable_grad():
            return values(layer.run(x.requires_grad_(), state, scene.lengths))

    def under(user: User, mode: type[AbstractContextManager[None]]) -> Values:
        layer = user.layer(scene)
        with mode():
            return values(run(layer, scene))

    def unrecorded(user: User) -> Values:
        layer = user.layer(scene)
        with torch.no_grad():
            if any(each.requires_grad for each in values(run(layer, scene)).values()):
                raise Unlike("it records gradients all the same")
        return {}

    def unlike_no_grad(user: User, there: PathScene, view: View) -> Values:
        """Under inference_mode; nothing of a candidate that yields the same under no_grad: that is another fault."""

        def called() -> Values:
            return run_as(user.fresh(there), there, view)

        def inferred() -> Values:
            with torch.inference_mode():
                return called()

        return unlike(inferred, called, user, setting)

    yield Leg("with gradients recorded", recorded, scene, FAULT)
    yield Leg("under no_grad", lambda user: under(user, torch.no_grad), scene, FAULT)
    yield Leg("called under no_grad", unrecorded, scene, FAULT)
    yield Leg("under inference_mode", lambda user: under(user, torch.inference_mode), scene, FAULT)
    for what, there, view in (
        ("at T = 1", setting.scene(1), unchanged),
        (f"at T = {STEPS}", setting.scene(STEPS), unchanged),
        ("with x transposed in memory", scene, transposed),
    ):
        go = partial(unlike_no_grad, there=there, view=view)
        yield Leg(f"under inference_mode {what}", go, there, FAULT)
