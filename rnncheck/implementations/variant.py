"""`variant:SLUG`: a layer with other equations that uses the weights of one of torch.nn's cells."""

from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.faults import variants
from rnncheck.faults.planted import PlantedLayer
from rnncheck.faults.variants.variant import Variant
from rnncheck.implementations.protocol import Reading
from rnncheck.model.spec import Spec
from rnncheck.model.variant import Semantics
from rnncheck.model.weights import Weights, draw
from rnncheck.scratch.network import Network


class VariantLayer:
    """As a reference it defines what is right: both sides are compared with its equations, run exactly."""

    location = "rnncheck.faults.variants"

    def __init__(self, slug: str) -> None:
        self._variant = variants.variant(slug)
        self.name = variants.PREFIX + slug

    @property
    def semantics(self) -> Semantics:
        return self._variant

    def variant(self, spec: Spec, *, unexplained: bool = False) -> Variant | None:
        """Itself, beside a reference that is another layer."""
        return None if spec.variant is self._variant else self._variant

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        if spec.cell is not self._variant.cell:
            return f"it uses the weights of the {self._variant.cell} cell: add --cell {self._variant.cell}"
        if spec.proj_size:
            return "it has no projection"
        if self._variant.nonlinearity not in (None, spec.nonlinearity):
            return f"it computes with {self._variant.nonlinearity}: add --nonlinearity {self._variant.nonlinearity}"
        return None

    def read(self, spec: Spec) -> Reading:
        own = self._variant.own and spec.variant is not self._variant
        drawn = f"{', '.join(self._variant.own)}, which {spec.cell.upper()} of torch.nn does not have, are drawn"
        return Reading(
            self._variant.title,
            notes=(f"{self.name}: {drawn}",) if own else (),
        )

    def build(self, spec: Spec, weights: Weights) -> "VariantWithOwn":
        return VariantWithOwn(replace(spec, variant=self._variant), weights, spec)


class VariantWithOwn(PlantedLayer):
    """A variant with the given weights, and of its own those that `weights` do not have: then they are drawn."""

    def __init__(self, whole: Spec, weights: Weights, spec: Spec) -> None:
        super().__init__(Network(whole), weights.cast(spec), spec)
        absent = whole.recurrent_shapes().keys() - spec.recurrent_shapes().keys()
        drawn = draw(whole, 0).cast(spec) if absent else {}
        with torch.inference_mode(False):
            self._drawn = {name: drawn[name].clone() for name in absent}

    def _around(self, spec: Spec, network: Network) -> "VariantWithOwn":
        return VariantWithOwn(network.spec, Weights(self.parameters()), spec)

    def _weights(self) -> dict[str, Tensor]:
        return super()._weights() | self._drawn
