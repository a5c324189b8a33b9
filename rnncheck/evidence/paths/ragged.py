"""Rows with lengths: in training mode, all below T, all equal, and with padding that is not zero."""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from rnncheck.evidence.paths.path import Leg, Values
from rnncheck.evidence.paths.ranges import LARGE
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User, in_mode, run, values
from rnncheck.implementations.uses import NotOffered, Unlike

FAULT, IN_TRAINING = "option-half-done", "depends-on-train-mode"
IN_PADDING, OF_NAN = "padding-advances-state", "nan-spreads"


def unsorted(setting: PathSetting, most: int) -> tuple[int, ...]:
    """Lengths of at least two rows, up to `most`, that are not sorted."""
    return tuple(max(1, most - 2 * ((2 * row + 1) % 3)) for row in range(max(2, setting.sizes[1])))


def legs(setting: PathSetting) -> Iterator[Leg]:
    """Where the run has lengths, so that it is known how both sides take them."""
    steps, rows = setting.sizes[0], max(2, setting.sizes[1])
    ragged = setting.scene(rows=rows, lengths=unsorted(setting, steps))
    if not setting.spec.dropout:
        yield replace(leg(", in training mode", ragged, IN_TRAINING, train=True), from_others=(FAULT,))
    if steps > 1:
        yield leg(" that are all below T", setting.scene(rows=rows, lengths=unsorted(setting, steps - 1)), FAULT)
        yield leg(" that are all equal and below T", setting.scene(rows=rows, lengths=(steps - 1,) * rows), FAULT)
    for what, number, fault in (
        ("large numbers", LARGE[setting.spec.dtype], IN_PADDING),
        ("NaN", math.nan, OF_NAN),
    ):
        alone = leg(f" and {what} in the padding", padded(ragged, number), fault)
        go = partial(unread, ragged=ragged, alone=alone, reference=setting.sides[1])
        yield replace(alone, go=go, from_others=(FAULT, IN_PADDING))


def leg(what: str, scene: PathScene, fault: str, *, train: bool = False) -> Leg:
    def go(user: User) -> Values:
        if reason := user.implementation.refuses(scene.spec, lengths=True):
            raise NotOffered(reason)
        layer = user.fresh(scene) if train else user.layer(scene)
        with in_mode(layer, train=train):
            return complete(values(run(layer, scene)), scene)

    return Leg(f"with lengths{what}", go, scene, fault)


def unread(user: User, ragged: PathScene, alone: Leg, reference: User) -> Values:
    """The results with other padding, which a reference must not read."""
    found = alone.go(user)
    if user is reference:
        right = values(run(user.layer(ragged), ragged))
        if not all(torch.equal(each, right[name]) for name, each in found.items()):
            raise NotOffered("it reads the padding")
    elif not all(bool(each.isfinite().all()) for each in found.values()):  # as of a mask that is multiplied by
        raise Unlike("it has results that are not finite where the padding is not, unlike the reference")
    return found


def complete(found: Values, scene: PathScene) -> Values:
    """Outputs up to the longest row alone, as torch's `pad_packed_sequence` gives them, with zeros after that."""
    output, longest = found.get("output"), max(scene.lengths or (0,))
    if output is None or len(output) != longest:
        return found
    missing = output.new_zeros(len(scene.x) - longest, *output.shape[1:])
    return {**found, "output": torch.cat([output, missing])}


def padded(scene: PathScene, number: float) -> PathScene:
    """The same scene with this number in the padding of x."""
    x = scene.x.clone()
    for row, end in enumerate(scene.lengths or ()):
        x[end:, row] = number
    return replace(scene, x=x, allows=lambda: scene.allowed)
