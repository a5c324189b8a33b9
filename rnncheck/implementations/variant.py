"""`variant:SLUG`: a layer with other equations that uses the weights of one of torch.nn's cells."""

from dataclasses import replace

from rnncheck.faults import variants
from rnncheck.faults.planted import PlantedLayer
from rnncheck.model.spec import Spec
from rnncheck.model.variant import Semantics
from rnncheck.model.weights import Weights
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

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        if spec.cell is not self._variant.cell:
            return f"it uses the weights of the {self._variant.cell} cell: add --cell {self._variant.cell}"
        if spec.proj_size:
            return "it has no projection"
        return None

    def build(self, spec: Spec, weights: Weights) -> PlantedLayer:
        return PlantedLayer(Network(replace(spec, variant=self._variant)), weights.cast(spec), spec)
