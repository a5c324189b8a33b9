"""The protocol of an implementation: it runs a spec with given weights on sequences."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from rnncheck.errors import CannotRun
from rnncheck.faults.variants.variant import Variant
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import EVERYTHING, State, Trace
from rnncheck.model.variant import Semantics
from rnncheck.model.weights import Weights
from rnncheck.report import Finding, Mapped


class Layer(Protocol):
    """An implementation built for one spec, holding its weights."""

    def parameters(self) -> Mapping[str, Tensor]:
        """Its current parameters, by torch's names and in torch's layout."""
        ...

    def leaves(self) -> Mapping[str, Tensor] | None:
        """The parameters of the recurrent layer, as in `parameters`, by which autograd can differentiate `run`.

        They are the very tensors that it reads, and require gradients. One that is not registered as a parameter is
        not among them. None if `run` cannot be differentiated. Holds for layers built in inference mode too.
        """
        ...

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        """Runs x (T, B, I) from `state`; with lengths each row to its own length, with zeros after it.

        Everything is time first and at the spec's dtype and device, whatever the implementation does inside.
        """
        ...


@runtime_checkable
class Implementation(Protocol):
    """A way to compute a recurrent layer: `name` on the command line, `location` of its code for the report."""

    @property
    def name(self) -> str: ...

    @property
    def location(self) -> str: ...

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        """Why it cannot run this spec (or sequences with lengths), or None if it can. Never ignores an option."""
        ...

    def build(self, spec: Spec, weights: Weights) -> Layer:
        """The layer with these weights, in evaluation mode, at the spec's dtype, on its device."""
        ...


@dataclass(frozen=True)
class Ignored:
    """An option that a constructor takes and that has no effect, or `half` of its effect, and how that is seen."""

    option: str
    seen: str
    half: bool = False


def no_place_for_own(spec: Spec) -> str | None:
    """Why an implementation of torch's weights alone cannot run beside a variant with weights of its own, or None."""
    if spec.variant is None or not spec.variant.own:
        return None
    own = ", ".join(spec.variant.own)
    return f"it has no place for {own}, weights that variant:{spec.variant.slug} has and torch does not"


def unrestricted(weights: Weights) -> Weights:
    return weights


@dataclass(frozen=True)
class Reading:
    """How the user's code was read, in one sentence, and what a check can do with it.

    A state that it does not take is zero; what it does not return, of "output", "h_n" and "c_n", is not compared.
    """

    read_as: str
    takes_state: bool = True
    takes_cell_state: bool = True
    exposes: frozenset[str] = EVERYTHING
    restrict: Callable[[Weights], Weights] = unrestricted  # to what it can hold
    mapping: tuple[Mapped, ...] = ()
    conventions: tuple[str, ...] = ()
    restrictions: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    doubt: str | None = None  # why it is not equivalent, though nothing that was compared differs
    crash: str | None = None  # what it raises, given an initial state: another layer than one that takes it
    ignored: tuple[Ignored, ...] = ()
    longest_output: int | None = None  # of more timesteps, and of rows with lengths, it shows the last state alone
    withheld: frozenset[str] = frozenset()  # of "h0", "c0" and the weights: those of which it can have no gradient
    by_row: bool = False  # whether it never sees more than one row of a batch
    fixed: bool = False  # whether it takes no other numbers of timesteps and rows than those of the run
    mixed: tuple[str, ...] = ()  # parts of what it returns whose rows depend on other rows of the batch
    unsearched: str | None = None  # why some ways to read it were not tried, of which one may agree
    beyond: tuple[str, ...] = ()  # its tensors that torch.nn's layer does not have, and that change its states
    has_lengths: bool = False  # whether it has a parameter for lengths, which it is always given
    packed: bool = False  # whether it takes its sequences packed, and in no other way
    single: tuple[tuple[str, int], ...] = ()  # parts of what it returns that depend on this one row of the batch
    cut: tuple[str, ...] = ()  # parts of what it returns through which no gradient reaches its states
    exchanged: str | None = None  # how h and c are returned, where the batch has another place in c than in h
    one_of_both: bool = False  # whether it returns only one of output and h_n, of which the other is made
    runs_once: bool = False  # whether it holds one run and can run nothing else, as `RunsOnce`


@runtime_checkable
class Blames(Protocol):
    """A layer that tells errors in the user's code from other errors."""

    def blamed(self, problem: Exception) -> Exception | None:
        """The error to raise instead, if the problem is in the user's code."""
        ...


@runtime_checkable
class Read(Protocol):
    """An implementation that rnncheck had to read first."""

    def read(self, spec: Spec) -> Reading: ...


@runtime_checkable
class BatchFirst(Read, Protocol):
    """An implementation that may be batch first by default."""

    def time_first(self) -> "BatchFirst | None":
        """The same, told not to be; None where it is not."""
        ...

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None: ...

    def build(self, spec: Spec, weights: Weights) -> Layer: ...


class OtherRun(CannotRun):
    """The layer does not support this run."""


class NotRecorded(OtherRun):
    """A recorded run does not hold the requested run."""


@runtime_checkable
class BringsWeights(Protocol):
    """An implementation that comes with its own weights, which are used unless others are given."""

    @property
    def weights(self) -> Weights: ...


@runtime_checkable
class RunsOnce(Protocol):
    """An implementation that holds one run, and raises `NotRecorded` for any other."""

    runs_once: bool
    tf32: bool  # whether it was made with products in TF32

    @property
    def x(self) -> Tensor: ...

    @property
    def state(self) -> State: ...

    @property
    def lengths(self) -> tuple[int, ...] | None: ...

    @property
    def seed(self) -> int: ...


@runtime_checkable
class Defines(Protocol):
    """An implementation with its own equations. As the reference, it defines what is right."""

    @property
    def semantics(self) -> Semantics: ...


@runtime_checkable
class Recognised(Protocol):
    """An implementation that may be a variant with weights of its own, which can be found out."""

    def variant(self, spec: Spec, *, unexplained: bool = False) -> Variant | None:
        """The variant that it computes, where that has weights besides those of torch's layer of this spec.

        It is looked for longer where a mismatch is `unexplained`.
        """
        ...


@runtime_checkable
class HasWeights(Protocol):
    """An implementation with its own weights, by its own names."""

    @property
    def name(self) -> str: ...

    def canonical(self, spec: Spec, tensors: Mapping[str, Tensor] | None, source: str) -> tuple[Weights, list[str]]:
        """Torch's weights from these tensors by its own names, or from the tensors that it holds, and notes.

        Errors call them `source`. Raises `WeightsError` where torch's layer cannot hold the same.
        """
        ...

    def keep(self, spec: Spec, tensors: Mapping[str, Tensor] | None, source: str, beside: Weights) -> list[str]:
        """Makes it keep these tensors, or those that it holds, whatever weights it is built with; returns notes.

        The reference has the weights `beside`; the implementation refuses to be built with others.
        """
        ...


@runtime_checkable
class MayBeFixed(Protocol):
    """An implementation that may support only the numbers of timesteps and rows of the run."""

    def expect(self, seq_len: int | None, batch_size: int) -> None: ...


@runtime_checkable
class SaysItsShape(Protocol):
    """An implementation with a number of layers and directions of its own, unless it is told another."""

    def shape(self, unsaid: Sequence[str], spec: Spec, cell: Cell | None) -> Mapping[str, Any]:
        """Those of "num_layers" and "bidirectional" that are `unsaid` and that it has; `spec` has neither, and its cell
        is a guess where `cell` is None.
        """
        ...


@runtime_checkable
class MayIgnore(Protocol):
    """An implementation whose constructor may ignore that it is told to have more layers or both directions."""

    def heeded(self, spec: Spec) -> Spec:
        """The spec without the layers and directions that it ignores. Its reading says which these are."""
        ...


@runtime_checkable
class Approximates(Protocol):
    """An implementation whose tanh and sigmoid are off by so many units of roundoff of 1, however small they are."""

    @property
    def approximate(self) -> float: ...


OF_ONNXRUNTIME = 6.0
"""As a standard deviation. The largest errors that were measured are 3 of the tanh of its RNN, also of numbers near
zero, 2.6 of a sigmoid, and 12 of a step of its GRU.
"""


@runtime_checkable
class KnowsItsCell(Protocol):
    """An implementation of one cell only."""

    @property
    def name(self) -> str: ...

    def cell(self, spec: Spec) -> Cell:
        """Its cell; `spec` has the sizes. Raises `UsageError` if that is not known."""
        ...
