"""Whether a faulty network can be told from the right one: by its states, its gradients or a second call."""

from typing import Literal

from torch import Tensor

from rnncheck.faults.scene import Scene
from rnncheck.scratch.network import Network
from rnncheck.trace import Trace

ShowsIn = Literal["states", "gradients", "calls"]
SAME = 1e-12  # relative to the largest value: what another order of the same sums may differ by in float64


def shows(network: Network, scene: Scene, where: ShowsIn) -> bool:
    match where:
        case "states":
            return not same(scene.run(network), scene.right)
        case "gradients":
            right = scene.right_gradients
            return not all(near(found, right[name]) for name, found in scene.gradients(network).items())
        case "calls":
            return not repeats(network, scene)


def repeats(network: Network, scene: Scene) -> bool:
    """Whether two calls on the same tensors both give what the right network does, and leave them as they are."""
    own = scene.copied()
    twice = [own.run(network), own.run(network)]
    return all(same(each, scene.right) for each in twice) and near(own.x, scene.x) and near(own.state.h, scene.state.h)


def same(a: Trace, b: Trace) -> bool:
    """Whether two traces hold the same numbers, but for the order of sums."""
    pairs = ((a.output, b.output), (a.final.h, b.final.h), (a.final.c, b.final.c), (a.y, b.y))
    return all(near(one, other) for one, other in pairs)


def near(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    if a.shape != b.shape or not a.numel():
        return a.shape == b.shape
    allowed = SAME * max(1.0, float(b.nan_to_num(0.0, 0.0, 0.0).abs().max()))
    return bool(((a == b) | ((a - b).abs() <= allowed) | (a.isnan() & b.isnan())).all())
