"""Called without an initial state: it must be zero, also after other calls."""

from collections.abc import Iterator

from rnncheck.evidence.paths.copies import converted
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User, run, values
from rnncheck.implementations.uses import offered
from rnncheck.model.spec import Dtype

MORE_ROWS = 17
LEAKS = "state-leaks-between-calls"


@path("no-state", "without an initial state")
def legs(setting: PathSetting) -> Iterator[Leg]:
    zeros = setting.scene(zeros=True)
    more = setting.scene(rows=MORE_ROWS, zeros=True)

    def first(user: User) -> Values:
        return stateless(user, zeros)

    def of_more(user: User) -> Values:
        return stateless(user, more)

    def refilled(user: User) -> Values:
        layer, (x, _) = user.fresh(zeros), zeros.given()
        without, memory = offered(layer, "run_without_state"), x.flip(0)
        without(memory, zeros.lengths)
        return values(without(memory.copy_(x), zeros.lengths))

    def again(user: User) -> Values:
        return stateless(user, zeros, after=setting.base)

    yield Leg("called without a state", first, zeros, "default-state-not-zero")
    yield Leg(f"called without a state at B = {MORE_ROWS}", of_more, more, "default-state-not-zero")
    yield Leg("called without a state for other numbers in the same memory", refilled, zeros, LEAKS)
    yield Leg("called without a state after another call", again, zeros, LEAKS)
    yield converted(setting, zeros, Dtype.FLOAT64, stateless=True)


def stateless(user: User, scene: PathScene, after: PathScene | None = None) -> Values:
    layer = user.fresh(scene)
    without = offered(layer, "run_without_state")
    if after is not None:
        run(layer, after)
        without(after.given()[0], after.lengths)
    return values(without(scene.given()[0], scene.lengths))
