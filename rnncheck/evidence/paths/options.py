"""Options of the call and of the constructor: applied completely, or not supported."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from rnncheck.evidence.paths import ragged
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User, run, unlike_normal, values
from rnncheck.implementations.protocol import BatchFirst, Read
from rnncheck.implementations.uses import NotOffered, Unlike, WrongUse, as_called, offered
from rnncheck.model.spec import Dtype, Spec

FAULT = "option-half-done"


@path("options", "unbatched, with lengths, batch first, and from a state of another dtype")
def legs(setting: PathSetting) -> Iterator[Leg]:
    base = setting.base
    steps, rows = len(base.x), max(2, base.x.shape[1])
    one, step, zeros = (each.of_rows([0]) for each in (base, setting.scene(1), setting.scene(zeros=True)))

    def unbatched(user: User, scene: PathScene) -> Values:
        method = offered(user.layer(scene), "run_unbatched")
        x, state = scene.given()
        trace = method(x[:, 0], None if scene is zeros else state.map(lambda each: each[:, 0]))
        return {name: each.unsqueeze(1) for name, each in values(trace).items()}

    lengths = ragged.unsorted(setting, steps)
    if any(takes_packed(each, setting.spec) for each in setting.sides):
        lengths = tuple(sorted(lengths, reverse=True))  # as they are packed unless the caller says otherwise
    lengthy = setting.scene(rows=rows, lengths=lengths)
    batch_first = not setting.spec.batch_first
    turned = setting.scene(rows=rows, spec=replace(setting.spec, batch_first=batch_first))
    wider = Dtype.FLOAT32 if setting.spec.dtype is Dtype.FLOAT64 else Dtype.FLOAT64

    def from_another_dtype(user: User) -> Values:
        layer = user.layer(base)
        x, state = base.given()
        with as_called(layer):
            found = values(layer.run(x, state.to(setting.spec.device, getattr(torch, wider)), base.lengths))
        return {name: each.to(x.dtype) for name, each in found.items()}

    for where, scene in (("", one), (" at T = 1", step), (" without a state", zeros)):
        yield Leg(f"unbatched{where}", partial(unbatched, scene=scene), scene, FAULT)
    known = setting.with_lengths
    yield Leg("with lengths", partial(built, scene=lengthy, with_lengths=known), lengthy, FAULT)
    from_zeros = replace(lengthy, state=lengthy.state.map(torch.zeros_like))

    stateless = partial(built, scene=from_zeros, with_lengths=known, stateless=True)
    without = Leg("with lengths and without a state", stateless, from_zeros, "default-state-not-zero")
    yield replace(without, from_others=(FAULT,))
    yield from ragged.legs(setting) if known else ()
    yield Leg(f"with batch_first = {batch_first}", lambda user: built(user, turned), turned, FAULT)
    yield Leg("with batch_first = False, which is True by default", lambda user: time_first(user, base), base, FAULT)
    for small, axis in (
        (setting.scene(1, rows, spec=turned.spec), "T"),
        (setting.scene(rows=1, spec=turned.spec), "B"),
    ):
        go = partial(unlike_other_order, scene=small, setting=setting)
        yield Leg(f"with batch_first = {batch_first} at {axis} = 1", go, small, FAULT)
    if setting.takes_state:
        yield Leg(f"from a state in {wider}", from_another_dtype, base, FAULT)


def time_first(user: User, scene: PathScene) -> Values:
    """Run as it is built where it is told not to be batch first, if it is so by default; of other sides the run."""
    if not isinstance(user.implementation, BatchFirst):
        return values(run(user.layer(scene), scene))
    if (other := user.implementation.time_first()) is None:
        raise NotOffered("it is not batch first by default")
    if reason := other.refuses(scene.spec):
        raise NotOffered(reason)
    for each in other.read(scene.spec).ignored:
        if each.option == "batch_first":
            raise WrongUse(each.seen) if each.half else Unlike(each.seen)
    return values(run(other.build(scene.spec, scene.weights), scene))


def unlike_other_order(user: User, scene: PathScene, setting: PathSetting) -> Values:
    """Run with the other order of axes; nothing, if a run with its own order at these sizes does the same."""
    normal = replace(scene, spec=setting.spec)
    return unlike_normal(lambda: built(user, scene), user, normal, setting)


def takes_packed(user: User, spec: Spec) -> bool:
    """Whether it reads packed sequences alone, whose rows end where they are said to end."""
    return isinstance(user.implementation, Read) and user.implementation.read(spec).packed


def built(user: User, scene: PathScene, *, with_lengths: bool = False, stateless: bool = False) -> Values:
    """Run as it is built for the scene, where it can be; `with_lengths` says that it is known to take lengths."""
    side, lengths = user.implementation, scene.lengths
    if lengths is not None and isinstance(side, Read) and not (with_lengths or takes_packed(user, scene.spec)):
        if side.read(scene.spec).has_lengths:
            raise Unlike("only T was tried, for every row; --lengths 12,7,3 compares shorter rows")
        raise NotOffered("rnncheck finds out how it takes lengths only with --lengths")
    if reason := side.refuses(scene.spec, lengths=lengths is not None):
        raise NotOffered(reason)
    layer = user.layer(scene)
    x, state = scene.given()
    return values(layer.run(x, state, lengths) if not stateless else offered(layer, "run_without_state")(x, lengths))
