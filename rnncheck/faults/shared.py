"""Helpers for several families of faults: changed parameters, and reasons why a fault cannot show."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from rnncheck.faults.fault import Fault, WhyHidden
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene, weights_of
from rnncheck.model.spec import Cell
from rnncheck.model.trace import State
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, DirectionRun, Network

Change = Callable[[LayerWeights], LayerWeights]
Why = Callable[[Scene], str | None]
ValuesChange = Callable[[Tensor], Tensor]
FIRST_C = "c, before h reads it,"
STATES = {Cell.RNN: ("h",), Cell.LSTM: ("h", "c", FIRST_C), Cell.GRU: ("h",)}


def shown_by(path: str, slug: str, variant: str, mixin: type[Network]) -> Fault:
    """A fault that shows on this path alone."""
    return Fault(slug, variant, mixin, "paths", path=path)


def altering(change: Change) -> type[Network]:
    """Applies `change` to the parameters of every layer."""

    class Altered(CutNetwork):
        def layer_weights(self, weights: Mapping[str, Tensor], layer: int, direction: int) -> LayerWeights:
            return change(super().layer_weights(weights, layer, direction))

    return Altered


def altered(slug: str, variant: str, change: Change, why: str | Why) -> Fault:
    """A fault that applies `change` to the parameters. `why` is the reason given where that changes nothing."""
    mixin = altering(change)
    return Fault(slug, variant, mixin, hidden=partial(unchanged, mixin, why))


def unchanged(mixin: type[Network], why: str | Why, scene: Scene) -> str | None:
    """The reason `why`, if this network's parameters equal the correct ones."""
    for wrong, right in zip(weights_of(mixin(scene.spec), scene), scene.layers(), strict=True):
        if not all(equal(one, other) for one, other in zip(wrong, right, strict=True)):
            return None
    if isinstance(why, str):
        return why
    return why(scene) or "the parameters that it changes hold the same numbers after the change"


def equal(a: Tensor | None, b: Tensor | None) -> bool:
    return a is b or (a is not None and b is not None and torch.equal(a, b))


def blocks(value: Tensor, gates: int) -> tuple[Tensor, ...]:
    """One block per gate: (..., G*H) -> G of (..., H)."""
    return value.chunk(gates, -1)


def one_step(scene: Scene) -> str | None:
    return "T is 1: there is no second step" if scene.seq_len == 1 else None


def more_steps(number: int) -> WhyHidden:
    """For faults that show only after so many steps."""
    return lambda scene: None if scene.seq_len > number else f"T is {scene.seq_len}: there is no t = {number}"


def one_row(scene: Scene) -> str | None:
    return "B is 1: there is no other row" if scene.batch_size == 1 else None


def one_step_or_row(scene: Scene) -> str | None:
    return one_step(scene) or one_row(scene)


def whole_rows(scene: Scene) -> str | None:
    """The reason why a fault cannot show, for faults that need rows of different lengths."""
    if scene.lengths is None or min(scene.lengths, default=scene.seq_len) == scene.seq_len:
        return "every row is T long: there is no padding"
    return None


def zero_state(scene: Scene) -> str | None:
    if scene.state.h.any() or (scene.state.c is not None and scene.state.c.any()):
        return None
    return "h0 is zero" if scene.state.c is None else "h0 and c0 are zero"


def equal_starts(mixin: type[Network], why: str) -> WhyHidden:
    """For faults that override the initial states: the reason `why`, if these equal the correct initial states."""

    def hidden(scene: Scene) -> str | None:
        pairs = zip(starts(mixin(scene.spec), scene.state), starts(Network(scene.spec), scene.state), strict=True)
        alike = all(equal(a, b) for wrong, right in pairs for a, b in zip(wrong, right, strict=True))
        return (zero_state(scene) or why) if alike else None

    return hidden


def starts(network: Network, state: State) -> Iterator[Carry]:
    for layer in range(network.spec.num_layers):
        for direction in range(network.spec.directions):
            yield network.start(state, layer, direction)


def layer_norm(value: Tensor) -> Tensor:
    """(value - mean) / sqrt(variance + 1e-5) over the last axis, as `torch.nn.LayerNorm` begins."""
    return functional.layer_norm(value, value.shape[-1:])


def standardised(value: Tensor) -> Tensor:
    """(value - mean) / sqrt(variance + 1e-5), with the sum of squares divided by n - 1, as `torch.std` does."""
    variance, mean = torch.var_mean(value, -1, keepdim=True)
    return (value - mean) / (variance + 1e-5).sqrt()


def before_h(change: ValuesChange) -> type[Network]:
    class BeforeH(CutNetwork):
        def new_cell(self, i: Tensor, f: Tensor, g: Tensor, c: Tensor) -> Tensor:
            return change(super().new_cell(i, f, g, c))

    return BeforeH


def reading(change: ValuesChange) -> type[Network]:
    """The first layer reads another function of x (T, B, I)."""

    class Reading(CutNetwork):
        def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
            read = super().layer_input(layer, x, below, dropout)
            return read if layer else change(read)

    return Reading


def returning(change: ValuesChange) -> type[Network]:
    """The output (T, B, D*R) passes through one more function. The states are right."""

    class Returning(CutNetwork):
        def merge(self, sides: Sequence[DirectionRun]) -> Tensor:
            output = super().merge(sides)
            return change(output) if self.here[0] == self.spec.num_layers - 1 else output

    return Returning


def stepping(part: str, change: ValuesChange) -> type[Network]:
    """After every step h, or c, passes through one more function; `FIRST_C` before h is computed from it."""
    if part == FIRST_C:
        return before_h(change)

    class Stepping(CutNetwork):
        def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
            stepped = super().step(w, p, carry)
            return tuple(change(each) if name == part else each for name, each in zip("hc", stepped, strict=False))

    return Stepping
