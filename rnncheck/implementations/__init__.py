"""The implementations that can be named on the command line, each imported on first use."""

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING

from rnncheck.errors import UsageError

if TYPE_CHECKING:
    from rnncheck.implementations.protocol import Implementation

BUILT_IN = {
    "scratch": "rnncheck.implementations.scratch_layer:Scratch",
    "torch": "rnncheck.implementations.torch_nn:TorchNN",
    "numpy": "rnncheck.implementations.numpy_loop:NumpyLoop",
}


def check_name(name: str) -> None:
    """Raises `UsageError` for a name that is no implementation, without importing any."""
    if name not in BUILT_IN:
        near = get_close_matches(name, BUILT_IN, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"no implementation is called {name!r}; there are {', '.join(BUILT_IN)}{hint}")


def load(name: str) -> "Implementation":
    """The implementation of that name. Raises `UsageError` when there is none."""
    check_name(name)
    module, _, attribute = BUILT_IN[name].partition(":")
    implementation: Implementation = getattr(import_module(module), attribute)()
    return implementation
