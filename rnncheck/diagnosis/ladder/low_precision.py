"""Direct evidence that a layer computes at a lower precision than its dtype.

How large an error is proves nothing: a bias off by 1e-3 is as large. A cast shows otherwise. It maps many numbers
to one, so a layer that casts x cannot tell x from what the cast leaves of x: cast(cast(x)) = cast(x). A layer that
rounds what a product yields cannot tell x from one that is off by much less than it rounds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rnncheck.diagnosis.ladder.distance import FEWEST, MeasuredRun, gap
from rnncheck.diagnosis.ladder.precisions import Precision
from rnncheck.envelope import Envelope, Rounding
from rnncheck.implementations import VARIANT, load
from rnncheck.model.spec import Cell, Dtype
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights
from rnncheck.text import in_words

FEWEST_ELEMENTS = 8  # on fewer, nothing is concluded
HEARD = 0.5  # the share of the same elements that must move in the control
PARTS = {"weight_ih": "W_ih", "weight_hh": "W_hh", "weight_hr": "W_hr", "weight_hy": "W_hy", "bias": "the biases"}

CLOSED = 40.0  # below 0 in the argument of a sigmoid: it is 4e-18

ReadTensors = Mapping[str, Tensor]
"""Those of x, h, c and the weights that a test changes, by name."""


class Sensitivity:
    """A run of steps from which a test changes one thing: what the candidate made of it, and what is exact."""

    def __init__(self, measured: MeasuredRun, trace: Trace, envelope: Envelope) -> None:
        self._measured, self._before, self._exact = measured, states(trace), states(exactly(measured))
        allowed, ulp = states(envelope.allowed), torch.finfo(envelope.rounding.dtype).eps
        self._least = {name: allowed[name] / 4 + 4 * ulp * exact.abs() for name, exact in self._exact.items()}

    def is_insensitive(self, small: Iterable[ReadTensors], large: ReadTensors, least: float) -> bool:
        """Whether a share of at least `least` of the results stays as it is for one of the `small` changes, but not
        for the `large` one: who sees neither does not read what was changed.

        One layer and direction is enough. Only elements count that any run in full precision must move.
        """
        larger: dict[str, Tensor] | None = None
        for values in small:
            quieter = changed(self._measured, values)
            same = self._same(quieter)
            if not any(each.sum() >= least * FEWEST_ELEMENTS for each in same.values()):
                continue  # as most candidates: no need to know what is exact
            must = self._must_move(quieter)
            for name, each in must.items():
                for k in range(len(each)):
                    if each[k].sum() < FEWEST_ELEMENTS or share(same[name][k], each[k]) < least:
                        continue
                    larger = larger or self._same(changed(self._measured, large))
                    if share(larger[name][k], each[k]) <= 1 - HEARD:
                        return True
        return False

    def _must_move(self, other: MeasuredRun) -> dict[str, Tensor]:
        exact = states(exactly(other))
        return {name: (exact[name] - was).abs() > self._least[name] for name, was in self._exact.items()}

    def _same(self, other: MeasuredRun) -> dict[str, Tensor]:
        return {name: value == self._before[name] for name, value in states(other.run()).items()}


def parts(measured: MeasuredRun) -> Iterator[tuple[str, ReadTensors]]:
    """What a layer reads, each that could be rounded by itself."""
    yield "x", {"x": measured.x}
    yield "h", {"h": measured.state.h}
    if measured.state.c is not None:
        yield "c", {"c": measured.state.c}
    layers = [f"_l{layer}" for layer in range(measured.spec.num_layers)]
    for prefix, name in PARTS.items():
        for layer in [*layers, "_hy", "_y"]:  # by itself: what one layer makes of a change, the next ones read
            values = {key: value for key, value in measured.weights.values.items() if is_of(key, prefix, layer)}
            if values:
                yield name + (f" of layer {layer[2:]}" if layer in layers[1:] else ""), values


def is_of(key: str, prefix: str, layer: str) -> bool:
    return key.startswith(prefix) and key.removesuffix("_reverse").endswith(layer)


def changed(measured: MeasuredRun, values: ReadTensors) -> MeasuredRun:
    """The same measured, reading `values` instead."""
    weights = Weights({name: values.get(name, value) for name, value in measured.weights.values.items()})
    state = State(values.get("h", measured.state.h), values.get("c", measured.state.c))
    return replace(measured, weights=weights, x=values.get("x", measured.x), state=state)


def exactly(measured: MeasuredRun) -> Trace:
    """The measured in float64: exact, next to what a test changes."""
    variant = measured.spec.variant
    exact = load("torch" if variant is None else f"{VARIANT}{variant.slug}")
    return replace(measured, implementation=exact, spec=replace(measured.spec, dtype=Dtype.FLOAT64)).run()


def with_update_gate_closed(measured: MeasuredRun, rounding: Rounding) -> Sensitivity:
    """A GRU with z = 0, so that h' = n: h is read by a product with W_hn alone, and a cast before that shows."""
    closed, size = {}, measured.spec.hidden_size
    for name, value in measured.weights.values.items():
        if name.startswith("bias_ih"):
            closed[name] = torch.cat([value[:size], value[size : 2 * size] - CLOSED, value[2 * size :]])
    other = changed(measured, closed)
    return Sensitivity(other, other.run(), other.envelope(rounding, FEWEST))


def states(trace: Trace) -> dict[str, Tensor]:
    """h and c (L*D, B, ·), and y (1, B, H), of steps that were run as sequences of length 1."""
    kinds = {"h": trace.final.h, "c": trace.final.c, "y": trace.y}
    return {name: value.detach().cpu().double() for name, value in kinds.items() if value is not None}


def share(values: Tensor, among: Tensor) -> float:
    return float(values[among].double().mean())


TO_CASTS = 0.98  # the share of results that a cast before a cast leaves as they are; ties may go another way
TO_WHISPERS = 0.6  # and that a change of `WHISPER` leaves, which now and then tips a rounding over
WHISPER = 1 / 16  # units of the coarse precision: mostly rounded away
LOUD = 2.0  # units: what no cast and no rounding hides, as it is the distance of two numbers
SMALLER = 2.0**-12  # exact in every precision


@dataclass(frozen=True)
class KeptInPrecision:
    """What is kept in `precision`: the results (`stored`), or only what they are made of. `how` ends a sentence."""

    precision: Precision
    stored: bool
    how: str


def evidence(
    lockstep: MeasuredRun, trace: Trace, envelope: Envelope, precisions: Sequence[Precision]
) -> KeptInPrecision | None:
    """What shows that the candidate, which made `trace` of `lockstep`, computes in one of `precisions`, or None.

    They come coarsest first. Casts are looked for before anything else, as they say in which precision.
    """
    hearing = Sensitivities(lockstep, trace, envelope)
    for precision in precisions:
        if stored := results_stored(trace, envelope, precision):
            return KeptInPrecision(precision, True, f"every {stored} is a number of {precision.name}")
        if insensitive := hearing.insensitive_to(casts_of(precision), precision.unit, TO_CASTS):
            same = f"rounding {in_words(insensitive)} to that precision beforehand does not change its results"
            return KeptInPrecision(precision, False, same)
    for precision in precisions:
        insensitive = hearing.insensitive_to(small_changes_of(precision), precision.unit, TO_WHISPERS)
        if insensitive and is_floating(lockstep, envelope.rounding, precision):
            by = f"a change of {in_words(insensitive)} by {WHISPER * precision.unit:.0e} of itself"
            return KeptInPrecision(precision, False, f"{by} leaves most results as they are, bit for bit")
    return None


def results_stored(trace: Trace, envelope: Envelope, precision: Precision) -> str | None:
    """Which of h, c and y hold nothing but numbers of `precision`, where exact results would not be such numbers."""
    dtype = envelope.rounding.dtype
    found = []
    for name, value in states(trace).items():
        exact = states(envelope.exact)[name].to(dtype).double()
        # 0, 1 and -1 are where clipped activations end, in any precision.
        telling = ~precision.holds(exact) & ~torch.isin(value.abs(), value.new_tensor([0.0, 1.0]))
        values = value[telling]
        if len(set(values.tolist())) >= FEWEST_ELEMENTS and bool(precision.holds(values).all()):
            found.append(name)
    return " and ".join(found) or None


Small = Callable[[ReadTensors], list[ReadTensors]]
"""The changes of a part that a candidate may be insensitive to."""


class Sensitivities:
    """Which parts of what it reads a candidate is insensitive to changes of."""

    def __init__(self, lockstep: MeasuredRun, trace: Trace, envelope: Envelope) -> None:
        self._measured = lockstep
        self._listeners = [Sensitivity(lockstep, trace, envelope)]
        self._rounding = envelope.rounding

    def insensitive_to(self, small: Small, unit: float, least: float) -> list[str]:
        return [
            name
            for name, read in parts(self._measured)
            if self._is_insensitive(name, small(read), larger(read, unit), least)
        ]

    def _is_insensitive(self, name: str, small: list[ReadTensors], large: ReadTensors, least: float) -> bool:
        if self._listeners[0].is_insensitive(small, large, least):
            return True
        if name != "h" or self._measured.spec.cell is not Cell.GRU or not self._measured.spec.bias:
            return False
        # z * h passes every change of h on, also one that the products round away.
        if len(self._listeners) == 1:
            self._listeners.append(with_update_gate_closed(self._measured, self._rounding))
        return self._listeners[1].is_insensitive(small, large, least)


def mapped(read: ReadTensors, change: Callable[[Tensor], Tensor]) -> ReadTensors:
    return {name: change(value) for name, value in read.items()}


def larger(read: ReadTensors, unit: float) -> ReadTensors:
    return mapped(read, lambda value: value * (1 + LOUD * unit))


def casts_of(precision: Precision) -> Small:
    return lambda read: [mapped(read, cast) for cast in precision.casts]


def small_changes_of(precision: Precision) -> Small:
    """Each number a little larger or smaller, at random."""

    def changes(read: ReadTensors) -> list[ReadTensors]:
        draws = torch.Generator().manual_seed(0)

        def change(value: Tensor) -> Tensor:
            signs = torch.randint(0, 2, value.shape, generator=draws).double() * 2 - 1
            return value * (1 + WHISPER * precision.unit * signs)

        return [mapped(read, change)]

    return changes


def is_floating(lockstep: MeasuredRun, rounding: Rounding, precision: Precision) -> bool:
    """Whether the error shrinks as the numbers do, as that of floating-point numbers, but not of a table, does."""
    weights = {name: value * SMALLER for name, value in lockstep.weights.values.items()}
    state = lockstep.state
    smaller = changed(
        lockstep, {**weights, "h": state.h * SMALLER} | ({} if state.c is None else {"c": state.c * SMALLER})
    )
    return gap(smaller.run(), smaller.envelope(precision.rounding(rounding)), precision.floor).contained
