"""Gradients taken twice, of two runs in either order, accumulated in `.grad`, of a large loss and a plain sum."""

from collections.abc import Iterator

import torch

from rnncheck.evidence.paths.gradients import CHANGE, Attached, accumulated, change, kept, times
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathSetting, User
from rnncheck.model.spec import Dtype

FAULT = "backward-not-repeatable"
LARGE = {Dtype.FLOAT16: 16.0}  # a power of two, by which nothing is rounded, and by which float16 does not overflow


@path(
    "another-backward",
    "with several backward calls: twice through one graph, through two graphs, into .grad, of a large loss",
)
def legs(setting: PathSetting) -> Iterator[Leg]:
    scene, other = setting.base, setting.scene(other=1)

    def twice(user: User) -> Values:
        run = Attached.of(user.fresh(scene), scene)
        first = kept(run.gradients(again=True))
        return {CHANGE: change(run.gradients(), first)}

    def two_runs(user: User, first: int) -> Values:
        layer = user.fresh(scene)
        alone = [kept(Attached.of(layer, each).gradients()) for each in (scene, other)]
        runs = [Attached.of(layer, each) for each in (scene, other)]
        found = {number: runs[number].gradients() for number in (first, 1 - first)}
        return {CHANGE: torch.maximum(*(change(found[number], alone[number]) for number in (0, 1)))}

    def into_grad(user: User) -> Values:
        layer = user.fresh(scene)
        alone = kept(Attached.of(layer, scene).gradients())
        names = [name for name in alone if name not in ("x", "h0", "c0")]
        for _ in range(2):
            run = Attached.of(layer, scene)
            run.loss().backward()  # type: ignore[no-untyped-call]
        return {CHANGE: change(accumulated(run.leaves, names), times(2, {name: alone[name] for name in names}))}

    def of_a_large_loss(user: User) -> Values:
        layer = user.fresh(scene)
        alone = kept(Attached.of(layer, scene).gradients())
        large = LARGE.get(scene.spec.dtype, 2.0**16)
        run = Attached.of(layer, scene)
        with torch.enable_grad():
            found = run.gradients(run.loss() * large)
        return {CHANGE: change(found, times(large, alone))}

    def of_a_sum(user: User) -> Values:
        layer = user.fresh(scene)
        plain, weighted = Attached.of(layer, scene), Attached.of(layer, scene)
        with torch.enable_grad():
            total = torch.stack([value.sum() for value in plain.results.values()]).sum()
            ones = torch.stack([(value * torch.ones_like(value)).sum() for value in weighted.results.values()]).sum()
        return {CHANGE: change(plain.gradients(total), weighted.gradients(ones))}

    yield Leg("differentiated twice through one graph", twice, scene, FAULT, must_run=True)
    yield Leg("run twice, then differentiated in that order", lambda user: two_runs(user, 0), scene, FAULT, True)
    yield Leg("run twice, then differentiated in the other order", lambda user: two_runs(user, 1), scene, FAULT, True)
    yield Leg("differentiated twice into .grad", into_grad, scene, FAULT, must_run=True)
    yield Leg("differentiated from a large loss", of_a_large_loss, scene, "gradient-clipped")
    yield Leg("differentiated from a plain sum of its results", of_a_sum, scene, "memory-layout-assumed")
