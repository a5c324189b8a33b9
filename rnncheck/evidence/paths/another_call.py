"""A second call before the results of the first are used: the first results must not change."""

from collections.abc import Iterator
from dataclasses import replace

from rnncheck.evidence.paths import results_in_use
from rnncheck.evidence.paths.gradients import CHANGE, Attached, change, kept
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User, run, unlike_normal, values
from rnncheck.implementations.uses import NotOffered, Unlike, WrongUse, as_called

FAULT = "results-share-memory"


@path("another-call", "called again before the results of the first call are used")
def legs(setting: PathSetting) -> Iterator[Leg]:
    scene, alike = setting.base, setting.scene(other=1)
    other_data = replace(alike, weights=scene.weights)
    larger = setting.scene(len(scene.x) + 3, scene.x.shape[1] + 2)

    step, step_after = setting.scene(1), setting.scene(1, other=1)

    def results(user: User, between: PathScene, first: PathScene = scene) -> Values:
        layer = user.fresh(first)
        found = values(run(layer, first))
        run(layer, between)
        if hasattr(layer, "overwrites") and layer.overwrites(first.given(), between.given()):
            raise WrongUse("the second call changes what the first one returned")
        return found

    def one_step(user: User) -> Values:
        return unlike_normal(lambda: results(user, step_after, step), user, step, setting)

    def afterwards(user: User) -> Values:
        layer = user.fresh(scene)
        run(layer, scene), run(layer, larger)
        return values(run(layer, scene))

    def refilled(user: User) -> Values:
        """Other numbers in the memory of the first call."""
        layer, (x, state), (other, start) = user.fresh(scene), scene.given(), alike.given()
        with as_called(layer):
            layer.run(x, state)
            x.copy_(other)
            for mine, each in zip(state.tensors(), start.tensors(), strict=True):
                mine.copy_(each)
            return values(layer.run(x, state))

    def lasting(user: User) -> Values:
        layer = user.fresh(scene)
        changed = layer.lasting(*scene.given()) if hasattr(layer, "lasting") else []  # other sides' code is rnncheck's
        if changed:
            raise Unlike(f"it changes {', '.join(changed)} for the whole process")
        return {}

    def recorded(user: User) -> Values:
        layer = user.fresh(scene)
        first = Attached.of(layer, scene)
        Attached.of(layer, alike)
        return first.results

    def gradients(user: User) -> Values:
        layer = user.fresh(scene)
        first = Attached.of(layer, scene).gradients()
        before = kept(first)
        try:
            Attached.of(layer, alike).gradients()
        except RuntimeError as problem:  # a path of its own tells that
            raise NotOffered(f"a second backward raises {problem}") from problem
        return {CHANGE: change(first, before)}

    yield Leg("called again with the same sizes", lambda user: results(user, alike), scene, FAULT)
    yield Leg("called again at T = 1", one_step, step, FAULT)
    yield from results_in_use.legs(setting)
    yield Leg("called again with larger sizes", lambda user: results(user, larger), scene, FAULT)
    yield Leg("called again with other numbers in the same memory", refilled, other_data, "state-leaks-between-calls")
    yield Leg("called again with gradients recorded", recorded, scene, FAULT)
    yield Leg("differentiated, then differentiated again", gradients, scene, FAULT)
    yield Leg("called", lasting, scene, FAULT)
    yield Leg("called after a call with larger sizes", afterwards, scene, "state-leaks-between-calls")
