"""The calling convention: how a candidate is called, and where its states are in the result."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from rnncheck.model.trace import State
from rnncheck.user_code.layout import arrange
from rnncheck.user_code.one_tensor import OneTensor, apart, joined, shape_of
from rnncheck.user_code.own_state import OwnState, with_each
from rnncheck.user_code.results import Way, follow

# How h and c are handed over: each its own argument, both as one tuple, h alone in a tuple, a list with one h, or one
# (h, c), a layer, or a list of lists with one (h, c) a direction of each layer; or both in one tensor.
Handing = Literal["h", "h, c", "(h, c)", "(h)", "[h]", "[(h, c)]", "[[(h, c)]]", "stacked", "side by side"]


SAID = {"stacked": "h and c stacked", "side by side": "h and c side by side"}


@dataclass(frozen=True)
class StateForm:
    """The axes of each state, how they are passed, and whether c comes first; `kind` is that of what holds them, if it
    is no tuple.
    """

    axes: str
    handing: Handing
    cell_first: bool = False
    kind: OwnState | None = None

    def together(self, values: Sequence[Tensor]) -> object:
        return tuple(values) if self.kind is None else self.kind.made(values)

    @property
    def gives_c(self) -> bool:
        """Whether the cell state of an LSTM is handed over too."""
        return self.handing not in ("h", "(h)", "[h]")

    def arguments(self, state: State, names: tuple[str | None, str | None]) -> dict[str, Any]:
        """By parameter; `state` is h (K, B, F), and c."""
        h_name, c_name = names
        assert h_name is not None
        if self.handing.startswith("["):
            rows = [[arrange(each, "BF", self.axes) for each in value] for value in state.tensors()]  # by layer
            pairs = [self.together(each) for each in zip(*rows, strict=True)]
            both = [[one, other] for one, other in zip(pairs[::2], pairs[1::2], strict=False)]
            return {h_name: {"[h]": rows[0], "[(h, c)]": pairs}.get(self.handing, both)}
        values = [arrange(each, "KBF", self.axes) for each in state.tensors()]
        if self.cell_first:
            values.reverse()
        if self.handing == "h":
            return {h_name: values[0]}
        if self.handing in ("stacked", "side by side"):
            return {h_name: joined(values, self.handing)}
        if self.handing in ("(h, c)", "(h)"):
            return {h_name: self.together(values)}
        assert c_name is not None
        return {h_name: values[0], c_name: values[1]}


@dataclass(frozen=True)
class Reader:
    """One quantity in a result: the path to it, its axes, and the index that is `taken` of each extra axis.

    Among its axes, D is both directions side by side: the units of the one, then those of the other.
    """

    way: Way
    axes: str
    taken: tuple[tuple[str, int], ...] = ()

    def read(self, result: object, target: str) -> Tensor:
        value, axes = follow(result, self.way, batch_first=self.axes.startswith("B")), self.axes
        for axis, index in self.taken:
            value, axes = value.select(axes.index(axis), index), axes.replace(axis, "", 1)
        if "D" in axes:
            at = axes.index("D")
            value = value.reshape(*value.shape[:at], 2, value.shape[at] // 2, *value.shape[at + 1 :])
            axes = axes.replace("D", "KF")
        if "S" not in axes:
            return arrange(value, axes, target)
        # With the initial state in front, which is no output.
        front = axes.index("S")
        return arrange(value.narrow(front, 1, value.shape[front] - 1), axes.replace("S", "T"), target)


@dataclass(frozen=True)
class ResultReading:
    """Where the states are: those of all timesteps, the last h, the last c. They are in what is returned, or else in
    what a module inside is given or returns.
    """

    output: Reader | None
    h: Reader | None
    c: Reader | None
    tap: "Tap | None" = None

    @property
    def returned(self) -> int:
        """How many of the three are in what is returned."""
        return 0 if self.tap is not None else sum(each is not None for each in (self.output, self.h, self.c))


@dataclass(frozen=True)
class Tap:
    """A submodule with the states in its input or output, and whether it is called at every timestep."""

    module: str
    side: Literal["input", "output"]
    often: bool


XForm = Literal["array", "list", "ids"]


@dataclass(frozen=True)
class Convention:
    """`x_axes` without T is a cell, which a loop of ours calls; without B it is called for every row by itself.

    `x_form` says what x is handed over as: an array, a list of timesteps, or token ids, in whose place x enters where
    the code looks them up. `graded` says that it runs with gradients recorded alone. `enters` is the module inside that
    is handed x in the place of what the code makes of it.
    """

    x_name: str
    x_axes: str
    state_names: tuple[str | None, str | None]
    state: StateForm | None
    numpy: bool
    x_form: XForm = "array"
    graded: bool = False
    fixed: tuple[int, int] | None = None
    lengths: Literal["packed", "always packed", "argument"] | None = None
    lengths_name: str | None = None
    settled: tuple[tuple[str, object], ...] = ()  # further arguments, the same in every call
    verbatim: bool = False  # a view of x that is not contiguous is handed over as it is
    enters: str | None = None
    returns: OneTensor | None = None  # how it returns h and c, if in one tensor

    @property
    def is_cell(self) -> bool:
        return "T" not in self.x_axes

    @property
    def by_row(self) -> bool:
        return "B" not in self.x_axes

    @property
    def of_numbers(self) -> bool:
        """Whether x has no axis of features: it is one number at each timestep."""
        return self.x_form == "array" and "F" not in self.x_axes

    @property
    def described(self) -> str:
        axes = ", ".join(self.x_axes.replace("F", "I"))
        handed = "" if self.state is None else str(self.state.kind or SAID.get(self.state.handing, self.state.handing))
        state = "" if self.state is None else f" and {handed} of axes ({', '.join(self.state.axes)})"
        return f"x of axes ({axes}){state}"

    def parted(self, result: object, state: State) -> object:
        """The result with (h, c) where it returns both in one tensor."""
        if self.returns is None or self.state is None:
            return result
        return apart(result, self.returns, shape_of(arrange(state.h, "KBF", self.state.axes), self.returns))

    def arguments(self, x: Tensor, state: State) -> dict[str, Any]:
        """Of one call: x is (T, B, F), with T = 1 for a cell, and with B = 1 if it is called by row."""
        if self.x_form == "ids":
            arranged: Any = arrange(torch.arange(x.shape[0] * x.shape[1]).reshape(x.shape[:2]), "TB", self.x_axes)
        else:
            arranged = arrange(x, "TBF", self.x_axes)
            if not self.verbatim or self.by_row or x.is_contiguous():
                arranged = arranged.contiguous()
        arguments = {self.x_name: list(arranged) if self.x_form == "list" else arranged}
        if self.state is not None:
            arguments |= self.state.arguments(state, self.state_names)
        arguments = {name: with_each(value, as_numpy) for name, value in arguments.items()} if self.numpy else arguments
        return arguments | dict(self.settled)


def as_numpy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return np.ascontiguousarray(value.detach().numpy())
    return value
