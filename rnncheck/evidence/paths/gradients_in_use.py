"""Gradients where the layer is used otherwise than in the normal run: in training mode, without a state, after a run
without gradients, of one row or timestep and of many rows, of what is not contiguous, unbatched, by weights alone, and
of one result alone.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from rnncheck.errors import RnncheckError
from rnncheck.evidence.gradients.differentiate import NOT_PLAIN, BackwardRun, differentiate, random_projection
from rnncheck.evidence.paths import ragged, training_loop
from rnncheck.evidence.paths.gradients import (
    CHANGE,
    SHARE,
    Attached,
    Gradients,
    UsedAs,
    View,
    change,
    kept,
    near_the_largest,
    roughly_unchanged,
    unchanged,
    without_state,
)
from rnncheck.evidence.paths.handed_over import by_weights, from_one_row, from_one_tensor, in_two_calls
from rnncheck.evidence.paths.other_sizes import of_sizes
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import Allowed, PathScene, PathSetting, User, in_mode, run, values
from rnncheck.implementations.protocol import Layer
from rnncheck.implementations.uses import NotOffered, Unlike, as_called, offered
from rnncheck.model.spec import Dtype
from rnncheck.model.trace import EVERYTHING, State, Trace

FAULT = "gradient-wrong-in-use"
SEED = 13
LONG, LONGEST = 129, 257
LARGER = 2, 257, 140, 9  # T, B, H, I: beyond the usual tiles
OTHER_PADDING = 8.0
SATURATING = 8.0  # times x: of most units the derivative is small, and of some it is not
Mode = type[AbstractContextManager[None]]
Use = Callable[[Layer], Layer]
TITLE = "differentiated in training mode, without a state, in part, and of one result alone"


@path("gradients-in-use", TITLE, follows=True)
def legs(setting: PathSetting) -> Iterator[Leg]:
    spec = replace(setting.spec, dtype=Dtype.FLOAT64)
    scene, zeros = setting.scene(spec=spec), setting.scene(spec=spec, zeros=True)
    one, step = setting.scene(rows=1, spec=spec), setting.scene(1, spec=spec)
    alike, alike_one, alike_zeros = (roughly_unchanged(each) for each in (scene, one, zeros))
    trains = not setting.spec.dropout
    modes = (False, True) if trains else (False,)
    shown = EVERYTHING - setting.unexposed - ({"c_n"} if scene.state.c is None else set())
    alone = dict[tuple[int, int, Use], Gradients]()  # by side, scene and use

    def leg(what: str, scene: PathScene, as_use: Use, *, train: bool = False, of: str = "") -> Leg:
        hidden = setting.unexposed | (EVERYTHING - {of} if of else frozenset())

        def go(user: User) -> Values:
            layer = supported(user, scene).fresh(scene)
            if of:
                differentiable(user)
            if not (leaves := layer.leaves()):
                raise NotOffered("it cannot be differentiated by torch's weights")
            given = BackwardRun(scene.spec, scene.x, scene.state, scene.lengths, hidden, setting.withheld)
            with in_mode(layer, train=train), as_called(layer):
                found = differentiate(as_use(layer), given, random_projection(given, SEED))
            if found.problem:
                raise RuntimeError(found.problem)
            if found.plain:
                raise NotOffered(NOT_PLAIN)
            shapes = {name: each.shape for name, each in given.copies().items()}
            # Called without a state, its code is not fed by torch's weights.
            shapes |= {} if as_use is without_state else {name: each.shape for name, each in leaves.items()}
            gradients = {name: each for name, each in found.gradients.items() if name in shapes}
            return {
                f"gradient of {name}": (torch.zeros(shapes[name]) if each is None else each).double().reshape(1, 1, -1)
                for name, each in gradients.items()
            }

        judged = replace(
            scene, allows=lambda: near_the_largest(setting.right["gradients-in-use", f"differentiated {what}"])
        )
        return Leg(f"differentiated {what}", go, judged, FAULT, must_run=bool(of))

    def by_own(scene: PathScene, layer: Layer, *, train: bool = False, view: View = unchanged) -> Gradients:
        """By the layer's own tensors."""
        with in_mode(layer, train=train):
            attached = Attached.of(layer, scene, view=view)
        results = {name: each for name, each in attached.results.items() if name in shown}
        return replace(attached, results=results).gradients()

    def normal(user: User, scene: PathScene, as_use: Use = unchanged) -> Gradients:
        """By its own tensors in evaluation mode."""
        key = id(user), id(scene), as_use
        if key not in alone:
            alone[key] = kept(by_own(scene, as_use(supported(user, scene).fresh(scene))))
        return alone[key]

    def differentiable(user: User) -> Gradients:
        """Its gradients in float64. Raises `NotOffered` if it fails there in any case."""
        try:
            return normal(user, scene)
        except (RuntimeError, TypeError, ValueError, RnncheckError) as problem:
            raise NotOffered(f"it fails without that too: {problem}") from problem

    def stateless(user: User, train: bool) -> Values:
        given = normal(user, zeros)
        found = by_own(zeros, without_state(user.fresh(zeros)), train=train)
        return {CHANGE: change(found, {name: each for name, each in given.items() if name not in ("h0", "c0")})}

    def after(user: User, mode: Mode, as_use: Use) -> Values:
        layer = supported(user, zeros).fresh(zeros)
        try:
            right = normal(user, zeros, as_use)
            with mode():
                run(as_use(layer), zeros)
        except (RuntimeError, TypeError, ValueError, RnncheckError) as problem:  # so it fails in this use in any case
            raise NotOffered(f"it fails without that too: {problem}") from problem
        return {CHANGE: change(by_own(zeros, as_use(layer)), right)}

    def turned(user: User) -> Values:
        """x, the states and the layer's own matrices with other strides."""
        right, layer = normal(user, scene), user.fresh(scene)
        with suppress(NotOffered):
            saved = offered(layer, "saved")()
            strided = {name: across(each) if each.dim() > 1 else each for name, each in saved.items()}
            offered(layer, "load")(strided, assign=True)
        return {CHANGE: change(by_own(scene, layer, train=trains, view=across), right)}

    def two_calls(user: User) -> Values:
        """The gradients of both are those of one call."""
        right = differentiable(user)
        try:
            run(in_two_calls(user.fresh(scene)), scene)
        except (RuntimeError, TypeError, ValueError, RnncheckError) as problem:
            raise NotOffered(f"it fails without gradients too: {problem}") from problem
        return {CHANGE: change(by_own(scene, in_two_calls(user.fresh(scene)), train=trains), right)}

    def unbatched(user: User) -> Values:
        right, layer = normal(user, one), user.fresh(one)
        use = offered(layer, "run_unbatched")

        def run_one(x: Tensor, state: State, _: object) -> Trace:
            trace: Trace = use(x[:, 0], state.map(lambda each: each[:, 0]))
            return replace(trace, output=trace.output[:, None], final=trace.final.map(lambda each: each[:, None]))

        return {CHANGE: change(by_own(one, UsedAs(layer, run_one), train=trains), right)}

    if trains:
        yield leg("in training mode", setting.longer(spec), unchanged, train=True)
        if not setting.fixed:  # where a state is detached every so many timesteps
            steps = min(max(LONG, setting.seq_len), LONGEST)
            there = setting.scene(steps, spec=spec)
            long = leg(f"in training mode over {steps} timesteps", there, unchanged, train=True)
            yield replace(long, go=partial(where_right, go=long.go, scene=there, setting=setting))
    if setting.takes_state:
        yield leg("from states of zeros", zeros, unchanged)
    yield leg("without a state", zeros, without_state)
    for train in modes:
        what = "differentiated by its own tensors without a state" + " in training mode" * train
        yield Leg(what, partial(stateless, train=train), alike_zeros, FAULT)
    for mode, name in ((torch.no_grad, "no_grad"), (torch.inference_mode, "inference_mode")):
        for as_use, where in ((unchanged, ""), (without_state, " without a state")):
            go = partial(after, mode=mode, as_use=as_use)
            yield Leg(f"differentiated{where} after a run under {name}", go, alike_zeros, FAULT, must_run=True)
    for what, large in of_sizes(setting, *LARGER):
        there = setting.scene(*LARGER[:2], spec=replace(large.spec, dtype=Dtype.FLOAT64))
        wide = leg(what + " in training mode" * trains, there, unchanged, train=trains)
        yield replace(wide, go=partial(where_right, go=wide.go, scene=there, setting=setting))
    yield leg("of one row", one, unchanged)
    for train in modes:
        yield leg("at T = 1" + " in training mode" * train, step, unchanged, train=train)
    in_training = ", in training mode" * trains
    strides = f"differentiated with x, states and weights that are not contiguous in memory{in_training}"
    yield Leg(strides, turned, alike, "memory-layout-assumed")
    yield Leg(f"differentiated unbatched{in_training}", unbatched, alike_one, FAULT)
    if setting.with_lengths:
        rows = max(2, setting.sizes[1])
        lengthy = setting.scene(rows=rows, spec=spec, lengths=ragged.unsorted(setting, setting.sizes[0]))
        other = ragged.padded(lengthy, OTHER_PADDING)
        yield leg(f"with lengths and other numbers in the padding{in_training}", other, unchanged, train=trains)
        missing = leg("with lengths and NaN in the padding", ragged.padded(lengthy, math.nan), unchanged)
        yield replace(missing, go=partial(where_finite, go=missing.go))
    yield from training_loop.legs(scene, zeros, shown, train=trains)
    yield leg("by its weights alone", scene, by_weights)
    if setting.takes_state:
        yield leg(f"from a state expanded over the batch{in_training}", scene, from_one_row, train=trains)
    if setting.takes_cell_state and scene.state.c is not None and not spec.proj_size:
        yield leg(f"from one tensor as h0 and c0{in_training}", scene, from_one_tensor, train=trains)
    carries = setting.takes_state and shown >= {"h_n", *["c_n"] * (scene.state.c is not None)}
    if carries and not spec.bidirectional and len(scene.x) > 1:
        what = f"differentiated through two calls, the second from the states that the first returned{in_training}"
        yield Leg(what, two_calls, alike, FAULT, must_run=True)
    saturated = leg("where gates saturate", replace(scene, x=SATURATING * scene.x), unchanged)
    yield replace(saturated, scene=replace(saturated.scene, allows=partial(nearer, saturated, setting)))
    for name in sorted(shown) if len(shown) > 1 else ():
        yield leg(f"of {name} alone", scene, unchanged, of=name)


def across(value: Tensor) -> Tensor:
    """The same numbers, with the axes in the opposite order in memory."""
    order = tuple(reversed(range(value.dim())))
    return value.permute(order).contiguous().permute(order)


def nearer(leg: Leg, setting: PathSetting) -> Allowed:
    """A smaller share of the largest number of each gradient: what is lost where gates saturate is small."""
    return near_the_largest(setting.right["gradients-in-use", leg.what], SHARE / 10)


def supported(user: User, scene: PathScene) -> User:
    """The same side. Raises `NotOffered` if it refuses the spec of the scene, as those that lack float64 do."""
    if reason := user.implementation.refuses(scene.spec):
        raise NotOffered(reason)
    return user


def where_finite(user: User, go: Callable[[User], Values]) -> Values:
    """What `go` yields, where it is finite: a NaN that torch.where sets aside comes back in its backward."""
    found = go(user)
    if not all(bool(each.isfinite().all()) for each in found.values()):
        raise Unlike("it has gradients that are not finite, where the reference's are")
    return found


def where_right(user: User, go: Callable[[User], Values], scene: PathScene, setting: PathSetting) -> Values:
    """What `go` yields, unless the results are wrong at these sizes: then so are their gradients."""
    shown = EVERYTHING - setting.unexposed
    if supported(user, scene) is setting.sides[0]:
        mine, right = (values(run(side.fresh(scene), scene)) for side in setting.sides)
        if shown.intersection(right) - mine.keys():
            raise NotOffered("not all of its results are known at these sizes, so their gradients are not compared")
        both = mine.keys() & right.keys()
        if not all(torch.allclose(mine[name], right[name].to(mine[name]), rtol=0, atol=SHARE) for name in both):
            raise NotOffered("its results are others at these sizes, so their gradients are not compared")
    return go(user)
