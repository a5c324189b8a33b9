"""Copies of the layer: by deepcopy, by pickle, by a state_dict, and in another dtype."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User, run, values
from rnncheck.implementations.uses import Copying, NotOffered, offered
from rnncheck.model.spec import Dtype
from rnncheck.model.weights import Weights

FAULT = "copy-differs"


@path("copies", "as a copy: by deepcopy, pickle, state_dict, .to(dtype)")
def legs(setting: PathSetting) -> Iterator[Leg]:
    scene, other = setting.base, setting.scene(other=1)

    def copied(user: User, how: Copying) -> Values:
        layer = user.fresh(scene)
        run(layer, scene)
        return values(run(offered(layer, "copied")(how), scene))

    def apart(user: User) -> Values:
        layer = user.fresh(scene)
        run(layer, scene)
        offered(layer, "saved")()
        mine, theirs = (offered(each, "trained")().values() for each in (layer, offered(layer, "copied")("deepcopy")))
        held = {each.untyped_storage().data_ptr() for each in mine}
        shared = [each.untyped_storage().data_ptr() in held for each in theirs if each.numel()]
        return {"weights shared with the copy": torch.tensor(float(sum(shared))).view(1, 1, 1)}

    def loaded(user: User) -> Values:
        layer, target = user.fresh(scene), user.fresh(other)
        offered(target, "load")(offered(layer, "saved")())
        return values(run(target, scene))

    yield Leg("copied by deepcopy", lambda user: copied(user, "deepcopy"), scene, FAULT)
    yield Leg("copied by deepcopy, with weights of its own", apart, scene, FAULT)
    yield Leg("copied by pickle", lambda user: copied(user, "pickle"), scene, FAULT)
    yield Leg("built anew and given its state_dict", loaded, scene, FAULT)
    for dtype in (Dtype.FLOAT64, Dtype.FLOAT32, Dtype.BFLOAT16, Dtype.FLOAT16):
        if dtype is not setting.spec.dtype:
            yield converted(setting, scene, dtype)


def converted(setting: PathSetting, scene: PathScene, dtype: Dtype, *, stateless: bool = False) -> Leg:
    """After .to(dtype), in torch's own default dtype, compared at the lower of the two precisions."""
    own = getattr(torch, scene.spec.dtype)
    given = {name: each.to(own).double() for name, each in scene.weights.values.items()}  # as it was held before
    coarser = max(scene.spec.dtype, dtype, key=lambda each: float(torch.finfo(getattr(torch, each)).eps))
    judged_as = replace(scene.spec, dtype=coarser)
    judged = replace(scene, spec=judged_as, weights=Weights(given), held=setting.held(judged_as))
    there = replace(scene, spec=replace(scene.spec, dtype=dtype), allows=lambda: judged.allowed)

    def go(user: User) -> Values:
        if reason := user.implementation.refuses(there.spec):
            raise NotOffered(reason)
        layer = user.fresh(scene)
        run(layer, scene)
        other = offered(layer, "converted")(getattr(torch, dtype))
        if not stateless:
            return values(run(other, there))
        return values(offered(other, "run_without_state")(there.given()[0], there.lengths))

    also = " and called without a state" if stateless else ""
    return Leg(f"converted by .to({dtype}){also}", go, there, "dtype-written-in")
