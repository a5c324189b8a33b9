"""Called without an initial state: it must be zero, also after other calls."""

from collections.abc import Iterator

from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User, run, values
from rnncheck.implementations.uses import offered


@path("no-state", "without an initial state")
def legs(setting: PathSetting) -> Iterator[Leg]:
    zeros = setting.scene(zeros=True)

    def first(user: User) -> Values:
        return stateless(user, zeros)

    def again(user: User) -> Values:
        return stateless(user, zeros, after=setting.base)

    yield Leg("called without a state", first, zeros, "default-state-not-zero")
    yield Leg("called without a state after another call", again, zeros, "state-leaks-between-calls")


def stateless(user: User, scene: PathScene, after: PathScene | None = None) -> Values:
    layer = user.fresh(scene)
    without = offered(layer, "run_without_state")
    if after is not None:
        run(layer, after)
        without(after.given()[0], after.lengths)
    return values(without(scene.given()[0], scene.lengths))
