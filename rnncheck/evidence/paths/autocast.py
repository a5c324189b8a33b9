"""Under torch.autocast in bfloat16, with --autocast."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from rnncheck.envelope import rounding_of
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathSetting, User, run, values
from rnncheck.model.spec import Dtype


@path("autocast", "under torch.autocast", by_default=False)
def legs(setting: PathSetting) -> Iterator[Leg]:
    scene = setting.base
    held = setting.tolerance or rounding_of(replace(scene.spec, dtype=Dtype.BFLOAT16))
    coarse = replace(scene, spec=replace(scene.spec, dtype=Dtype.BFLOAT16), held=held)
    judged = replace(scene, allows=lambda: coarse.allowed)
    own = getattr(torch, scene.spec.dtype)

    def go(user: User) -> Values:
        layer = user.layer(scene)
        with torch.autocast(scene.spec.device.partition(":")[0], torch.bfloat16):
            return {name: each.to(own) for name, each in values(run(layer, scene)).items()}

    yield Leg("under autocast in bfloat16", go, judged, "depends-on-autocast")
