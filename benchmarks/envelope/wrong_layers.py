"""Layers that are wrong, as `torch.nn` with something done to its weights or its state."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.envelope.configurations import Configuration
from rnncheck.model.spec import Cell
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights

Fault = Callable[[Configuration], tuple[Weights, State]]


def swapped_gates(case: Configuration) -> tuple[Weights, State]:
    """The first two gates change places; an Elman cell has one gate, and its first two units do."""
    order = torch.arange(case.spec.cell.gates * case.spec.hidden_size)
    size = 1 if case.spec.cell is Cell.RNN else case.spec.hidden_size
    if len(order) >= 2 * size:
        order[: 2 * size] = torch.cat([order[size : 2 * size], order[:size]])
    return changed(case, "_ih_l0", lambda value: value[order]), case.state


def transposed(case: Configuration) -> tuple[Weights, State]:
    """Each gate's W_hh is used transposed."""
    if case.spec.proj_size:
        return case.weights, case.state
    return changed(
        case, "weight_hh", lambda value: torch.cat([block.T for block in value.split(value.shape[1])])
    ), case.state


def one_weight(factor: float) -> Fault:
    def fault(case: Configuration) -> tuple[Weights, State]:
        def change(value: Tensor) -> Tensor:
            value = value.clone()
            value[0, 0] *= factor
            return value

        return changed(case, "weight_hh_l0", change), case.state

    return fault


def bias_off(by: float) -> Fault:
    """One bias vector is off: what is left of a missing bias that is small."""

    def fault(case: Configuration) -> tuple[Weights, State]:
        return changed(case, "bias_hh", lambda value: value + by), case.state

    return fault


def cut_weights(case: Configuration) -> tuple[Weights, State]:
    """Weights went through bfloat16 on the way."""
    return changed(case, "weight", lambda value: value.bfloat16().double()), case.state


def ignored_state(case: Configuration) -> tuple[Weights, State]:
    h, c = case.state.h, case.state.c
    return case.weights, State(torch.zeros_like(h), None if c is None else torch.zeros_like(c))


def changed(case: Configuration, part: str, change: Callable[[Tensor], Tensor]) -> Weights:
    return Weights({name: change(value) if part in name else value for name, value in case.weights.values.items()})


WRONG: dict[str, Fault] = {
    "two gates swapped on the input's side": swapped_gates,
    "W_hh transposed": transposed,
    "initial state ignored": ignored_state,
    "weights cut to bfloat16": cut_weights,
    "one bias vector off by 1e-5": bias_off(1e-5),
    "one bias vector off by 1e-6": bias_off(1e-6),
    "one weight off by 1 %": one_weight(1.01),
    "one weight off by 0.1 %": one_weight(1.001),
    "one weight off by 0.01 %": one_weight(1.0001),
}
