"""Whether a candidate is deaf to a change: gives the same bits, where any run in full precision gives others."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.envelope import Envelope, Rounding
from rnncheck.implementations import load
from rnncheck.ladder.trial import FEWEST, Trial
from rnncheck.spec import Dtype
from rnncheck.trace import State, Trace
from rnncheck.weights import Weights

FEWEST_ELEMENTS = 8  # on fewer, nothing is concluded
HEARD = 0.5  # the share of the same elements that must move in the control
PARTS = {"weight_ih": "W_ih", "weight_hh": "W_hh", "weight_hr": "W_hr", "weight_hy": "W_hy", "bias": "the biases"}

CLOSED = 40.0  # below 0 in the argument of a sigmoid: it is 4e-18

Read = Mapping[str, Tensor]
"""Those of x, h, c and the weights that a test changes, by name."""


class Listener:
    """A run of steps from which a test changes one thing: what the candidate made of it, and what is exact."""

    def __init__(self, trial: Trial, trace: Trace, envelope: Envelope) -> None:
        self._trial, self._before, self._exact = trial, states(trace), states(exactly(trial))
        allowed, ulp = states(envelope.allowed), torch.finfo(envelope.rounding.dtype).eps
        self._least = {name: allowed[name] / 4 + 4 * ulp * exact.abs() for name, exact in self._exact.items()}

    def is_deaf(self, quiet: Iterable[Read], loud: Read, least: float) -> bool:
        """Whether a share of at least `least` of the results stays as it is for one of the `quiet` changes, but not
        for the `loud` one: who hears neither does not read what was changed.

        One layer and direction is enough. Only elements count that any run in full precision must move.
        """
        louder: dict[str, Tensor] | None = None
        for values in quiet:
            quieter = changed(self._trial, values)
            same = self._same(quieter)
            if not any(each.sum() >= least * FEWEST_ELEMENTS for each in same.values()):
                continue  # as most candidates: no need to know what is exact
            must = self._must_move(quieter)
            for name, each in must.items():
                for k in range(len(each)):
                    if each[k].sum() < FEWEST_ELEMENTS or share(same[name][k], each[k]) < least:
                        continue
                    louder = louder or self._same(changed(self._trial, loud))
                    if share(louder[name][k], each[k]) <= 1 - HEARD:
                        return True
        return False

    def _must_move(self, other: Trial) -> dict[str, Tensor]:
        exact = states(exactly(other))
        return {name: (exact[name] - was).abs() > self._least[name] for name, was in self._exact.items()}

    def _same(self, other: Trial) -> dict[str, Tensor]:
        return {name: value == self._before[name] for name, value in states(other.run()).items()}


def parts(trial: Trial) -> Iterator[tuple[str, Read]]:
    """What a layer reads, each that could be rounded by itself."""
    yield "x", {"x": trial.x}
    yield "h", {"h": trial.state.h}
    if trial.state.c is not None:
        yield "c", {"c": trial.state.c}
    layers = [f"_l{layer}" for layer in range(trial.spec.num_layers)]
    for prefix, name in PARTS.items():
        for layer in [*layers, "_hy", "_y"]:  # by itself: what one layer makes of a change, the next ones read
            values = {key: value for key, value in trial.weights.values.items() if is_of(key, prefix, layer)}
            if values:
                yield name + (f" of layer {layer[2:]}" if layer in layers[1:] else ""), values


def is_of(key: str, prefix: str, layer: str) -> bool:
    return key.startswith(prefix) and key.removesuffix("_reverse").endswith(layer)


def changed(trial: Trial, values: Read) -> Trial:
    """The same trial, reading `values` instead."""
    weights = Weights({name: values.get(name, value) for name, value in trial.weights.values.items()})
    state = State(values.get("h", trial.state.h), values.get("c", trial.state.c))
    return replace(trial, weights=weights, x=values.get("x", trial.x), state=state)


def exactly(trial: Trial) -> Trace:
    """The trial in float64: exact, next to what a test changes."""
    return replace(trial, implementation=load("torch"), spec=replace(trial.spec, dtype=Dtype.FLOAT64)).run()


def with_update_gate_closed(trial: Trial, rounding: Rounding) -> Listener:
    """A GRU with z = 0, so that h' = n: h is read by a product with W_hn alone, and a cast before that shows."""
    closed, size = {}, trial.spec.hidden_size
    for name, value in trial.weights.values.items():
        if name.startswith("bias_ih"):
            closed[name] = torch.cat([value[:size], value[size : 2 * size] - CLOSED, value[2 * size :]])
    other = changed(trial, closed)
    return Listener(other, other.run(), other.envelope(rounding, FEWEST))


def states(trace: Trace) -> dict[str, Tensor]:
    """h and c (L*D, B, ·), and y (1, B, H), of steps that were run as sequences of length 1."""
    kinds = {"h": trace.final.h, "c": trace.final.c, "y": trace.y}
    return {name: value.detach().cpu().double() for name, value in kinds.items() if value is not None}


def share(values: Tensor, among: Tensor) -> float:
    return float(values[among].double().mean())
