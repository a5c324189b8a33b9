"""One hypothesis about a candidate: how it is constructed, called, read and filled with weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from torch import Tensor

from rnncheck.mapping import MappingError
from rnncheck.mapping.budget import Budget
from rnncheck.mapping.native import Facts
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.weights import Weights
from rnncheck.scratch.network import Network
from rnncheck.user_code.calling import MOST_PREFIXES, ends_in_output
from rnncheck.user_code.found import Found
from rnncheck.user_code.functions import Scheme, WithWeights
from rnncheck.user_code.native_layer import NativeLayer
from rnncheck.user_code.parts import Axes
from rnncheck.user_code.returned import reads_all_states
from rnncheck.user_code.signatures import Call
from rnncheck.user_code.sizes import Sizes


class Filling(Protocol):
    """How a candidate is filled with canonical weights. `agrees`: filled so, it was seen to compute a known layer."""

    @property
    def agrees(self) -> Network | None: ...

    def restrict(self, weights: Weights) -> Weights: ...

    def fill(self, native: Any, weights: Mapping[str, Tensor]) -> None: ...


Fill = Callable[[Callable[[Spec], NativeLayer], Spec, Budget, bool], Filling]
"""Finds out how the candidate that a function builds is filled; the last argument says whether to look for faults too.

Raises `MappingError` where that cannot be found.
"""


@dataclass(frozen=True)
class Hypothesis:
    """`problem` is why it cannot be filled."""

    found: Found
    call: Call
    facts: Facts
    dtype: Dtype  # at which it was looked at: float32 if that is written into it
    example: WithWeights | Scheme | None = None
    filling: Filling | None = None
    problem: MappingError | None = None
    is_cut: bool = False  # the time was up before all hypotheses were tried
    part_agrees: bool = False  # one layer or direction of several agrees, and the whole was not read so
    in_part: bool = False  # this is such a layer or direction
    parts: Axes = field(default_factory=dict)  # of its tensors that hold several layers or directions
    as_wide: bool = False  # its head is constructed as wide as its states, so that it can hand them on

    @property
    def agrees(self) -> bool:
        """Whether it was seen to compute a known layer, filled so."""
        return self.filling is not None and self.filling.agrees is not None

    @property
    def last_alone(self) -> bool:
        """Whether it returns no more than what may be its last state, and agrees with no known layer so."""
        reading, convention = self.found.reading, self.found.convention
        return reading.output is None and reading.tap is None and not convention.is_cell and not self.agrees

    def called_like(self, other: "Hypothesis") -> bool:
        """Whether both say to call it and to read what it returns in the same way, at whatever sizes."""
        own, others = self.found, other.found
        return (own.reading, replace(own.convention, fixed=None)) == (
            others.reading,
            replace(others.convention, fixed=None),
        )

    @property
    def without_state(self) -> "Hypothesis":
        """Called in the same way, but from its own initial state."""
        found = replace(self.found, convention=replace(self.found.convention, state=None))
        return replace(self, found=found, facts=replace(self.facts, takes_state=False, takes_cell_state=False))

    @property
    def carries(self) -> bool:
        """Whether it carries something from step to step, and nothing from row to row, as a right layer does."""
        return self.found.recurs and self.found.keeps_rows

    @property
    def likely(self) -> bool:
        return self.carries or self.found.uses_state


def facts_of(found: Found, tried: Sizes, read_as: str) -> Facts:
    """What a way of calling, found at the sizes `tried`, means for a check; `read_as` says it in one sentence."""
    spec, reading, convention = tried.spec, found.reading, found.convention
    exposes = set()
    last_alone = reading.h is not None and not spec.bidirectional and convention.fixed is None
    if convention.is_cell or reading.output is not None or last_alone:
        exposes.add("output")
    from_output = reading.h is None and ends_in_output(spec)
    if from_output or reads_all_states(reading.h, tried):
        exposes.add("h_n")
    if reads_all_states(reading.c, tried):
        exposes.add("c_n")
    prefixes = last_alone and reading.output is None and not convention.is_cell
    longest = MOST_PREFIXES if prefixes else None
    state = convention.state
    gives_c = state is not None and state.gives_c
    return Facts(
        read_as,
        state is not None,
        gives_c or (state is not None and spec.cell is not Cell.LSTM),
        frozenset(exposes),
        longest,
        convention.by_row,
        convention.fixed,
        prefixes or (from_output and reading.tap is None and not convention.is_cell),
    )
