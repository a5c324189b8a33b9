"""Other ways to hand x and the states to a layer: each takes a layer and returns one that is run so."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.evidence.paths.gradients import UsedAs
from rnncheck.implementations.protocol import Layer
from rnncheck.model.trace import State, Trace

Lengths = Sequence[int] | None


def by_weights(layer: Layer) -> Layer:
    """With x and the states as data, by which nothing is differentiated."""
    return UsedAs(layer, lambda x, state, lengths: layer.run(x.detach(), state.map(torch.detach), lengths))


def in_two_calls(layer: Layer) -> Layer:
    """The second call begins with the states that the first returned, as where a sequence is cut."""

    def run(x: Tensor, state: State, _: Lengths) -> Trace:
        half = len(x) // 2
        first = layer.run(x[:half], state)
        second = layer.run(x[half:], first.final)
        return replace(second, output=torch.cat([first.output, second.output]))

    return UsedAs(layer, run)


def from_one_tensor(layer: Layer) -> Layer:
    """One tensor is h0 and c0, as in `layer(x, (zeros, zeros))`."""
    return UsedAs(layer, lambda x, state, lengths: layer.run(x, State(state.h, state.h), lengths))


def from_one_row(layer: Layer) -> Layer:
    """The states of the first row are expanded over the batch, as learned initial states are."""

    def run(x: Tensor, state: State, lengths: Lengths) -> Trace:
        return layer.run(x, state.map(lambda each: each[:, :1].expand(-1, x.shape[1], -1)), lengths)

    return UsedAs(layer, run)
