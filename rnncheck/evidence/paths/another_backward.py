"""Gradients taken twice, of two runs in either order, in `.grad`, by one tensor at a time, and of unusual losses."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from rnncheck.evidence.paths.gradients import (
    ALONE,
    CHANGE,
    GIVEN,
    WRITTEN,
    Attached,
    accumulated,
    change,
    frozen,
    kept,
    roughly_unchanged,
    times,
    weights_like,
)
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathSetting, User, in_mode
from rnncheck.implementations.uses import NotOffered
from rnncheck.model.spec import Dtype

FAULT = "backward-not-repeatable"
IN_PLACE = "inplace operation"  # in what torch raises where backward would read what has changed
LARGE = {Dtype.FLOAT16: 16.0}  # a power of two, by which nothing is rounded, and by which float16 does not overflow


@path(
    "another-backward",
    "with several backward calls: twice through one graph, through two graphs, into .grad, of a large loss",
)
def legs(setting: PathSetting) -> Iterator[Leg]:
    scene, other = setting.base, setting.scene(other=1)
    longer = setting.longer(setting.spec)
    exact = setting.scene(spec=replace(setting.spec, dtype=Dtype.FLOAT64))

    def twice(user: User) -> Values:
        """By one loss, another, and the first again, as rows of a Jacobian are taken."""
        layer = user.fresh(scene)
        run, apart = Attached.of(layer, scene), Attached.of(layer, scene)
        first = kept(run.gradients(again=True))
        other = kept(run.gradients(run.loss(other=True), again=True))
        changes = change(run.gradients(), first), change(other, apart.gradients(apart.loss(other=True)))
        return {CHANGE: torch.maximum(*changes)}

    def two_runs(user: User, first: int) -> Values:
        layer = user.fresh(scene)
        alone = [kept(Attached.of(layer, each).gradients()) for each in (scene, other)]
        runs = [Attached.of(layer, each) for each in (scene, other)]
        found = {number: runs[number].gradients() for number in (first, 1 - first)}
        return {CHANGE: torch.maximum(*(change(found[number], alone[number]) for number in (0, 1)))}

    def into_grad(user: User, train: bool) -> Values:
        layer = user.fresh(scene)
        with in_mode(layer, train=train):
            alone = kept(Attached.of(layer, scene).gradients())
            names = [name for name in alone if name not in ("x", "h0", "c0")]
            for _ in range(2):
                run = Attached.of(layer, scene)
                run.loss().backward()  # type: ignore[no-untyped-call]
        return {CHANGE: change(accumulated(run.leaves, names), times(2, {name: alone[name] for name in names}))}

    def of_a_loss(user: User, factor: float) -> Values:
        layer = user.fresh(scene)
        alone = kept(Attached.of(layer, scene).gradients())
        run = Attached.of(layer, scene)
        with torch.enable_grad():
            found = run.gradients(run.loss() * factor)
        return {CHANGE: change(found, times(factor, alone))}

    def with_a_graph(user: User) -> Values:
        """With create_graph=True, as for a penalty of the gradients."""
        if reason := user.implementation.refuses(exact.spec):
            raise NotOffered(reason)
        layer = user.fresh(exact)
        alone = kept(Attached.of(layer, exact).gradients())
        run = Attached.of(layer, exact)
        return {CHANGE: change(run.gradients(graph=True), alone)}

    def of_a_sum(user: User) -> Values:
        layer = user.fresh(scene)
        plain, weighted = Attached.of(layer, scene), Attached.of(layer, scene)
        with torch.enable_grad():
            total = torch.stack([value.sum() for value in plain.results.values()]).sum()
            ones = torch.stack([(value * torch.ones_like(value)).sum() for value in weighted.results.values()]).sum()
        return {CHANGE: change(plain.gradients(total), weighted.gradients(ones))}

    def transposed(user: User) -> Values:
        """The gradients that its backward is given are not contiguous."""
        layer = user.fresh(scene)
        plain, turned = Attached.of(layer, scene), Attached.of(layer, scene)
        with torch.enable_grad():
            pairs = [(each.permute(2, 1, 0), weights_like(each).permute(2, 1, 0)) for each in turned.results.values()]
            loss = torch.stack([(each * weights.contiguous()).sum() for each, weights in pairs]).sum()
        return {CHANGE: change(turned.gradients(loss), plain.gradients())}

    def alone(user: User) -> Values:
        """By each leaf while the others require no gradient."""
        layer = user.fresh(longer)
        together = kept(Attached.of(layer, longer).gradients())
        apart = dict[str, Mapping[str, torch.Tensor]]()
        for name in together:
            with frozen(layer, name), suppress(NotOffered):  # without results to differentiate, its gradient is missing
                apart[name] = Attached.of(layer, longer, only=name).gradients()
        return {f"{ALONE}{name}": change(apart.get(name, {}), {name: each}) for name, each in together.items()}

    def written_into(user: User) -> Values:
        """After a change of its output in place, by what that was changed to. Where torch refuses, nothing is wrong."""
        layer = user.fresh(scene)
        runs = [Attached.of(layer, scene) for _ in range(2)]
        name, value = next(iter(runs[0].results.items()))
        plain, changed = (replace(each, results={name: each.results[name]}) for each in runs)
        with torch.enable_grad():
            right = plain.gradients(replace(plain, results={name: 2 * value}).loss())
            try:
                changed.results[name].mul_(2)
                return {WRITTEN: change(changed.gradients(), right)}
            except RuntimeError as problem:
                if IN_PLACE not in str(problem):
                    raise
        return {WRITTEN: torch.zeros(1, 1, 1, dtype=torch.float64)}

    def of_given(user: User) -> Values:
        """The gradients of its results, which other branches of a graph read too: of all of them, and of each alone,
        as torch adds those of an output and of a final state that is a part of it into a new tensor.
        """
        run = Attached.of(user.fresh(scene), scene)
        found = list(run.results.values())
        changed = [writes(run, each) for each in (found, *([one] for one in found if len(found) > 1))]
        return {GIVEN: torch.tensor([[[float(any(changed))]]])}

    def writes(run: Attached, results: Sequence[torch.Tensor]) -> bool:
        """Whether the backward of these results writes into the gradients that it is given."""
        given = [weights_like(each) for each in results]
        before = [each.clone() for each in given]
        with torch.enable_grad():
            sums = [Handing.apply(*each) for each in zip(results, given, strict=True)]  # type: ignore[no-untyped-call]
            run.gradients(torch.stack(sums).sum(), again=True)
        return any(not torch.equal(*each) for each in zip(given, before, strict=True))

    yield Leg("differentiated three times through one graph, by two losses", twice, scene, FAULT, must_run=True)
    yield Leg("run twice, then differentiated in that order", lambda user: two_runs(user, 0), scene, FAULT, True)
    yield Leg("run twice, then differentiated in the other order", lambda user: two_runs(user, 1), scene, FAULT, True)
    for train in (False, True) if not setting.spec.dropout else (False,):
        what = "differentiated twice into .grad" + " in training mode" * train
        yield Leg(what, partial(into_grad, train=train), scene, FAULT, must_run=True)
    yield Leg("differentiated after its output was changed in place", written_into, scene, "gradient-wrong-in-use")
    yield Leg("differentiated by one tensor at a time", alone, longer, "gradient-wrong-in-use")
    yield Leg("differentiated from gradients that others read", of_given, scene, FAULT)
    yield Leg("differentiated with create_graph=True", with_a_graph, roughly_unchanged(exact), "gradient-wrong-in-use")
    large = LARGE.get(scene.spec.dtype, 2.0**16)
    yield Leg("differentiated from a large loss", partial(of_a_loss, factor=large), scene, "gradient-clipped")
    if scene.spec.dtype is not Dtype.FLOAT16:  # in which small gradients are subnormal
        yield Leg("differentiated from a small loss", partial(of_a_loss, factor=2.0**-24), scene, "gradient-clipped")
    yield Leg("differentiated from a plain sum of its results", of_a_sum, scene, "memory-layout-assumed")
    yield Leg("differentiated through transposed results", transposed, scene, "memory-layout-assumed")


class Handing(torch.autograd.Function):
    """A number, whose gradient by `value` is `given` itself, not a copy of it."""

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        ctx.given = given
        return value.sum()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.given, None
