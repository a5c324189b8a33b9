"""A probe: one small run of the candidate, with the exact result that faults are compared with."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from rnncheck.envelope import exact_and_envelope, rounding_of
from rnncheck.faults.scene import Scene
from rnncheck.implementations.protocol import Implementation, Read
from rnncheck.model.spec import Dtype, Spec
from rnncheck.model.trace import State, Trace, dtype_of, rounded
from rnncheck.model.weights import Weights
from rnncheck.scratch.network import Network

SLACK = 16  # a fault rounds in other places than the right layer, whose envelope is all there is;
ROUGH = 2  # but in coarse precisions so much would hide what is looked for
MOST_UNEXPLAINED = 0.1  # of the distance from the right layer: with more left, rounding is too coarse to tell

Values = Mapping[str, Tensor]


@dataclass(frozen=True)
class Likeness:
    """How close a faulty layer is to the candidate.

    `residual` is the largest difference; `exact` says that rounding explains all of it; `explains` is the share of
    the candidate's distance from the right layer, root mean square over all states, that the fault accounts for.
    """

    residual: float
    exact: bool
    explains: float


FAR = Likeness(math.inf, False, 0.0)


@dataclass(frozen=True)
class FaultProbe:
    """A scene with the result of the candidate, the exact result of the right layer, and the allowed rounding."""

    scene: Scene
    candidate: Values
    right: Values
    allowed: Mapping[str, float]  # the largest of each quantity, relative to the right layer's largest value
    slack: int = SLACK

    @property
    def coarse(self) -> bool:
        """Whether the candidate ran only in a half precision, in which different layers may look equal."""
        return self.slack == ROUGH

    @cached_property
    def shows_nothing(self) -> bool:
        """Whether the candidate equals the right layer on this scene."""
        return all(
            name in self.right and value.shape == self.right[name].shape and not bool(self.far(name, value).any())
            for name, value in self.candidate.items()
        )

    def far(self, name: str, value: Tensor) -> Tensor:
        """Where a value differs from the right layer by more than rounding."""
        right = self.right[name]
        return ~((value - right).abs() <= self.tolerance(name, value)) & ~alike(value, right)

    def likeness(self, faulty: Values) -> Likeness:
        """How close a faulty layer, run in float64 on the scene, is to the candidate."""
        if any(name not in faulty or faulty[name].shape != value.shape for name, value in self.candidate.items()):
            return FAR
        exact, residual, left, gap = True, 0.0, 0.0, 0.0
        for name, value in self.candidate.items():
            difference = (value - faulty[name]).abs_().masked_fill_(alike(value, faulty[name]), 0.0)
            largest = float(difference.nan_to_num_(nan=math.inf).amax()) if difference.numel() else 0.0
            exact &= largest <= self.tolerance(name, faulty[name])
            residual = max(residual, largest)
            left += float(difference.square().sum())
            # Beside a right layer of another shape the whole of it is different.
            alike_shaped = name in self.right and self.right[name].shape == value.shape
            away = value - self.right[name] if alike_shaped else value
            gap += float(away.nan_to_num(nan=math.inf).square().sum())
        explains = max(1 - math.sqrt(left / gap), 0.0) if gap and math.isfinite(left) else 0.0
        exact &= self.shows_nothing or explains >= 1 - MOST_UNEXPLAINED
        return Likeness(residual, exact, 1.0 if exact and not self.coarse else explains)

    def tolerance(self, name: str, faulty: Tensor) -> float:
        """What rounding may do to this quantity, where the fault may have made it larger than the right one is."""
        return self.slack * self.allowed.get(name, 0.0) * max(largest_of(faulty), self._sizes.get(name, 0.0))

    @cached_property
    def _sizes(self) -> Mapping[str, float]:
        return {name: largest_of(value) for name, value in self.right.items()}

    def differing(self, values: Values) -> Tensor | None:
        """Which of all elements differ from the right layer, in one row; None if the shapes differ."""
        if not self.shaped(values):
            return None
        # A zero of a relu says little of what went in: two faults may leave it where one of them would not.
        masks = [self.far(name, values[name]) & (self.right[name] != 0) for name in self.candidate]
        return torch.cat([mask.flatten() for mask in masks])

    def reproduced(self, faulty: Values) -> int:
        """How many of the elements that the candidate has wrong a faulty layer has just as the candidate has them.

        Where the candidate's shapes are wrong: whether the faulty layer has the same ones.
        """
        if not self.shaped(self.candidate):
            return int(shapes(faulty) == shapes(self.candidate))
        if not self.shaped(faulty):
            return 0
        count = 0
        for name, value in self.candidate.items():
            near = (value - faulty[name]).abs() <= self.tolerance(name, faulty[name])
            count += int((near & self.far(name, value) & (value != 0)).sum())
        return count

    def shaped(self, values: Values) -> bool:
        """Whether all results of the candidate are there, with the shapes of the right layer."""
        names = self.candidate.keys()
        return names <= self.right.keys() and all(
            name in values and values[name].shape == self.right[name].shape for name in names
        )


class Prober:
    """Runs the candidate on given scenes: in float64 if it can, otherwise at the precision of the run."""

    def __init__(self, implementation: Implementation, spec: Spec) -> None:
        self._implementation, self._own = implementation, spec
        self.spec = replace(spec, dtype=Dtype.FLOAT64)

    def probe(self, scene: Scene) -> FaultProbe | None:
        """The probe of this scene, or None if the candidate cannot run it."""
        scene = self.takes(scene)
        for spec in dict.fromkeys((self.spec, self._own)):
            self.spec = spec  # what failed once is not tried again
            if self._implementation.refuses(spec, lengths=scene.lengths is not None):
                continue
            try:
                return self._probe(spec, scene)
            except Exception:  # a candidate may fail in any way where it was never tried
                continue
        return None

    @property
    def takes_state(self) -> bool:
        candidate = self._implementation
        return not isinstance(candidate, Read) or candidate.read(self._own).takes_state

    @property
    def _one_of_both(self) -> bool:
        """Whether it returns only one of output and h_n: what is wrong of the output alone is wrong of h_n, too."""
        candidate = self._implementation
        return isinstance(candidate, Read) and candidate.read(self._own).one_of_both

    def takes(self, scene: Scene) -> Scene:
        """The scene without states that the candidate does not take, and with weights that it can hold."""
        if not isinstance(self._implementation, Read):
            return scene
        reading, state = self._implementation.read(self._own), scene.state
        if not reading.takes_state:
            state = state.map(torch.zeros_like)
        elif state.c is not None and not reading.takes_cell_state:
            state = State(state.h, torch.zeros_like(state.c))
        return replace(scene, state=state, weights=reading.restrict(Weights(scene.weights)).values)

    def _probe(self, spec: Spec, scene: Scene) -> FaultProbe:
        scene = as_rounded(scene, spec)
        weights, dtype = Weights(scene.weights), dtype_of(spec)
        with torch.inference_mode():
            layer = self._implementation.build(spec, weights)
            x = scene.x.to(spec.device, dtype, copy=True)
            trace = layer.run(x, scene.state.to(spec.device, dtype), scene.lengths)
        if spec != self._own and trace.is_float32:
            raise ArithmeticError("it computes in float32 for every dtype of its input")
        shown = {name: value for name, value in trace.shown().items() if not (name == "h_n" and self._one_of_both)}
        candidate = {name: value.detach().cpu().double().clone() for name, value in shown.items()}
        envelope = exact_and_envelope(
            spec, weights, scene.x, scene.state, scene.lengths, rounding=rounding_of(spec), samples=6
        )
        right, most = ran(Network(scene.spec), scene).shown(), envelope.allowed.shown()
        allowed = {name: relative(most[name], value) for name, value in right.items()}
        slack = ROUGH if spec.dtype in (Dtype.BFLOAT16, Dtype.FLOAT16) else SLACK
        return FaultProbe(scene, candidate, right, allowed, slack)


def as_rounded(scene: Scene, spec: Spec) -> Scene:
    """The scene rounded to the spec's dtype, as the candidate gets it."""
    dtype = dtype_of(spec)
    weights = Weights(scene.weights).rounded(spec).values
    plain = replace(spec, device="cpu", dtype=Dtype.FLOAT64)
    return Scene(plain, weights, rounded(scene.x, dtype), scene.state.rounded(dtype), scene.lengths)


def ran(network: Network, scene: Scene) -> Trace:
    with torch.inference_mode():
        return network.run(scene.weights, scene.x, scene.state, scene.lengths)


def shapes(values: Values) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in values.items()}


def alike(a: Tensor, b: Tensor) -> Tensor:
    """Where both have the same value, including NaN and infinities."""
    return (a == b) | (a.isnan() & b.isnan())


def largest_of(value: Tensor) -> float:
    return float(value.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).abs_().amax()) if value.numel() else 0.0


def relative(allowed: Tensor, value: Tensor) -> float:
    """The largest allowance that is finite, in units of the largest value."""
    size = largest_of(value)
    return largest_of(allowed) / size if size else 0.0
