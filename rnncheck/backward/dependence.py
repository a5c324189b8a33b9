"""Whether what a layer yields depends on what it was given, by its values: no gradient can flow where nothing does."""

from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.backward.differentiate import Run, quantities
from rnncheck.implementations.protocol import Layer
from rnncheck.trace import State

SIZE = 3.0  # of a disturbance: as large as any number that is usually given
SEED = 11


def final_states_move(layer: Layer, run: Run, other: Run, k: int) -> bool:
    """Whether the last states of layer and direction k differ between two runs of one layer."""
    one, another = (results(layer, each) for each in (run, other))
    return any(not torch.equal(one[name][k], another[name][k]) for name in one if name != "output")


def moving(layer: Layer, run: Run) -> set[str]:
    """The names of the results that depend on anything at all that is given."""
    other = replace(with_other_states(run, slice(None)), x=disturbed(run.x))
    one, another = (results(layer, each) for each in (run, other))
    return {name for name, value in one.items() if not torch.equal(value, another[name])}


def with_other_x(run: Run, steps: slice, row: int) -> Run:
    """The run with other numbers in x at these timesteps of one row."""
    x = run.x.clone()
    x[steps, row] = disturbed(run.x)[steps, row]
    return replace(run, x=x)


def with_other_states(run: Run, which: int | slice) -> Run:
    """The run from other initial states of these layers and directions."""

    def other(state: Tensor) -> Tensor:
        changed = state.clone()
        changed[which] = disturbed(state)[which]
        return changed

    h, c = run.state.h, run.state.c
    return replace(run, state=State(other(h), None if c is None else other(c)))


def disturbed(value: Tensor) -> Tensor:
    drawn = torch.randn(value.shape, generator=torch.Generator().manual_seed(SEED), dtype=value.dtype)
    return value + SIZE * drawn


def results(layer: Layer, run: Run) -> dict[str, Tensor]:
    with torch.inference_mode(False), torch.no_grad():
        x, h, *c = (value.detach() for value in run.copies().values())
        return quantities(layer.run(x, State(h, *c), run.lengths))
