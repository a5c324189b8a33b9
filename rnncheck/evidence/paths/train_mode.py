"""Training mode: without dropout nothing changes, with dropout only what torch's dropout changes."""

from collections.abc import Iterator
from dataclasses import replace

from rnncheck.evidence.paths import sampled_dropout
from rnncheck.evidence.paths.other_sizes import STEPS, far_back, far_back_shows, larger
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.ranges import large, of_large_weights
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User, in_mode, run, unlike_normal, values
from rnncheck.implementations.uses import Unlike, offered

FAULT = "depends-on-train-mode"


@path("train-mode", "in training mode")
def legs(setting: PathSetting) -> Iterator[Leg]:
    scene, zeros = setting.base, setting.scene(zeros=True)

    def training(what: str, scene: PathScene, calls: int = 1) -> Leg:
        def go(user: User) -> Values:
            layer = user.fresh(scene)
            with in_mode(layer, train=True):
                return [values(run(layer, scene)) for _ in range(calls)][-1]

        return Leg(f"in training mode{what}", go, scene, FAULT)

    def elsewhere(what: str, scene: PathScene) -> Leg:
        alone = training(what, scene)
        return replace(alone, go=lambda user: unlike_normal(lambda: alone.go(user), user, scene, setting))

    def without_state(user: User) -> Values:
        layer = user.fresh(zeros)
        with in_mode(layer, train=True):
            use = offered(layer, "run_without_state")
            return [values(use(zeros.given()[0], zeros.lengths)) for _ in range(2)][-1]

    def afterwards(user: User) -> Values:
        """In evaluation mode again."""
        layer = user.fresh(scene)
        with in_mode(layer, train=True):
            run(layer, scene)
        return values(run(layer, scene))

    def after_dropout(user: User) -> Values:
        """In evaluation mode again: dropout that is written into the weights stays there."""
        layer = user.fresh(scene)
        with sampled_dropout.seeded(), offered(layer, "training")():
            run(layer, scene)
        return values(run(layer, scene))

    def own_dropout(user: User) -> Values:
        layer = user.fresh(scene)
        with in_mode(layer, train=True) as dropout:
            run(layer, scene)
        if dropout.chances:
            chances = " and ".join(f"{chance:g}" for chance in sorted(dropout.chances))
            raise Unlike(f"it applies dropout with p = {chances}, which the reference does not")
        return {}

    if setting.spec.dropout and setting.spec.num_layers > 1:
        yield from sampled_dropout.legs(setting)
        return
    yield training("", scene)
    yield training(", called twice", scene, 2)
    yield elsewhere(" at T = 1", setting.scene(1))
    yield elsewhere(" at B = 1", setting.scene(rows=1))
    yield elsewhere(" given large x", large(scene))
    yield elsewhere(" of large weights", of_large_weights(scene))
    for what, other in larger(setting):
        yield elsewhere(f" {what}", other)
    if far_back_shows(setting.spec):
        yield far_back(setting.scene(STEPS), train=True)
    stateless = Leg("in training mode, called without a state twice", without_state, zeros, FAULT)
    yield replace(stateless, from_others=("default-state-not-zero", "state-leaks-between-calls"))
    yield Leg("in evaluation mode after a run in training mode", afterwards, scene, FAULT)
    yield Leg("in training mode with its own dropout", own_dropout, scene, FAULT)
    yield Leg("in evaluation mode after a run in training mode with its own dropout", after_dropout, scene, FAULT)
