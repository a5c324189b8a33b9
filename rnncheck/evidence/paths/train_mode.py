"""Training mode: without dropout nothing changes, with dropout only what torch's dropout changes."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import Allowed, PathScene, PathSetting, User, run, values
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.evidence.without_dropout import WithoutDropout
from rnncheck.implementations.uses import Unlike, offered

FAULT = "depends-on-train-mode"
COPIES = 4096  # of a row, each with dropout of its own
ERROR_RATE = 1e-6  # how often a right layer's dropout would be called another, over all that is compared
STEPS = 3


@path("train-mode", "in training mode")
def legs(setting: PathSetting) -> Iterator[Leg]:
    scene = setting.base

    def training(user: User) -> Values:
        layer = user.fresh(scene)
        with offered(layer, "training")(), WithoutDropout():
            return values(run(layer, scene))

    def training_twice(user: User) -> Values:
        layer = user.fresh(scene)
        with offered(layer, "training")(), WithoutDropout():
            run(layer, scene)
            return values(run(layer, scene))

    def own_dropout(user: User) -> Values:
        layer = user.fresh(scene)
        with offered(layer, "training")(), WithoutDropout() as dropout:
            run(layer, scene)
        if dropout.chances:
            chances = " and ".join(f"{chance:g}" for chance in sorted(dropout.chances))
            raise Unlike(f"it applies dropout with p = {chances}, which the reference does not")
        return {}

    what = "in training mode"
    if setting.spec.dropout and setting.spec.num_layers > 1:
        many = copies(setting, setting.scene(STEPS, 1))
        yield Leg(
            f"{what}, dropout compared by mean and standard deviation", lambda user: sampled(user, many), many, FAULT
        )
    else:
        yield Leg(what, training, scene, FAULT)
        yield Leg(f"{what}, called twice", training_twice, scene, FAULT)
        yield Leg(f"{what} with dropout", own_dropout, scene, FAULT)


def copies(setting: PathSetting, one: PathScene) -> PathScene:
    """The same row many times. The allowed differences of means and deviations are those of two reference samples."""
    many = one.of_rows([0] * COPIES)

    def allowed() -> Allowed:
        results = drawn(setting.sides[1], many)
        count = sum(each[:, 0].numel() for each in results.values())
        beyond = ERROR_RATE / (4 * count)  # of a normal number on one side, for means and deviations
        far = float(torch.special.ndtri(torch.tensor(1 - beyond, dtype=torch.float64)))
        return {
            f"{statistic} of {name}": Tolerance(atol=far * off + floor)
            for name, each in results.items()
            for statistic, off in errors(each).items()
        }

    floor = 64 * torch.finfo(getattr(torch, many.spec.dtype)).eps
    return replace(many, allows=allowed)


def errors(results: Tensor) -> dict[str, float]:
    """How far apart two samples' means, and deviations, are by chance: the largest standard error of an element."""
    centred = results.double() - results.double().mean(1, keepdim=True)
    variance, fourth = centred.square().mean(1), centred.pow(4).mean(1)
    count = results.shape[1]
    of_mean = (2 * variance / count).sqrt()
    of_deviation = ((fourth - variance.square()).clamp_min(0) / (2 * count * variance.clamp_min(1e-300))).sqrt()
    return {"mean": float(of_mean.max()), "standard deviation": float(of_deviation.max())}


def drawn(user: User, scene: PathScene) -> Values:
    layer = user.fresh(scene)
    with offered(layer, "training")(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return values(run(layer, scene))


def sampled(user: User, scene: PathScene) -> Values:
    results = drawn(user, scene)
    means = {f"mean of {name}": each.double().mean(1, keepdim=True) for name, each in results.items()}
    return means | {
        f"standard deviation of {name}": each.double().std(1, keepdim=True) for name, each in results.items()
    }
