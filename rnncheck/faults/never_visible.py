"""Why a fault cannot show: what the families have in common."""

from collections.abc import Iterator

from rnncheck.faults.fault import Hidden
from rnncheck.faults.other_parameters import equal
from rnncheck.faults.scene import Scene
from rnncheck.model.trace import State
from rnncheck.scratch.network import Carry, Network


def one_step(scene: Scene) -> str | None:
    return "T is 1: there is no second step" if scene.seq_len == 1 else None


def one_row(scene: Scene) -> str | None:
    return "B is 1: there is no other row" if scene.batch_size == 1 else None


def one_step_or_row(scene: Scene) -> str | None:
    return one_step(scene) or one_row(scene)


def whole_rows(scene: Scene) -> str | None:
    """Of faults that only rows of different lengths show."""
    if scene.lengths is None or min(scene.lengths, default=scene.seq_len) == scene.seq_len:
        return "every row is T long: there is no padding"
    return None


def zero_state(scene: Scene) -> str | None:
    if scene.state.h.any() or (scene.state.c is not None and scene.state.c.any()):
        return None
    return "h0 is zero" if scene.state.c is None else "h0 and c0 are zero"


def equal_starts(mixin: type[Network], why: str) -> Hidden:
    """Of a fault that overrides what the layers start from: `why`, if that is what they should start from."""

    def hidden(scene: Scene) -> str | None:
        pairs = zip(starts(mixin(scene.spec), scene.state), starts(Network(scene.spec), scene.state), strict=True)
        alike = all(equal(a, b) for wrong, right in pairs for a, b in zip(wrong, right, strict=True))
        return (zero_state(scene) or why) if alike else None

    return hidden


def starts(network: Network, state: State) -> Iterator[Carry]:
    for layer in range(network.spec.num_layers):
        for direction in range(network.spec.directions):
            yield network.start(state, layer, direction)
