"""Called without an initial state: it must be zero, also after other calls."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from rnncheck.evidence.paths.copies import converted
from rnncheck.evidence.paths.other_sizes import STEPS, far_back, far_back_shows, larger
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User, run, unlike_normal, values
from rnncheck.implementations.uses import offered
from rnncheck.model.spec import Dtype

MORE_ROWS = 17
NOT_ZERO = "default-state-not-zero"
LEAKS = "state-leaks-between-calls"


@path("no-state", "without an initial state")
def legs(setting: PathSetting) -> Iterator[Leg]:
    zeros = setting.scene(zeros=True)
    more, one, step = (setting.scene(*size, zeros=True) for size in ((None, MORE_ROWS), (None, 1), (1, None)))

    def first(user: User) -> Values:
        return stateless(user, zeros)

    def at_sizes(user: User, scene: PathScene) -> Values:
        return unlike_normal(lambda: stateless(user, scene), user, scene, setting)

    def refilled(user: User) -> Values:
        layer, (x, _) = user.fresh(zeros), zeros.given()
        without, memory = offered(layer, "run_without_state"), x.flip(0)
        without(memory, zeros.lengths)
        return values(without(memory.copy_(x), zeros.lengths))

    def again(user: User) -> Values:
        return stateless(user, zeros, after=setting.base)

    def again_at_sizes(user: User, scene: PathScene) -> Values:
        return unlike_normal(lambda: stateless(user, scene, after=scene), user, scene, setting)

    yield Leg("called without a state", first, zeros, NOT_ZERO)
    for what, kept in (("for other numbers in the same memory", refilled), ("after another call", again)):
        yield Leg(f"called without a state {what}", kept, zeros, LEAKS, from_others=(NOT_ZERO,))
    for axis, small in (("B", one), ("T", step)):
        go, what = partial(again_at_sizes, scene=small), f"after another call at {axis} = 1"
        yield Leg(f"called without a state {what}", go, small, LEAKS, from_others=(NOT_ZERO,))
    for what, scene in ((f"at B = {MORE_ROWS}", more), ("at T = 1", step), *larger(setting)):
        still = replace(scene, state=scene.state.map(torch.zeros_like))
        yield Leg(f"called without a state {what}", partial(at_sizes, scene=still), still, NOT_ZERO)
    if far_back_shows(setting.spec):
        yield far_back(setting.scene(STEPS, zeros=True), stateless=True)
    in_float64 = converted(setting, zeros, Dtype.FLOAT64, stateless=True)
    yield replace(in_float64, from_others=(NOT_ZERO, LEAKS))


def stateless(user: User, scene: PathScene, after: PathScene | None = None) -> Values:
    layer = user.fresh(scene)
    without = offered(layer, "run_without_state")
    if after is not None:
        run(layer, after)
        without(after.given()[0], after.lengths)
    return values(without(scene.given()[0], scene.lengths))
