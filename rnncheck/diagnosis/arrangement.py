"""Results of another shape than the reference's: axes in another order, an axis too few or too many, or fewer steps."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import permutations

from torch import Tensor

from rnncheck.diagnosis.probe import FaultProbe, alike
from rnncheck.report import Finding

SLUG = "result-shape"
STATES = ("L*D", "B", "R")
AXES = {"output": ("T", "B", "D*R"), "h_n": STATES, "c_n": ("L*D", "B", "H")}


def misshapen(name: str, probe: FaultProbe) -> dict[str, Finding]:
    """Of each result whose shape is not the reference's, but whose numbers are, the finding that says how."""
    return {
        quantity: Finding(SLUG, f"{quantity} of {name} holds the right numbers, {told}", 1.0)
        for quantity, value in probe.candidate.items()
        if quantity in AXES and value.shape != probe.right[quantity].shape
        if (told := next(equal_arrangements(probe, quantity, value), None))
    }


def equal_arrangements(probe: FaultProbe, quantity: str, value: Tensor) -> Iterator[str]:
    for told, arranged in arrangements(probe.right[quantity], tuple(value.shape), AXES[quantity]):
        near = (value - arranged).abs() <= probe.tolerance(quantity, arranged)
        if bool((near | alike(value, arranged)).all()):
            yield told


def arrangements(right: Tensor, shape: Sequence[int], axes: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
    """Ways to make a tensor of that shape from the right one, each with its description."""
    for order in permutations(range(right.dim())):
        if right.permute(order).shape == shape:
            yield f"with the axes {listed(axes[k] for k in order)} instead of {listed(axes)}", right.permute(order)
    if [size for size in right.shape if size != 1] == [size for size in shape if size != 1]:
        gone = " and ".join(axis for axis, size in zip(axes, right.shape, strict=True) if size == 1)
        how = f"without {gone}, of size 1" if len(shape) < right.dim() else "with another axis of size 1"
        yield how, right.reshape(shape)
    if right.shape[1:] == shape[1:] and 0 < shape[0] < len(right):
        yield f"but only the first {shape[0]} of {len(right)} along the axis {axes[0]}", right[: shape[0]]
        yield f"but only the last {shape[0]} of {len(right)} along the axis {axes[0]}", right[-shape[0] :]
    if right.shape[1:] == shape:
        yield f"but only the last along the axis {axes[0]}", right[-1]
    if right.numel() == math.prod(shape):
        yield "with its axes joined or split otherwise", right.reshape(shape)


def listed(axes: Iterable[str]) -> str:
    return f"({', '.join(axes)})"


def covered(probe: FaultProbe, found: Mapping[str, Finding]) -> bool:
    """Whether the results besides those that were `found` equal the reference's."""
    return all(
        each in found or (value.shape == probe.right[each].shape and not bool(probe.far(each, value).any()))
        for each, value in probe.candidate.items()
        if each in AXES
    )
