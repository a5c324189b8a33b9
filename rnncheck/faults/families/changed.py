"""Faults of values that pass through one more function: x, the output, or the state after every step."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.shared import STATES, layer_norm, reading, returning, standardised, stepping
from rnncheck.model.spec import Cell, Spec

ELEMENTWISE: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
}
OVER_FEATURES: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": lambda value: value.softmax(-1),
    "log_softmax": lambda value: value.log_softmax(-1),
    "layer normalisation": layer_norm,
    "layer normalisation, with the variance over n - 1": standardised,
    "divided by its length": lambda value: functional.normalize(value, dim=-1),
}
AXES = {"the features": (-1,), "time": (0,), "batch and time": (0, 1), "all of it": (0, 1, 2)}


def centred_over(axes: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
    """x - mean over these axes of (T, B, I)."""
    return lambda x: x - x.mean(axes, keepdim=True)


def standardised_over(axes: tuple[int, ...], correction: int) -> Callable[[Tensor], Tensor]:
    """(x - mean) / std over these axes of (T, B, I), as people write it for data."""

    def change(x: Tensor) -> Tensor:
        centred = centred_over(axes)(x)
        number = math.prod(x.shape[axis] for axis in axes) - correction
        return centred / (centred.square().sum(axes, keepdim=True) / number).sqrt()

    return change


@family(reported=21)
def of_changed(spec: Spec) -> Iterator[Fault]:
    """`constants` has those with a number."""
    places = {"output-changed": (returning, spec.output_size), "input-changed": (reading, spec.input_size)}
    positive = spec.cell is Cell.RNN and spec.nonlinearity == "relu"  # its states, which relu leaves as they are
    of_states = {name: change for name, change in ELEMENTWISE.items() if not (positive and name == "relu")}
    for slug, (place, size) in places.items():
        own = of_states if slug == "output-changed" else ELEMENTWISE
        for name, change in ({**own, **OVER_FEATURES} if size > 1 else own).items():
            yield Fault(slug, name, place(change), rare=True)
    for over, axes in AXES.items():
        if spec.input_size > 1 or axes != (-1,):
            yield Fault("input-changed", f"less its mean over {over}", reading(centred_over(axes)), rare=True)
        for correction, by in ((1, "n - 1"), (0, "n")):
            if spec.input_size > 1 or axes != (-1,):
                name = f"standardised over {over}, with the variance over {by}"
                change = standardised_over(axes, correction)
                yield Fault("input-changed", name, reading(change), rare=True)
    for part in STATES[spec.cell]:
        for name, change in of_states.items():
            yield Fault("state-changed", f"{part} through {name}", stepping(part, change), rare=True)
