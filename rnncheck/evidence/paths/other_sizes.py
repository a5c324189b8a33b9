"""Other sizes: one larger run in odd sizes, a single timestep, a single row, and an empty batch."""

from collections.abc import Iterator
from dataclasses import replace

from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User, run, values

FAULT = "wrong-at-other-sizes"
STEPS, ROWS, UNITS, FEATURES = 131, 65, 33, 9


@path("other-sizes", "at other sizes than the run's")
def legs(setting: PathSetting) -> Iterator[Leg]:
    projected = min(setting.spec.proj_size, UNITS - 1)  # which is below H
    spec = replace(setting.spec, input_size=FEATURES, hidden_size=UNITS, proj_size=projected)
    steps, rows = len(setting.base.x), setting.base.x.shape[1]
    if setting.offers(spec):
        what = f"of I = {FEATURES} and H = {UNITS}, at T = {STEPS}, B = {ROWS}"
        yield leg(what, setting.scene(STEPS, ROWS, spec=spec))
    else:
        yield leg(f"at T = {STEPS}, B = {ROWS}", setting.scene(STEPS, ROWS))
    yield leg("at T = 1", setting.scene(1, rows))
    yield leg("at B = 1", setting.scene(steps, 1))
    yield leg("of an empty batch", setting.base.of_rows([]))


def leg(what: str, scene: PathScene) -> Leg:
    def go(user: User) -> Values:
        return values(run(user.layer(scene), scene))

    return Leg(what, go, scene, FAULT)
