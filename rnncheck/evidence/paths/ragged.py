"""Rows with lengths: in training mode, all below T, all equal, and with padding that is not zero."""

import math
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.evidence.paths.path import Leg, Values
from rnncheck.evidence.paths.ranges import LARGE
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User, in_mode, run, values
from rnncheck.implementations.uses import NotOffered

FAULT, IN_TRAINING = "option-half-done", "depends-on-train-mode"
IN_PADDING, OF_NAN = "padding-advances-state", "nan-spreads"


def unsorted(setting: PathSetting, most: int) -> tuple[int, ...]:
    """Lengths of at least two rows, up to `most`, that are not sorted."""
    return tuple(max(1, most - 2 * ((2 * row + 1) % 3)) for row in range(max(2, setting.sizes[1])))


def legs(setting: PathSetting) -> Iterator[Leg]:
    """Where the run has lengths, so that it is known how both sides take them."""
    steps, rows = setting.sizes[0], max(2, setting.sizes[1])
    ragged = setting.scene(rows=rows, lengths=unsorted(setting, steps))
    loud, missing = padded(ragged, LARGE[setting.spec.dtype]), padded(ragged, math.nan)
    if not setting.spec.dropout:
        yield leg("with lengths, in training mode", ragged, IN_TRAINING, setting, ragged, train=True)
    if steps > 1:
        shorter = setting.scene(rows=rows, lengths=unsorted(setting, steps - 1))
        equal = setting.scene(rows=rows, lengths=(steps - 1,) * rows)
        yield leg("with lengths that are all below T", shorter, FAULT, setting, ragged)
        yield leg("with lengths that are all equal and below T", equal, FAULT, setting, ragged, shorter)
    yield leg("with lengths and large numbers in the padding", loud, IN_PADDING, setting, ragged)
    yield leg("with lengths and NaN in the padding", missing, OF_NAN, setting, ragged, loud)


def leg(
    what: str,
    scene: PathScene,
    fault: str,
    setting: PathSetting,
    ragged: PathScene,
    *after: PathScene,
    train: bool = False,
) -> Leg:
    """A candidate that is wrong in the `ragged` scene, or in one `after` which this one comes, is not run here. A
    reference must not read the padding.
    """

    def results(user: User, scene: PathScene, *, train: bool = False) -> Values:
        layer = user.fresh(scene)
        with in_mode(layer, train=train):
            return complete(values(run(layer, scene)), scene)

    def go(user: User) -> Values:
        candidate, reference = setting.sides
        if reason := user.implementation.refuses(scene.spec, lengths=True):
            raise NotOffered(reason)
        for before in (ragged, *after):
            if user is candidate and not within(results(candidate, before), results(reference, before), before):
                raise NotOffered("it is wrong with other lengths already")
        found = results(user, scene, train=train)
        if user is reference and scene.lengths == ragged.lengths and not within(found, results(user, ragged), scene):
            raise NotOffered("it reads the padding")
        return found

    return Leg(what, go, scene, fault)


def complete(found: Values, scene: PathScene) -> Values:
    """Outputs up to the longest row alone, as torch's `pad_packed_sequence` gives them, with zeros after that."""
    output, longest = found.get("output"), max(scene.lengths or (0,))
    if output is None or len(output) != longest:
        return found
    missing = output.new_zeros(len(scene.x) - longest, *output.shape[1:])
    return {**found, "output": torch.cat([output, missing])}


def within(found: Values, right: Values, scene: PathScene) -> bool:
    """Whether results are the same, but for what is allowed in the scene."""

    def alike(name: str) -> bool:
        mine, theirs, limit = found[name].cpu(), right[name].cpu(), scene.allowed[name]
        if mine.shape != theirs.shape:
            return False
        most = limit if isinstance(limit, Tensor) else limit.allowed(theirs)
        return bool(((mine - theirs).abs() <= most).all())

    return all(alike(name) for name in found.keys() & right.keys())


def padded(scene: PathScene, number: float) -> PathScene:
    """The same scene with this number in the padding of x."""
    x = scene.x.clone()
    for row, end in enumerate(scene.lengths or ()):
        x[end:, row] = number
    return replace(scene, x=x, allows=lambda: scene.allowed)
