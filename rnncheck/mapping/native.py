"""A candidate before its weights are mapped: its tensors by its own names, run by its calling convention."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace


@dataclass(frozen=True)
class Facts:
    """How a candidate is called: `read_as` says it in one sentence.

    `takes_state` and `takes_cell_state` say whether h0 and c0 can be given; what cannot is zero, and `run` must then be
    given zeros. `exposes` names what its results show, of "output", "h_n" and "c_n"; the output of at most
    `longest_output` timesteps, and of no rows with lengths, if that is not None. `by_row` says that rows are run one by
    one; `fixed` are the only timesteps and rows that it takes. With `one_of_both`, it returns only one of output and
    h_n, of which the other is made.
    """

    read_as: str
    takes_state: bool
    takes_cell_state: bool
    exposes: frozenset[str]
    longest_output: int | None = None
    by_row: bool = False
    fixed: tuple[int, int] | None = None
    one_of_both: bool = False


class Native(Protocol):
    """A candidate built for one spec at one dtype, in evaluation mode."""

    @property
    def spec(self) -> Spec: ...

    @property
    def facts(self) -> Facts: ...

    @property
    def differentiable(self) -> bool:
        """Whether autograd can differentiate `run`."""
        ...

    def tensors(self) -> Mapping[str, Tensor]:
        """Every floating-point tensor of the candidate, by its dotted name ("cells.0.W_xi"), in its order.

        `run` reads these tensors, so they can be changed in place. Parameters, buffers, plain
        attributes, members of lists and dicts, and numpy arrays, which share their memory with the tensor.
        """
        ...

    def registered(self) -> frozenset[str]:
        """The names of the module's parameters and buffers."""
        ...

    def buffers(self) -> frozenset[str]:
        """The names of the module's buffers."""
        ...

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        """x (T, B, I) from `state`, as `Layer.run`; differentiable by `tensors()` as far as the candidate's code is.

        What is not exposed is among the trace's `unexposed`, and NaN.
        """
        ...
