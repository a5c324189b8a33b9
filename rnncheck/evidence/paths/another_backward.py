"""Gradients taken twice, of two runs in either order, accumulated in `.grad`, and of a plain sum."""

from collections.abc import Iterator

import torch

from rnncheck.evidence.paths.gradients import CHANGE, Attached, accumulated, change, doubled, kept
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathSetting, User

FAULT = "backward-not-repeatable"


@path("another-backward", "with several backward calls: twice through one graph, through two graphs, into .grad")
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
        return {CHANGE: change(accumulated(run.leaves, names), doubled({name: alone[name] for name in names}))}

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
    yield Leg("differentiated from a plain sum of its results", of_a_sum, scene, "memory-layout-assumed")
