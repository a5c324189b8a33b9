"""Gradients of gradients, where both sides have them."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.evidence.paths.gradients import Attached, near_the_largest, weights_like
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathSetting, User
from rnncheck.implementations.uses import NotOffered
from rnncheck.model.spec import Dtype

FAULT = "second-derivative-wrong"
WHAT = "differentiated twice"


# A right autograd function may have no second derivative, and few say so.
@path("double-backward", "to take gradients of gradients", noted="it has other second derivatives than the reference")
def legs(setting: PathSetting) -> Iterator[Leg]:
    scene = setting.scene(min(5, len(setting.base.x)), spec=replace(setting.spec, dtype=Dtype.FLOAT64))

    taken = ["x", *["h0"] * setting.takes_state, *["c0"] * setting.takes_cell_state]

    judged = replace(scene, allows=lambda: near_the_largest(setting.right["double-backward", WHAT]))

    def go(user: User) -> Values:
        if reason := user.implementation.refuses(scene.spec):
            raise NotOffered(reason)
        run = Attached.of(user.layer(scene), scene)
        run = replace(run, results={name: run.results[name] for name in run.results if name not in setting.unexposed})
        inputs = {name: value for name, value in run.leaves.items() if name in taken}
        loss, given = run.loss(of_variables=True), list(inputs.values())
        first = torch.autograd.grad(loss, given, create_graph=True, allow_unused=True)
        with torch.enable_grad():
            sums = [(each * weights_like(each)).sum() for each in first if each is not None and each.requires_grad]
            if not sums:
                raise NotOffered("its gradients cannot be differentiated again")
            # Not by `grad`: only `backward` raises for what is marked as differentiable once.
            torch.stack(sums).sum().backward()  # type: ignore[no-untyped-call]
        second = [value.grad for value in given]
        for leaf in run.leaves.values():
            leaf.grad = None
        # What autograd takes for a constant has a second derivative of zero.
        found = zip(inputs.items(), second, strict=True)
        return {f"second derivative by {name}": zeros_for(each, value) for (name, value), each in found}

    yield Leg(WHAT, go, judged, FAULT)


def zeros_for(gradient: Tensor | None, value: Tensor) -> Tensor:
    return torch.zeros_like(value) if gradient is None else gradient
