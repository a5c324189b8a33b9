"""The reference's gradients, once for all the layers that are held against them."""

from rnncheck.backward.differentiate import Derived, differentiate
from rnncheck.backward.quantity import compare
from rnncheck.backward.task import Allowances, Task
from rnncheck.implementations.protocol import Layer
from rnncheck.report import Comparison


class Right:
    """What the reference's gradients of a task are, and what is allowed around them."""

    def __init__(self, reference: Layer, task: Task, allowances: Allowances, mode: str) -> None:
        self._task, self._allowances, self._mode = task, allowances, mode
        self.derived = differentiate(reference, task.run, task.projection)

    def against(self, candidate: Layer) -> tuple[Derived, dict[str, Comparison]]:
        """The candidate's gradients, and each compared with the reference's, by name."""
        found = differentiate(candidate, self._task.run, self._task.projection)
        return found, {
            name: compare(self._task.run, name, found, value, self._allowances, self._mode)
            for name, value in self.derived.gradients.items()
            if value is not None
        }
