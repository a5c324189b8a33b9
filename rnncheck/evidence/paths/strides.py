"""x and the initial states as views that are not contiguous in memory, and h0 and c0 in one memory."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from rnncheck.evidence.paths.gradients import View, unchanged
from rnncheck.evidence.paths.handed_over import from_one_tensor
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User, in_mode, unlike, values
from rnncheck.implementations.protocol import Layer
from rnncheck.implementations.uses import as_called
from rnncheck.model.trace import State

Handed = Callable[[Layer], Layer]
FAULT = "memory-layout-assumed"


def transposed(value: Tensor) -> Tensor:
    return value.transpose(0, 1).contiguous().transpose(0, 1)


def sliced(value: Tensor) -> Tensor:
    """A view of every second index of axes 0 and 2 of a larger tensor, with other numbers between them."""
    wide = torch.full((2 * value.shape[0], value.shape[1], 2 * value.shape[2]), 0.5, dtype=value.dtype)
    wide = wide.to(value.device)
    wide[::2, :, ::2] = value
    return wide[::2, :, ::2]


def offset(value: Tensor) -> Tensor:
    """A view that is contiguous, and does not begin where its memory begins."""
    wide = torch.full((value.shape[0] + 2, *value.shape[1:]), 0.5, dtype=value.dtype, device=value.device)
    wide[2:] = value
    return wide[2:]


def expanded(value: Tensor) -> Tensor:
    """Expands the first row to all rows of the batch."""
    return value[:, :1].clone().expand(-1, value.shape[1], -1)


def held(value: Tensor) -> Tensor:
    """Expands the first timestep to all of them."""
    return value[:1].clone().expand(len(value), -1, -1)


@path("strides", "with x and h0 as views that are not contiguous")
def legs(setting: PathSetting) -> Iterator[Leg]:
    base = setting.base
    alike = base.of_rows([0] * base.x.shape[1])
    constant = replace(base, x=held(base.x))
    for name, view, scene in (
        ("transposed", transposed, base),
        ("sliced", sliced, base),
        ("offset", offset, base),
        ("expanded", expanded, alike),
    ):
        yield Leg(f"given {name} x", partial(run_user, scene=scene, of_x=view), scene, FAULT)
        if view is transposed and not setting.spec.dropout:
            go = partial(in_training, scene=scene, of_x=view, setting=setting)
            yield Leg(f"in training mode, given {name} x", go, scene, FAULT)
        if setting.takes_state:
            yield Leg(f"given {name} h0", partial(run_user, scene=scene, of_state=view), scene, FAULT)
    go = partial(run_user, scene=constant, of_x=held)
    yield Leg("given x that is expanded over time", go, constant, FAULT)
    if setting.takes_cell_state and base.state.c is not None and not setting.spec.proj_size:
        both = replace(base, state=State(base.state.h, base.state.h))
        go = partial(run_user, scene=both, handed=from_one_tensor)
        yield Leg("given one tensor as h0 and c0", go, both, FAULT)


def run_user(user: User, scene: PathScene, **views: Any) -> Values:
    return run_as(user.layer(scene), scene, **views)


def run_as(
    layer: Layer, scene: PathScene, of_x: View = unchanged, of_state: View = unchanged, handed: Handed = unchanged
) -> Values:
    """A run with views of x and the states, of a layer that is `handed` them in some way."""
    x, state = scene.given()
    viewed = state.map(of_state)
    with as_called(layer):
        return values(handed(layer).run(of_x(x), viewed, scene.lengths))


def in_training(user: User, scene: PathScene, of_x: View, setting: PathSetting) -> Values:
    """Nothing of a candidate that yields the same for x as it is: then training mode makes the difference."""

    def run(view: View) -> Values:
        layer = user.fresh(scene)
        with in_mode(layer, train=True):
            return run_as(layer, scene, view)

    return unlike(lambda: run(of_x), lambda: run(unchanged), user, setting)
