"""Comparisons on the first chunk besides the normal run: repeated calls, single steps, gradients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from rnncheck.envelope import Envelope, Rounding
from rnncheck.errors import RefusedError
from rnncheck.evidence.allowance import Allowed, Enveloped, quantities
from rnncheck.evidence.differences import Fold
from rnncheck.evidence.free_run import SideBySide, on_host
from rnncheck.evidence.gradients import backward_comparisons
from rnncheck.evidence.lockstep import Lockstep
from rnncheck.evidence.places import DIRECTIONS
from rnncheck.evidence.second_call import copied, repeat
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.implementations.protocol import Implementation, Layer, NotRecorded, RunsOnce
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights
from rnncheck.report import Comparison, Finding, Place
from rnncheck.text import short

SECOND_LOOK = 32  # perturbed runs of gradients
MOST_SAMPLES = 256  # perturbed runs of states
SLIGHTLY, FEW = 16.0, 1 / 64  # times the limit, and the share of values beyond it
OTHER = 1000  # added to the seed of the projection

PLACES = 512  # single steps: more would cost more than they could add to what free running has seen


@dataclass
class Evidence:
    """What was found, in the order of the report."""

    comparisons: list[Comparison] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wrong_reference: str | None = None  # how the reference's own steps differ from exact ones
    doubt: str | None = None  # why nothing is equivalent here, though nothing that was compared differs


@dataclass(frozen=True)
class FirstChunk:
    """The first chunk x (T, B, I) of a run from `state`, in float64 on the host, and both sides built for it."""

    spec: Spec
    weights: Weights
    x: Tensor
    state: State
    lengths: Sequence[int] | None
    sides: tuple[Implementation, Implementation]  # candidate, reference
    layers: tuple[Layer, Layer]
    unexposed: frozenset[str] = frozenset()
    withheld: frozenset[str] = frozenset()

    def repeated(self, traces: tuple[Trace, Trace], allowed: Allowed | None, into: Evidence) -> None:
        """Both sides called again: what differs from call to call is no fact about the model, and leaves it open."""
        for side, layer, trace in zip(self.sides, self.layers, traces, strict=True):
            again = WithLastTrace(layer)
            finding = repeat(side.name, again, side, self.spec, self.weights, self.x, self.state, self.lengths, trace)
            if finding is not None:
                into.findings.append(finding)
                if finding.slug == "input-mutated":
                    into.doubt = f"{side.name} writes into its input, so its result depends on the order of the calls"
                elif allowed is None or again.trace is None or not near(again.trace, trace, allowed):
                    into.doubt = f"a second call of {side.name} gives another result, beyond what rounding explains"

    def stepped(self, envelope: Envelope, output: Tensor, into: Evidence) -> None:
        """Every step of the candidate by itself; and of the reference, which may drift as well."""
        rows = self.rows_stepped(envelope)
        if rows < self.x.shape[1]:
            into.notes.append(f"single steps were compared on {rows:,} of {self.x.shape[1]:,} batch rows")
        steps = Lockstep(self.spec, self.weights, self.x, envelope, self.lengths, rows)
        candidate, reference = (self._steps_of(side, steps, into) for side in (0, 1))
        into.comparisons += candidate
        if bool(envelope.lost.any()):
            own = steps.own(output)
            into.comparisons += [own] if own is not None else []
        if steps.blind:
            into.doubt = "rounding error may be as large as the states themselves; use larger data or weights"
        if not all(each.agrees for each in reference):
            budget = max(each.budget_used for each in reference)
            into.wrong_reference = (
                f"the reference, {short(self.sides[1].name)}, is wrong itself: its single steps differ from exact "
                f"steps by {budget:.3g} times the limit"
            )

    def _steps_of(self, side: int, steps: Lockstep, into: Evidence) -> list[Comparison]:
        """Of the candidate, 0, or the reference, 1. A recorded run may not have been recorded from these states."""
        try:
            return steps.comparisons(self.layers[side])
        except NotRecorded:
            into.notes.append(
                f"single steps of {self.sides[side].name} were not compared: the recording does not have them"
            )
            return []

    def rows_stepped(self, envelope: Envelope) -> int:
        """As many batch rows as make `PLACES` single steps; all of them where free running cannot judge to the end."""
        seq_len, batch_size, _ = self.x.shape
        return batch_size if bool(envelope.lost.any()) else max(1, min(batch_size, PLACES // seq_len))

    def differentiated(self, held: Rounding | Tolerance, seed: int, wanted: bool | None, into: Evidence) -> None:
        """The gradients of both sides. Without any, adds a note, or raises if the command asks for gradients."""
        found = backward_comparisons(
            self.spec,
            self.weights,
            *self.layers,
            self.x,
            self.state,
            self.lengths,
            held=held,
            seed=seed,
            in_float64=self.sides,
            unexposed=self.unexposed,
            withheld=self.withheld,
        )
        if wanted and not found.comparisons:
            raise RefusedError(f"{found.note}; leave --backward out")
        into.comparisons += found.comparisons
        into.findings += found.findings
        into.notes += [found.note] if found.note else []

    def unconfirmed(self, wrong: Sequence[Comparison], held: Rounding, seed: int, *, steps: bool) -> str | None:
        """Why what exceeds the limit proves nothing; None if it proves what it says. `steps` says whether single steps
        may be compared.

        What rounding does is sampled, and a rare event may be in no sample. So gradients, and a few states that are
        little beyond the limit, are held against more samples, of other data (each row backwards) and, for gradients,
        of another projection: there they have to exceed as well.
        """
        gradients = [each for each in wrong if each.mode.startswith("backward")]
        states = [each for each in wrong if each not in gradients]
        if any(each.problem for each in wrong):
            return None
        if not all(each.mode in ("free", "lockstep") and is_slight(each) for each in states):
            return None
        other, exceeding = replace(self, x=self._backwards()), {(each.mode, each.quantity) for each in gradients}
        most = max(wrong, key=lambda each: each.budget_used)
        try:
            if states and not all(each.agrees for each in other._states_again(held, steps)):
                return None
            again = other._gradients_again(held, seed) if gradients else []
        except NotRecorded:
            again = []
        if any(not each.agrees and (each.mode, each.quantity) in exceeding for each in again):
            return None
        if any(isinstance(side, RunsOnce) for side in self.sides):
            if not is_slight(most):
                return None
            return (
                f"{most.quantity} is at {most.budget_used:.3g} times the limit, and a recording holds one run, so it "
                "cannot be confirmed on other data; compare the recorded layer itself to decide"
            )
        instead = "smaller recurrent weights" if gradients else "other data"
        return (
            f"{most.quantity} is at {most.budget_used:.3g} times the limit here, but within the limit on other data "
            f"with more samples of rounding; use {instead} to decide"
        )

    def _backwards(self) -> Tensor:
        """x with the timesteps of each row in the opposite order."""
        x = self.x.clone()
        for row, end in enumerate(self.lengths or [len(x)] * x.shape[1]):
            x[:end, row] = self.x[:end, row].flip(0)
        return x

    def _states_again(self, held: Rounding, steps: bool) -> list[Comparison]:
        """The normal run and single steps, with more samples of rounding."""
        enveloped, found = Enveloped(self.spec, self.weights, self.lengths, held, MOST_SAMPLES), Evidence()
        both = SideBySide(
            self.spec, *self.layers, self.state, self.lengths, enveloped, rows=None, unexposed=self.unexposed
        )
        candidate, _ = both.run(self.x)
        if steps and enveloped.first is not None:
            self.stepped(enveloped.first, candidate.output, found)
        return [*both.comparisons(), *found.comparisons]

    def _gradients_again(self, held: Rounding, seed: int) -> list[Comparison]:
        """The gradients, with more samples of rounding and another projection."""
        found = backward_comparisons(
            self.spec,
            self.weights,
            *self.layers,
            self.x,
            self.state,
            self.lengths,
            held=held,
            seed=seed + OTHER,
            in_float64=self.sides,
            unexposed=self.unexposed,
            withheld=self.withheld,
            samples=SECOND_LOOK,
        )
        return found.comparisons


def is_slight(wrong: Comparison) -> bool:
    """Whether so few values exceed the limit, and by so little, that a rare rounding may explain them."""
    return wrong.budget_used <= SLIGHTLY and wrong.exceeded <= max(1, int(FEW * wrong.compared))


def near(again: Trace, first: Trace, allowed: Allowed) -> bool:
    """Whether two traces of one side are no further apart than two sides may be."""
    most = (allowed.output, allowed.h_n, allowed.c_n, allowed.y)
    for one, other, here in zip(quantities(again), quantities(first), most, strict=True):
        if one is None and other is None:
            continue
        fold = Fold("", lambda row, batch, column: Place(row, batch, column, 0, DIRECTIONS[0]))
        fold.add(on_host(one), on_host(other), here)
        if not fold.result().agrees:
            return False
    return True


class WithLastTrace:
    """A layer, and what its last call yielded."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self.trace: Trace | None = None

    def parameters(self) -> Mapping[str, Tensor]:
        return self._layer.parameters()

    def leaves(self) -> Mapping[str, Tensor] | None:
        return self._layer.leaves()

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        self.trace = copied(self._layer.run(x, state, lengths))
        return self.trace
