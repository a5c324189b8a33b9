"""What is known about one stranger's implementation: how it is built and called, what each of its tensors should hold,
and whether it is right. `test_labels.py` proves every word of it without rnncheck.
"""

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor

Call = Callable[[Any, Tensor, Tensor, Tensor], dict[str, Tensor]]
STRANGERS = Path(__file__).parent / "strangers"


def positional(made: Any, style: "Style") -> Any:
    """Built as most are: the input's size, then the state's."""
    return made(style.input_size, style.hidden_size)


@dataclass(frozen=True)
class Style:
    """One class or function of a file in `strangers/`, or in another folder.

    `mapping` says, for each of its own tensors by attribute path, what canonical weights it should hold, as an
    expression (`expression.py`), "free" for what `torch.nn` has no counterpart of, such as a head, and "unused" for
    what nothing reads.
    Where `right` is False, `slug` is the finding to expect; `fault` says what `torch.nn` would have to hold to compute
    the same (an expression for each weight that differs), or is the function that does. `backward` marks what is wrong
    in its gradients alone; `trains` is False where all it computes is right, and it has no parameters to be trained.
    `call` runs it on x (T, B, I), h0 and c0 (L*D, B, H) and names what comes out. `options` are what the command line
    has to be told because nothing in the file says it; `without` is a bias, and its gate, for
    which it has no place: it is compared where that is zero.
    """

    file: str
    name: str
    cell: str
    right: bool
    variant: str
    mapping: Mapping[str, str]
    call: Call
    slug: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    input_size: int = 3
    hidden_size: int = 4
    num_layers: int = 1
    bidirectional: bool = False
    nonlinearity: str = "tanh"
    bias: bool = True
    without: tuple[str, str] | None = None
    takes_state: bool = True
    takes_cell_state: bool = True
    dtype: str = "float64"
    framework: str = "torch"
    backward: bool = False
    trains: bool = True
    notes: str = ""
    make: Callable[[Any, "Style"], Any] = positional
    fault: Mapping[str, str] | Callable[..., dict[str, Tensor]] | None = None

    folder: Path = STRANGERS

    @property
    def path(self) -> Path:
        return self.folder / self.file

    @property
    def candidate(self) -> str:
        """As the command line names it."""
        return f"{self.path}:{self.name}"

    def built(self) -> Any:
        return self.make(getattr(loaded(self.path), self.name), self)


@cache
def loaded(path: Path) -> ModuleType:
    """The file as a module of its own name, known to `sys.modules` as dataclasses need it."""
    spec = importlib.util.spec_from_file_location(f"style_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
