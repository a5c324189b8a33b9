"""Torch's own names, filled as they are."""

from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.candidates.native import Native
from rnncheck.errors import CannotRun
from rnncheck.report import Mapped
from rnncheck.spec import Dtype, Spec


@dataclass(frozen=True)
class Mapping:
    """Which of the candidate's tensors holds a canonical weight."""

    names: MappingOf[str, str]  # by the candidate's own

    @property
    def mapped(self) -> tuple[Mapped, ...]:
        return tuple(Mapped(own, canonical, "name") for own, canonical in self.names.items())

    @property
    def holders(self) -> dict[str, frozenset[str]]:
        return {canonical: frozenset([own]) for own, canonical in self.names.items()}

    def fill(self, native: Native, values: MappingOf[str, Tensor]) -> None:
        tensors = native.tensors()
        for own, canonical in self.names.items():
            tensors[own].copy_(values[canonical])

    def holds(self, native: Native, values: MappingOf[str, Tensor]) -> bool:
        tensors = native.tensors()
        return all(torch.equal(tensors[own].detach(), values[canonical]) for own, canonical in self.names.items())


def infer(native: Callable[[Dtype], Native], spec: Spec) -> Mapping:
    """Raises `CannotRun` for other names."""
    tensors = native(Dtype.FLOAT64).tensors()
    names: dict[str, str] = {}
    for canonical, shape in spec.recurrent_shapes().items():
        own = [name for name in tensors if name.rpartition(".")[2] == canonical]
        if len(own) != 1 or tuple(tensors[own[0]].shape) != shape:
            raise CannotRun(f"it has no {canonical} {shape}; it holds {', '.join(tensors)}")
        names[own[0]] = canonical
    return Mapping(names)
