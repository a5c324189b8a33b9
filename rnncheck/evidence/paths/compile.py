"""Compiled by torch.compile, with --compile, because it takes seconds and needs a compiler."""

from collections.abc import Iterator

from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathSetting, User, run, values
from rnncheck.implementations.uses import offered


@path("compile", "compiled by torch.compile", by_default=False)
def legs(setting: PathSetting) -> Iterator[Leg]:
    scene = setting.base

    def go(user: User) -> Values:
        return values(run(offered(user.fresh(scene), "compiled")(), scene))

    yield Leg("compiled", go, scene, "depends-on-compile")
