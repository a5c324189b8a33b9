"""The weights of a check: drawn, given by torch's names or by those of a candidate, or the own weights of each side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnncheck.errors import RefusedError, UsageError, WeightsError
from rnncheck.implementations import keras_file
from rnncheck.implementations.protocol import BringsWeights, HasWeights, Implementation, Layer
from rnncheck.model import weights_file
from rnncheck.model.spec import Spec
from rnncheck.model.tensor_file import read_layer
from rnncheck.model.trace_metadata import is_trace
from rnncheck.model.weights import Weights, draw
from rnncheck.text import printable

if TYPE_CHECKING:
    from rnncheck.checking.plan import Plan

BothSides = tuple[Implementation, Implementation]


def weights_of(plan: "Plan", sides: BothSides) -> tuple[Weights, list[str]]:
    """The weights for both sides, scaled, and saved if the plan says so; and notes about them.

    Raises `WeightsError` for a file that has neither torch's names nor those of either side.
    """
    notes: list[str] = []
    if plan.weights is not None or plan.weights_path is not None:
        tensors, source, said = tensors_of(plan.weights, plan.weights_path)
        weights, notes = translated(tensors, source, plan.spec, sides, allow_nonfinite=plan.allow_nonfinite)
        notes = said + notes
    else:
        weights = draw(plan.spec, plan.seed)
    weights = weights.scaled(plan.weight_scale)
    if plan.save_weights_path:
        weights_file.save(plan.save_weights_path, weights)
    return weights, notes


def tensors_of(given: Mapping[str, Tensor] | None, path: object) -> tuple[Mapping[str, Tensor], str, list[str]]:
    """Tensors by name, given or from a file, the name of their source for errors, and notes on them."""
    if given is not None:
        return given, "weights", []
    notes, name = list[str](), printable(str(path), 200)
    if is_trace(str(path)):
        raise WeightsError(f"{name} is a recorded run, not a file of weights; --against {name} compares with it")
    if keras_file.names_a_keras_file(str(path)):
        tensors, notes = keras_file.read(str(path))
    else:
        tensors = read_layer(str(path))
    return tensors, name, notes


def translated(
    tensors: Mapping[str, Tensor], source: str, spec: Spec, sides: Sequence[Implementation], *, allow_nonfinite: bool
) -> tuple[Weights, list[str]]:
    """Torch's weights from tensors by torch's names, or by the names of one of the sides."""
    try:
        fitting = weights_file.fitting(source, tensors, spec)
    except WeightsError as problem:
        fixed = next((side.name for side in sides if isinstance(side, BringsWeights)), None)
        if fixed is not None:
            told = str(problem).partition("; use --")[0]
            raise WeightsError(
                f"{told}\nThe options are those of {fixed}, which cannot change; give weights of the same layer"
            ) from None
        owners = [side for side in sides if isinstance(side, HasWeights)]
        if not owners:
            raise
        for side in owners:
            try:
                weights, notes = side.canonical(spec, weights_file.masters(source, tensors), source)
            except WeightsError as own:
                problem = WeightsError(f"{problem}\nRead with the names of {side.name}: {own}")
            else:
                return weights_file.finite(source, weights, allow_nonfinite=allow_nonfinite), notes
        raise problem from None
    return weights_file.finite(source, fitting, allow_nonfinite=allow_nonfinite), []


def as_they_are(plan: "Plan", sides: BothSides) -> tuple[BothSides, Weights, list[str]]:
    """Both sides with their own weights, those of the reference in torch's layout, and notes.

    Raises `UsageError` for a side without weights, and for options that do not apply.
    """
    spec, (candidate, reference) = plan.spec, sides
    changing = {
        "--weight-scale": plan.weight_scale != 1,
        "--save-weights": plan.save_weights_path is not None,
        "--mapping": plan.mapping_path is not None,
        "--save-mapping": plan.save_mapping_path is not None,
        "--head": spec.head is not None,
    }
    if asked := [option for option, given in changing.items() if given]:
        raise UsageError(f"--sync none keeps the weights of each side, so {asked[0]} does not apply; leave one out")
    notes = ["each side was compared with its own weights"]
    if plan.against_weights is not None or plan.against_weights_path is not None:
        tensors, source, said = tensors_of(plan.against_weights, plan.against_weights_path)
        notes += said
        weights, more = translated(tensors, source, spec, [reference], allow_nonfinite=plan.allow_nonfinite)
    elif isinstance(reference, HasWeights):
        weights, more = reference.canonical(spec, None, f"what {reference.name} holds")
    else:
        raise UsageError(f"--sync none needs weights for {reference.name}: add --against-weights FILE")
    own = None
    if plan.weights is not None or plan.weights_path is not None:
        tensors, source, said = tensors_of(plan.weights, plan.weights_path)
        own, notes = (tensors, source), notes + said
    if isinstance(candidate, HasWeights):
        source = own[1] if own else f"what {candidate.name} holds"
        more += candidate.keep(spec, weights_file.masters(source, own[0]) if own else None, source, weights)
    elif own is None:
        raise UsageError(f"--sync none needs weights for {candidate.name}: add --weights FILE")
    else:
        held, _ = translated(*own, spec, [], allow_nonfinite=plan.allow_nonfinite)
        candidate = Holding(candidate, held, weights)
    return (candidate, reference), weights, notes + more


@dataclass(frozen=True)
class Holding:
    """A side that keeps its weights `own`; the reference has the weights `beside`."""

    side: Implementation
    own: Weights
    beside: Weights

    @property
    def name(self) -> str:
        return self.side.name

    @property
    def location(self) -> str:
        return self.side.location

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        return self.side.refuses(spec, lengths=lengths)

    def build(self, spec: Spec, weights: Weights) -> Layer:
        """The layer with its own weights. Raises `RefusedError` if `weights` are not those of the reference."""
        expected = self.beside.cast(spec)
        if any(not torch.equal(value, expected[name]) for name, value in weights.cast(spec).items()):
            raise RefusedError(f"{self.name} keeps its own weights and takes no others")
        return self.side.build(spec, self.own)
