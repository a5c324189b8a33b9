"""Copies of the layer: by deepcopy, by pickle, by a state_dict, and in another dtype."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.errors import CannotRun
from rnncheck.evidence.paths.gradients import Attached
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import Allowed, PathScene, PathSetting, User, run, values
from rnncheck.implementations.uses import Copying, NotOffered, Unlike, offered
from rnncheck.model.spec import Dtype
from rnncheck.model.weights import Weights

FAULT = "copy-differs"
ROUGH = 1e-9  # of the largest result, in float64


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

    def changed(user: User) -> Values:
        """With weights of its own, of which the layer that it was copied from knows nothing."""
        copy = offered(user.fresh(scene), "copied")("deepcopy")
        offered(copy, "change")(other.weights.cast(other.spec))
        return values(run(copy, other))

    def trained(user: User) -> Values:
        layer = user.fresh(scene)
        Attached.of(layer, scene)
        return values(run(offered(layer, "copied")("deepcopy"), scene))

    yield Leg("copied by deepcopy, with other weights", changed, other, FAULT)
    yield Leg("copied by deepcopy after a run with gradients", trained, scene, FAULT)
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
        with suppress(CannotRun):  # as its code is not run at that dtype before it is converted
            if reason := user.implementation.refuses(there.spec):
                raise NotOffered(reason)
        layer = user.fresh(scene)
        run(layer, scene)
        other = offered(layer, "converted")(getattr(torch, dtype))
        if stateless:
            return values(offered(other, "run_without_state")(there.given()[0], there.lengths))
        found = values(run(other, there))
        right = setting.right.get(("copies", what)) if user is setting.sides[0] else None
        if isinstance(right, dict) and dtype is Dtype.FLOAT64 and is_rough(found, right, judged.allowed):
            raise Unlike(f"it does not compute at the precision of {dtype}")
        coarse = dtype not in (Dtype.FLOAT64, Dtype.FLOAT32)
        wide = {each.dtype for each in found.values()} - {getattr(torch, dtype)} == {torch.float32}
        if isinstance(right, dict) and coarse and wide and within(found, right, judged.allowed):
            raise Unlike(f"it returns {Dtype.FLOAT32}")
        return found

    what = f"converted by .to({dtype})" + " and called without a state" * stateless
    return Leg(what, go, there, "dtype-written-in")


def is_rough(found: Values, right: Values, allowed: Allowed) -> bool:
    """Whether results in float64 are within what a lower precision allows, and beyond that of float64."""
    far = {name: gap for name, gap in gaps(found, right).items() if gap is not None}
    rough = any(bool((gap.amax() > ROUGH * right[name].abs().amax()).any()) for name, gap in far.items())
    return rough and all(is_near(gap, allowed[name]) for name, gap in far.items())


def within(found: Values, right: Values, allowed: Allowed) -> bool:
    """Whether all results are as near as is allowed, whatever their dtype."""
    far = gaps(found, right)
    return far.keys() == right.keys() and all(
        gap is not None and is_near(gap, allowed[name]) for name, gap in far.items()
    )


def gaps(found: Values, right: Values) -> dict[str, Tensor | None]:
    """How far each result is from the right one; None for one of another shape."""
    return {
        name: (found[name] - value).abs().cpu() if found[name].shape == value.shape else None
        for name, value in right.items()
        if name in found
    }


def is_near(gap: Tensor, limit: object) -> bool:
    return isinstance(limit, Tensor) and bool((gap <= limit).all())
