"""Whether a faulty network can be told from the right one: by its states, its gradients or a second call."""

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from rnncheck.faults.scene import Scene
from rnncheck.scratch.network import Network
from rnncheck.trace import State, Trace

ShowsIn = Literal["states", "gradients", "calls"]
SAME = 1e-12  # relative to the largest value: what another order of the same sums may differ by in float64


def shows(network: Network, scene: Scene, where: ShowsIn) -> bool:
    match where:
        case "states":
            return not same(scene.run(network), scene.right)
        case "gradients":
            right = gradients(Network(scene.spec), scene)
            return not all(near(found, right[name]) for name, found in gradients(network, scene).items())
        case "calls":
            return not repeats(network, scene)


def repeats(network: Network, scene: Scene) -> bool:
    """Whether two calls on the same tensors both give what the right network does."""
    c = scene.state.c
    own = replace(
        scene, x=scene.x.clone(), state=State(scene.state.h.clone(), None if c is None else c.clone())
    )  # since a fault may be to write there
    twice = [own.run(network), own.run(network)]
    return all(same(each, scene.right) for each in twice) and near(own.x, scene.x) and near(own.state.h, scene.state.h)


def gradients(network: Network, scene: Scene) -> dict[str, Tensor | None]:
    """Of a fixed projection of all that is yielded: by x, h0, c0 and every parameter. None where none arrives."""
    with torch.inference_mode(False), torch.enable_grad():
        given = {"x": scene.x, "h0": scene.state.h, "c0": scene.state.c, **scene.weights}
        leaves = {name: value.clone().requires_grad_() for name, value in given.items() if value is not None}
        weights = {name: leaves[name] for name in scene.weights}
        trace = network.run(weights, leaves["x"], State(leaves["h0"], leaves.get("c0")), scene.lengths)
        yielded = (trace.output, trace.final.h, trace.final.c, trace.y)
        parts = [projection(each) for each in yielded if each is not None and each.requires_grad]
        if not parts:
            return dict.fromkeys(leaves)
        found = torch.autograd.grad(torch.stack(parts).sum(), list(leaves.values()), allow_unused=True)
    return dict(zip(leaves, found, strict=True))


def projection(value: Tensor) -> Tensor:
    """One number in which every element has a weight of its own."""
    return (value.flatten() * torch.arange(1.0, value.numel() + 1, dtype=value.dtype).cos()).sum()


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
