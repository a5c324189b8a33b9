"""x and the initial states as views that are not contiguous in memory, and h0 and c0 in one memory."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.evidence.paths.handed_over import from_one_tensor
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User, in_mode, unlike, values
from rnncheck.implementations.uses import as_called
from rnncheck.model.trace import State

View = Callable[[Tensor], Tensor]
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


@path("strides", "with x and h0 as views that are not contiguous")
def legs(setting: PathSetting) -> Iterator[Leg]:
    base = setting.base
    alike = base.of_rows([0] * base.x.shape[1])
    for name, view, scene in (
        ("transposed", transposed, base),
        ("sliced", sliced, base),
        ("offset", offset, base),
        ("expanded", expanded, alike),
    ):
        yield leg(f"given {name} x", scene, view, lambda value: value)
        if view is transposed and not setting.spec.dropout:
            yield in_training(f"in training mode, given {name} x", scene, view, setting)
        if setting.takes_state:
            yield leg(f"given {name} h0", scene, lambda value: value, view)
    if setting.takes_cell_state and base.state.c is not None and not setting.spec.proj_size:
        yield one_tensor(replace(base, state=State(base.state.h, base.state.h)))


def leg(what: str, scene: PathScene, view_x: View, view_state: View) -> Leg:
    def go(user: User) -> Values:
        layer = user.layer(scene)
        x, state = scene.given()
        viewed = state.map(view_state)
        with as_called(layer):
            return values(layer.run(view_x(x), viewed, scene.lengths))

    return Leg(what, go, scene, FAULT)


def in_training(what: str, scene: PathScene, view: View, setting: PathSetting) -> Leg:
    def run(user: User, view: View) -> Values:
        layer = user.fresh(scene)
        x, state = scene.given()
        with as_called(layer), in_mode(layer, train=True):
            return values(layer.run(view(x), state, scene.lengths))

    def go(user: User) -> Values:
        return unlike(lambda: run(user, view), lambda: run(user, lambda x: x), user, setting)

    return Leg(what, go, scene, FAULT)


def one_tensor(scene: PathScene) -> Leg:
    def go(user: User) -> Values:
        layer = user.fresh(scene)
        x, state = scene.given()
        with as_called(layer):
            return values(from_one_tensor(layer).run(x, state, scene.lengths))

    return Leg("given one tensor as h0 and c0", go, scene, FAULT)
