"""`fault:SLUG` and `fault:SLUG:VARIANT`: a layer with one fault of the catalogue."""

from rnncheck.errors import RefusedError
from rnncheck.faults.catalogue import by_name
from rnncheck.faults.fault import Fault
from rnncheck.faults.planted import PREFIX, PlantedLayer
from rnncheck.model.spec import Spec
from rnncheck.model.weights import Weights


class Faulty:
    """A layer that is wrong on purpose, to see how a check reports it.

    Which faults and variants there are depends on the layer; a fault that it cannot have is refused, and a variant that
    there is not raises `UsageError`.
    """

    location = "rnncheck.faults"

    def __init__(self, fault: str) -> None:
        self.name, self._fault = PREFIX + fault, fault
        self._planted: Fault | None = None

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        try:
            self._of(spec, lengths)
        except RefusedError as error:
            return str(error)
        return None

    def build(self, spec: Spec, weights: Weights) -> PlantedLayer:
        return PlantedLayer(self._of(spec, lengths=True).network(spec), weights.cast(spec), spec)

    def _of(self, spec: Spec, lengths: bool) -> Fault:
        """The fault, looked up once: what is random in it should differ from one layer that is built to the next, and
        a diagnosis may build it without the option that it takes to show.
        """
        if self._planted is None:
            self._planted = by_name(self._fault, spec, lengths)
        return self._planted
