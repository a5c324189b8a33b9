"""Tensors of a candidate that are not weights of the layer: constants, initial states, and what torch lacks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.mapping import names
from rnncheck.mapping.expression import Expression, Eye, Ones, Unused, Zeros
from rnncheck.mapping.native import Native

_FEW = 2  # values: a mask has two
_STATISTIC = re.compile(r"(?:.*\.)?running_(?:mean|var)\w*")  # of a batch norm


@dataclass(frozen=True)
class OtherTensors:
    """What its class put into each tensor, which of these an optimizer would train, and which are no weights whatever
    is measured: constants that are not trained, and states to start from. `heads` are taken for a head on top, which
    then hands the states through."""

    made: Mapping[str, Tensor]
    trained: frozenset[str]
    fixed: frozenset[str]
    heads: frozenset[str] = frozenset()

    def without_place(self, name: str) -> Expression:
        """The content of a tensor that the candidate uses and torch does not have.

        What is not trained, or was given a number other than zero, stays what it is: it is part of the model. An
        initial state is zero, as torch's, and a bias too many adds nothing at zero. Other vectors, as peepholes, are
        one, so that they show, which is also what the faults of those names have; matrices stay what they are.
        """
        made = self.made[name]
        if name in self.heads:
            return Eye() if made.dim() == 2 and made.shape[0] == made.shape[1] else Zeros()
        if name not in self.trained:
            return Unused()
        if names.is_start(name):
            return Zeros()
        if _constant(made) and bool(made.any()):
            return Unused()
        if names.is_bias(name):
            return Zeros()
        matrix = sum(axis > 1 for axis in made.shape) > 1 and (made.shape[0] > 4 or made.shape[0] == made.shape[-1])
        return Unused() if matrix else Ones()

    def resting(self, name: str) -> Tensor:
        """Its value while other tensors are measured: the value from its class, or a value without effect."""
        made, held = self.made[name], self.without_place(name)
        if isinstance(held, Eye):
            return torch.eye(len(made), dtype=made.dtype, device=made.device)
        return made if isinstance(held, Unused) else torch.zeros_like(made)


def other_tensors(native: Native) -> OtherTensors:
    """The tensors without a weight, of a candidate as its class made it."""
    made = {name: value.detach().clone() for name, value in native.tensors().items()}
    size, trained = native.spec.hidden_size, native.registered() - _held_back(native, made)
    starts = {name for name, value in made.items() if names.is_start(name) and not _matrix(value, size)}
    constants = {
        name
        for name, value in made.items()
        if trained and name not in trained and names.side(name) is None and bool(value.any()) and _constant(value)
    }
    return OtherTensors(made, trained, frozenset(starts | constants | set(filter(is_statistic, made))))


def is_statistic(name: str) -> bool:
    """Whether it is what a batch norm has seen, which is not trained, nor zero."""
    return _STATISTIC.fullmatch(name) is not None


def _held_back(native: Native, made: Mapping[str, Tensor]) -> set[str]:
    """Buffers that hold a constant or an initial state, in a module with parameters. Other buffers may hold weights."""
    buffers = native.buffers()
    if not native.registered() - buffers:
        return set()
    return {
        name
        for name, value in made.items()
        if name in buffers
        and (is_statistic(name) or (_constant(value) and (bool(value.any()) or names.is_start(name))))
    }


def _constant(value: Tensor) -> bool:
    """Whether it holds at most two different numbers, so that they were not drawn at random."""
    return len(set(value.flatten().tolist())) <= _FEW


def _matrix(value: Tensor, size: int) -> bool:
    return sum(axis >= size for axis in value.shape) > 1
