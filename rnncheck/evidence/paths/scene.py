"""The weights and data of a path: small, without extreme values."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from rnncheck.data.random import initial_state
from rnncheck.envelope import Rounding, exact_and_envelope, rounding_of
from rnncheck.errors import RnncheckError
from rnncheck.evidence.allowance import PAIR
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.evidence.without_dropout import WithoutDropout
from rnncheck.implementations.protocol import Implementation, Layer, Read
from rnncheck.implementations.uses import InputChanged, NotOffered, as_called, offered
from rnncheck.model.randomness import Draws, Stream
from rnncheck.model.spec import Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights, draw

STEPS, ROWS = 5, 3  # of the sequences, at most
LONGER = 12
MOST_WORK = 5e7  # timesteps times rows times weights, up to which a path runs a layer that takes no other sizes
SAMPLES = 8  # of the envelope, at least
QUANTITIES = ("output", "h_n", "c_n")
OWN_SEED = 7_000  # from the seed of the run: numbers that it has not seen


Allowed = Mapping[str, Tensor | Tolerance]  # between two right sides, by quantity


@dataclass(frozen=True)
class PathScene:
    """Weights, x (T, B, I) and states in float64 on the host, and how far apart two right sides may be.

    `allows` says that where it is not the rounding envelope at the spec's dtype.
    """

    spec: Spec
    weights: Weights
    x: Tensor
    state: State
    held: Rounding | Tolerance
    lengths: tuple[int, ...] | None = None
    allows: Callable[[], Allowed] | None = None

    @cached_property
    def allowed(self) -> Allowed:
        """The allowed difference of each quantity, with the names of `values`."""
        if self.allows is not None:
            return self.allows()
        if isinstance(self.held, Tolerance):
            return dict.fromkeys(QUANTITIES, self.held)
        envelope = exact_and_envelope(
            self.spec, self.weights, self.x, self.state, self.lengths, rounding=self.held, samples=SAMPLES
        )
        return {name: PAIR * each for name, each in values(envelope.allowed).items()}

    def of_rows(self, rows: Sequence[int]) -> "PathScene":
        """The same scene with these rows of the batch. A row may occur more than once."""
        index = list(rows)
        c = None if self.state.c is None else self.state.c[:, index]
        ends = None if self.lengths is None else tuple(self.lengths[row] for row in rows)

        def allows() -> Allowed:
            every = self.allowed.items()
            return {name: each[:, index] if isinstance(each, Tensor) else each for name, each in every}

        x, state = self.x[:, index], State(self.state.h[:, index], c)
        return replace(self, x=x, state=state, lengths=ends, allows=allows)

    def given(self) -> tuple[Tensor, State]:
        """Copies of x and the states for one side."""
        dtype = getattr(torch, self.spec.dtype)
        return self.x.to(self.spec.device, dtype, copy=True), self.state.to(self.spec.device, dtype)


@dataclass(frozen=True)
class User:
    """One side, used as its users use it."""

    implementation: Implementation

    _built: dict[tuple[Spec, int], tuple[Weights, Layer]] = field(default_factory=dict, repr=False)

    def layer(self, scene: PathScene) -> Layer:
        """One for all legs that only run it."""
        key = scene.spec, id(scene.weights)
        if key not in self._built:
            self._built[key] = scene.weights, self.fresh(scene)
        return self._built[key][1]

    def fresh(self, scene: PathScene) -> Layer:
        """A new layer, which has not been called or changed."""
        return self.implementation.build(scene.spec, scene.weights)


@dataclass(frozen=True)
class PathSetting:
    """Both sides, the run that they agreed on, and the scenes in which its paths are run, all from `seed`."""

    spec: Spec
    sides: tuple[User, User]  # candidate, reference
    seq_len: int
    batch_size: int
    tolerance: Tolerance | None
    tf32: bool
    takes_state: bool
    takes_cell_state: bool
    seed: int
    unexposed: frozenset[str] = frozenset()
    withheld: frozenset[str] = frozenset()  # of "h0", "c0" and the weights: those without a gradient to compare
    rounds_on: str = "cpu"  # of the devices of both sides the one with the lowest precision of products
    approximate: float = 0.0  # the error of their activations, as of `Rounding`
    with_lengths: bool = False  # whether the run had lengths, so that it is known how both sides take them
    fixed: bool = False  # whether a side takes no other numbers of timesteps and rows than those of the run
    _scenes: dict[object, PathScene] = field(default_factory=dict, repr=False)
    _weights: dict[tuple[Spec, int], Weights] = field(default_factory=dict, repr=False)
    right: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False)  # the reference's, by path and leg

    def anew(self) -> "PathSetting":
        """The same setting with other random numbers and new sides."""
        return replace(self.with_new_sides(), seed=self.seed + 1, _scenes={}, _weights={}, right={})

    def with_new_sides(self) -> "PathSetting":
        """The same setting with the same numbers, and layers that have not been called."""
        return replace(self, sides=(User(self.sides[0].implementation), User(self.sides[1].implementation)))

    @property
    def base(self) -> PathScene:
        """The sizes of the run, with an upper limit."""
        return self.scene()

    @property
    def sizes(self) -> tuple[int, int]:
        """T and B of a scene for which nothing else is said."""
        numbers = sum(math.prod(shape) for shape in self.spec.recurrent_shapes().values())
        if self.fixed and numbers * self.seq_len * self.batch_size <= MOST_WORK:
            return self.seq_len, self.batch_size
        return min(self.seq_len, STEPS), min(self.batch_size, ROWS)

    def scene(
        self,
        steps: int | None = None,
        rows: int | None = None,
        *,
        spec: Spec | None = None,
        zeros: bool = False,
        other: int = 0,
        lengths: tuple[int, ...] | None = None,
    ) -> PathScene:
        """One of so many timesteps and rows, from a state of zeros if so asked; another `other` has other numbers."""
        key = steps, rows, spec, zeros, other, lengths
        if key not in self._scenes:
            spec = spec or self.spec
            steps, rows = steps or self.sizes[0], rows or self.sizes[1]
            seed = self.seed + OWN_SEED + 100 * other
            x = Draws(seed, Stream.SEQUENCES).normal((steps, rows, spec.input_size))
            for row, end in enumerate(lengths or ()):
                x[end:, row] = 0.0
            state = initial_state(spec, rows, seed=seed, kind="random" if self.takes_state and not zeros else "zeros")
            if state.c is not None and not self.takes_cell_state:
                state = State(state.h, torch.zeros_like(state.c))
            held = self.held(spec)
            self._scenes[key] = PathScene(spec, self.weights(spec, other), x, state, held, lengths)
        return self._scenes[key]

    def longer(self, spec: Spec) -> PathScene:
        """One of more timesteps, in which a gradient has some way to go, where the sides take other sizes."""
        return self.scene(None if self.fixed else max(LONGER, self.sizes[0]), spec=spec)

    def held(self, spec: Spec) -> Rounding | Tolerance:
        """What a run of this spec is held against."""
        if self.tolerance is not None:
            return self.tolerance
        return rounding_of(replace(spec, device=self.rounds_on), tf32=self.tf32, approximate=self.approximate)

    def offers(self, spec: Spec) -> bool:
        """Whether both sides can be built for this spec and loaded with weights."""
        try:
            if any(side.implementation.refuses(spec) is not None for side in self.sides):
                return False
            self.weights(spec)
        except RnncheckError:
            return False
        return True

    def weights(self, spec: Spec, other: int = 0) -> Weights:
        """Random weights with torch's distribution, as far as both sides can hold them."""
        key = replace(spec, batch_first=False, dtype=Dtype.FLOAT64), other
        if key not in self._weights:
            self._weights[key] = self._drawn(spec, other)
        return self._weights[key]

    def _drawn(self, spec: Spec, other: int) -> Weights:
        found = draw(spec, self.seed + OWN_SEED + 100 * other)
        for user in self.sides:
            if isinstance(user.implementation, Read):
                found = user.implementation.read(spec).restrict(found)
        return found


def values(trace: Trace) -> dict[str, Tensor]:
    """The values of a trace, by quantity."""
    every = {"output": trace.output, "h_n": trace.final.h, "c_n": trace.final.c}
    return {name: each for name, each in every.items() if each is not None and name not in trace.unexposed}


@contextmanager
def in_mode(layer: Layer, *, train: bool) -> Iterator[WithoutDropout]:
    """Within it the layer is in training mode, if so asked, and torch's dropout is off."""
    with offered(layer, "training")() if train else nullcontext(), WithoutDropout() as off:
        yield off


def run(layer: Layer, scene: PathScene) -> Trace:
    """Runs the scene in torch's current gradient mode. Raises `InputChanged` if that changes x or a state."""
    x, state = scene.given()
    with as_called(layer):
        trace = layer.run(x, state, scene.lengths)
    before, start = scene.given()
    pairs = zip(("x", "h0", "c0"), (x, *state.tensors()), (before, *start.tensors()), strict=False)
    for name, value, given in pairs:
        if not torch.equal(value.nan_to_num(), given.nan_to_num()):
            raise InputChanged(f"it writes into {name}")
    return trace


def unlike_normal(
    other: Callable[[], Mapping[str, Tensor]], user: User, scene: PathScene, setting: PathSetting
) -> Mapping[str, Tensor]:
    """What `other`, another use at other sizes, yields of a candidate, if a normal run at these sizes is unlike it."""
    return unlike(other, lambda: values(run(user.fresh(scene), scene)), user, setting)


def unlike(
    other: Callable[[], Mapping[str, Tensor]],
    normal: Callable[[], Mapping[str, Tensor]],
    user: User,
    setting: PathSetting,
) -> Mapping[str, Tensor]:
    """What `other`, another use, yields of a candidate; nothing, if a `normal` use yields the same, or fails: where
    that is wrong, it says nothing of the other use.
    """
    if user is not setting.sides[0]:
        return other()
    try:
        expected = normal()
    except (MemoryError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as problem:
        raise NotOffered(f"it fails in a normal run at these sizes too: {problem}") from problem
    found = other()
    return {} if all(alike(each, expected[name]) for name, each in found.items()) else found


def alike(one: Tensor, other: Tensor) -> bool:
    """Whether both have the same numbers; a NaN is the same as a NaN."""
    return bool(torch.equal(one.isnan(), other.isnan()) and torch.equal(one.nan_to_num(), other.nan_to_num()))
