"""Dropout on both sides: the same row run many times in training mode, compared by its distribution."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from rnncheck.evidence.paths.gradients import MASKS, SAME, Attached, frozen, weights_like
from rnncheck.evidence.paths.path import Leg, Values
from rnncheck.evidence.paths.scene import Allowed, PathScene, PathSetting, User, run, values
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.implementations.uses import NotOffered, WrongUse, offered
from rnncheck.model.spec import Dtype
from rnncheck.model.trace import dtype_of

FAULT = "dropout-wrong"
COPIES = 16_384  # of a row, each with dropout of its own
ERROR_RATE = 1e-6  # how often a right layer's dropout would be called another, over all that is compared
STATISTICS = 12  # of an element: mean, deviation, nine parts of its distribution, and how often two rows are the same
RARE = 10  # pairs that are counted on top: of something rare, the other sample may have more
FEW = 64  # rows, of which two calls do not have all the same masks
PARTS = torch.arange(1, 10) / 10  # of the samples below each threshold, about
NO_GAP = 1e-5  # of an element's range: an atom of the distribution, of which rounding decides on which side it is
BY_X = "gradient by x"
STEPS = 3  # of the run by which dropout is compared
ROWS, STEP, NEAR = 4, 1e-5, 1e-3

Samples = Mapping[str, Tensor]  # (T, COPIES, W) in float64, by quantity


def legs(setting: PathSetting) -> Iterator[Leg]:
    yield by_distribution(setting, STEPS, "")
    yield by_distribution(setting, 1, " at T = 1")
    yield drawn_anew(setting)
    spec = replace(setting.spec, dtype=Dtype.FLOAT64)
    yield by_differences(setting.scene(rows=ROWS, spec=spec))


def by_differences(scene: PathScene) -> Leg:
    """The gradient by x must be that of the results with the same masks, as differences with the same seed show."""

    def go(user: User) -> Values:
        if reason := user.implementation.refuses(scene.spec):
            raise NotOffered(reason)
        along = weights_like(scene.x).to(torch.float64)
        with seeded():
            layer = user.fresh(scene)
            with offered(layer, "training")(), frozen(layer, "x"):
                attached = Attached.of(layer, scene, only="x")
                torch.manual_seed(1)  # a mask that is drawn again is another
                (by_x,) = attached.gradients().values()
        losses = []
        for step in (STEP, -STEP):
            with seeded():
                layer = user.fresh(scene)
                with offered(layer, "training")(), torch.no_grad():
                    results = values(run(layer, replace(scene, x=scene.x + step * along)))
                losses.append(float(Attached({name: results[name] for name in attached.results}, {}).loss()))
        expected, found = (losses[0] - losses[1]) / (2 * STEP), float((by_x.cpu().double() * along).sum())
        return {MASKS: torch.tensor([[[abs(found - expected) / (abs(found) + abs(expected) + STEP)]]])}

    judged = replace(scene, allows=lambda: {MASKS: Tolerance(atol=NEAR)})
    return Leg("in training mode, differentiated with dropout", go, judged, FAULT)


class OnlyWithGradients(WrongUse):
    """Dropout that depends on the gradient mode."""

    fault = "depends-on-grad-mode"


def drawn_anew(setting: PathSetting) -> Leg:
    """Another call must have other masks."""
    some = setting.scene(rows=1).of_rows([0] * FEW)

    def go(user: User) -> Values:
        layer = user.fresh(some)
        with offered(layer, "training")(), seeded():
            # Not as called: then what the code draws at random is the same each time.
            first, second = (values(layer.run(*some.given(), some.lengths)) for _ in range(2))
            with torch.enable_grad():
                graded = values(layer.run(*some.given(), some.lengths))
        evaluated = values(run(layer, some))
        same, nothing, nothing_graded = (
            all(torch.equal(each, other[name]) for name, each in found.items())
            for found, other in ((first, second), (first, evaluated), (graded, evaluated))
        )
        if nothing and not nothing_graded:
            raise OnlyWithGradients("it drops nothing where no gradients are recorded")
        return {SAME: torch.tensor([[[float(same)]]])}

    judged = replace(some, allows=lambda: {SAME: Tolerance(atol=0.5)})
    return Leg("in training mode with dropout and called twice", go, judged, FAULT)


def by_distribution(setting: PathSetting, steps: int, where: str) -> Leg:
    """The results, and the gradient by x."""
    many = setting.scene(steps, 1).of_rows([0] * COPIES)
    unit = torch.finfo(dtype_of(many.spec)).eps

    @cache
    def reference() -> tuple[Samples, Mapping[str, Tensor]]:
        """Its samples and their thresholds, by quantity."""
        samples = drawn(setting.sides[1], many)
        return samples, {name: thresholds(each, unit) for name, each in samples.items()}

    def go(user: User) -> Values:
        right, below = reference()
        samples = right if user is setting.sides[1] else drawn(user, many)
        return {name: statistics(each, below[name], unit) for name, each in samples.items() if name in below}

    judged = replace(many, allows=lambda: allowed(reference()[0], unit))
    return Leg(f"in training mode with dropout{where}", go, judged, FAULT)


def drawn(user: User, scene: PathScene) -> Samples:
    layer = user.fresh(scene)
    with offered(layer, "training")(), seeded(), frozen(layer, "x"):
        try:
            attached = Attached.of(layer, scene, only="x")
        except NotOffered:
            return {}
        with torch.enable_grad():
            loss = torch.stack([each.square().sum() / 2 for each in attached.results.values()]).sum()
        (by_x,) = attached.gradients(loss).values()
    return {name: each.detach().cpu().double() for name, each in {**attached.results, BY_X: by_x}.items()}


@contextmanager
def seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def thresholds(samples: Tensor, unit: float) -> Tensor:
    """(9, T, 1, W): in each tenth of the sorted samples the middle of the widest gap; infinite where rounding could
    bridge it, at a dtype with this `unit`.
    """
    ordered = samples.sort(1).values
    gaps, span = ordered.diff(dim=1), (ordered[:, -1:] - ordered[:, :1]).clamp_min(1e-300)
    smallest = NO_GAP * span + 16 * unit * samples.abs().amax(1, keepdim=True)
    count, found = samples.shape[1], []
    for part in PARTS:
        first = int((part - 0.05) * count)
        gap, at = gaps[:, first : first + count // 10].max(1, keepdim=True)
        middle = ordered.gather(1, at + first) + gap / 2
        found.append(middle.masked_fill(gap < smallest, torch.inf))
    return torch.stack(found)


def statistics(samples: Tensor, below: Tensor, unit: float) -> Tensor:
    """(T, 12, W): mean, standard deviation, the parts of the samples below the thresholds, and how many pairs of
    neighbours are the same.
    """
    parts = torch.cat([(samples < each).double().mean(1, keepdim=True) for each in below], 1)
    return torch.cat([samples.mean(1, keepdim=True), samples.std(1, keepdim=True), parts, alike(samples, unit)], 1)


def alike(samples: Tensor, unit: float) -> Tensor:
    """(T, 1, W): the part of the pairs of neighbouring rows that are the same but for rounding; of none where rounding
    is coarse.
    """
    near = NO_GAP * samples.abs().amax(1, keepdim=True)
    if unit > NO_GAP / 16:
        return torch.zeros_like(near)
    return ((samples[:, ::2] - samples[:, 1::2]).abs() <= near).double().mean(1, keepdim=True)


def allowed(samples: Samples, unit: float) -> Allowed:
    """How far the statistics of two samples of one distribution are apart by chance."""
    count = sum(each[:, 0].numel() for each in samples.values())
    beyond = ERROR_RATE / (2 * STATISTICS * max(count, 1))  # of a normal number on one side
    far = float(torch.special.ndtri(torch.tensor(1 - beyond, dtype=torch.float64)))
    return {name: far * errors(each, unit) + 64 * unit for name, each in samples.items()}


def errors(samples: Tensor, unit: float) -> Tensor:
    """(T, 12, W): the standard errors of the differences of two samples' statistics."""
    count = samples.shape[1]
    centred = samples - samples.mean(1, keepdim=True)
    variance, fourth = centred.square().mean(1, keepdim=True), centred.pow(4).mean(1, keepdim=True)
    of_mean = (2 * variance / count).sqrt()
    of_deviation = ((fourth - variance.square()).clamp_min(0) / (2 * count * variance.clamp_min(1e-300))).sqrt()
    of_parts = (2 * PARTS * (1 - PARTS) / count).sqrt().double()
    pairs = count / 2
    same = (alike(samples, unit) * pairs + RARE) / (pairs + 2 * RARE)
    of_pairs = (2 * same * (1 - same) / pairs).sqrt()
    each_part = of_parts[None, :, None].expand(len(samples), -1, samples.shape[2])
    return torch.cat([of_mean, of_deviation, each_part, of_pairs], 1)
