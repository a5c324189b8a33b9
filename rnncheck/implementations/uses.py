"""What a layer may support besides a normal run: the ways in which modules are used.

Every member of `Uses` is optional. One that a layer lacks, or that raises `NotOffered`, is not offered, and the paths
of a check that need it say so.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from rnncheck.implementations.protocol import Layer
from rnncheck.model.trace import State, Trace

Copying = Literal["deepcopy", "pickle"]


class NotOffered(Exception):
    """A layer cannot be used in this way; the message says why, in one clause."""


class Unlike(NotOffered):
    """A layer can be used in this way, but then does something else on purpose; the message says what."""


class WrongUse(Exception):
    """A layer does something in a use that is certainly wrong; the message says what.

    `fault` is the slug of that fault, if it is not the one of the use.
    """

    fault: str | None = None


class OtherShape(WrongUse):
    """A layer returns results with other axes than before, without an error."""


class InputChanged(WrongUse):
    """A layer writes into what it is given."""

    fault = "input-mutated"


class Uses(Protocol):
    """The uses of a layer, at its dtype, on its device, time first, as `Layer.run`."""

    def as_called(self) -> AbstractContextManager[None]:
        """Within it `run` calls the code in torch's current mode, with exactly the tensors that it gets."""
        ...

    def run_without_state(self, x: Tensor, lengths: Sequence[int] | None = None) -> Trace:
        """`run` without the initial state in the call."""
        ...

    def run_unbatched(self, x: Tensor, state: State | None) -> Trace:
        """One sequence without a batch axis: x (T, I), states (L*D, ·), or none; the trace lacks that axis too."""
        ...

    def training(self) -> AbstractContextManager[None]:
        """Within it the layer is in training mode."""
        ...

    def trained(self) -> Mapping[str, Tensor]:
        """The parameters that an optimizer would change, live, by the layer's own names."""
        ...

    def change(self, values: Mapping[str, Tensor]) -> None:
        """Writes torch's weights in place, as an optimizer does."""
        ...

    def saved(self) -> Mapping[str, Any]:
        """Its state_dict."""
        ...

    def load(self, saved: Mapping[str, Any], *, assign: bool = False) -> None:
        """Loads a state_dict of the same layer, into its parameters or as its parameters."""
        ...

    def copied(self, how: Copying) -> Layer:
        """A copy of the layer, by `copy.deepcopy` or through `pickle`."""
        ...

    def converted(self, dtype: torch.dtype) -> Layer:
        """The layer itself, after `.to(dtype)`."""
        ...

    def compiled(self) -> Layer:
        """The layer compiled by `torch.compile`."""
        ...

    def lasting(self, x: Tensor, state: State) -> list[str]:
        """What a run changes beyond the layer: settings of torch and of the process, by name."""
        ...

    def overwrites(self, first: tuple[Tensor, State], second: tuple[Tensor, State]) -> bool:
        """Whether a second call, of this x and state, changes arrays that the first returned and `run` copies."""
        ...

    def ready(self, x: Tensor, state: State) -> AbstractContextManager[Callable[[], Tensor]]:
        """Within it, the call alone, to be timed: each call of it runs the layer once and returns its output, in the
        layer's own axes. Nothing else is done.
        """
        ...


def as_called(layer: Layer) -> AbstractContextManager[None]:
    """The layer's own context, or nothing: most layers run in the current mode, on the tensors that they get."""
    own: AbstractContextManager[None] = getattr(layer, "as_called", nullcontext)()
    return own


def offered(layer: Layer, use: str) -> Any:
    """The layer's method of that name. Raises `NotOffered` if it has none."""
    method = getattr(layer, use, None)
    if method is None:
        raise NotOffered(REASONS[use])
    return method


REASONS = {
    "run_without_state": "it is always given an initial state",
    "run_unbatched": "it is always given a batch",
    "training": "it has no training mode",
    "trained": "it has no parameters that an optimizer could change",
    "change": "its weights cannot be changed once it is built",
    "saved": "it has no state_dict",
    "load": "it has no state_dict",
    "copied": "it cannot be copied",
    "converted": "it has one dtype only",
    "compiled": "it is not a torch.nn.Module",
}
