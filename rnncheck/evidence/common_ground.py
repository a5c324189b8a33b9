"""What both sides take and return, so that only this is compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rnncheck.errors import RefusedError
from rnncheck.implementations.protocol import Implementation, Read, Reading
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import EVERYTHING
from rnncheck.model.weights import Weights
from rnncheck.report import Comparison, Finding, Mapped
from rnncheck.text import short


@dataclass(frozen=True)
class Ground:
    """`carries` says whether a run can go on from the states that the one before ended in, `steps` whether single
    steps can be restarted and judged.
    """

    takes_state: bool
    takes_cell_state: bool
    unexposed: frozenset[str]
    carries: bool
    steps: bool
    read_as: tuple[str | None, str | None]
    mapping: Sequence[Mapped]
    conventions: Sequence[str]
    held_back: Sequence[str]
    findings: Sequence[Finding]
    notes: Sequence[str]
    doubt: str | None
    unsearched: str | None
    problems: Sequence[Comparison]
    withheld: frozenset[str]
    by_row: bool
    beyond: tuple[str, ...]
    restrictions: Sequence[Callable[[Weights], Weights]]

    def restrict(self, weights: Weights) -> Weights:
        """To what both sides can hold."""
        for each in self.restrictions:
            weights = each(weights)
        return weights


def ground(
    spec: Spec,
    candidate: Implementation,
    reference: Implementation,
    *,
    seq_len: int | None,
    lengths: Sequence[int] | None,
) -> Ground:
    """What both sides have in common for `seq_len` timesteps. Raises `RefusedError` if that is nothing."""
    sides = [
        (side, shown_of(side.read(spec), seq_len, lengths)) for side in (candidate, reference) if isinstance(side, Read)
    ]
    known = [reading for _, reading in sides]
    quantities = EVERYTHING if spec.cell is Cell.LSTM else EVERYTHING - {"c_n"}
    unexposed = frozenset(quantities - frozenset.intersection(quantities, *(each.exposes for each in known)))
    if {"output", "h_n"} <= unexposed:
        raise RefusedError("there is nothing to compare: the two sides do not both return outputs, or final states")
    takes_state = all(each.takes_state for each in known)
    takes_cell_state = takes_state and all(each.takes_cell_state for each in known)
    steps = takes_state and (takes_cell_state or spec.cell is not Cell.LSTM) and not unexposed & {"h_n", "c_n"}
    steps = steps and not any(each.fixed for each in known)
    mine = known[0] if isinstance(candidate, Read) and known else None
    return Ground(
        takes_state,
        takes_cell_state,
        unexposed,
        carries=steps and not any(each.runs_once for each in known),
        steps=steps,
        read_as=(read_as(sides, candidate), read_as(sides, reference)),
        mapping=mine.mapping if mine else (),
        conventions=mine.conventions if mine else (),
        held_back=[said for each in known for said in each.restrictions],
        findings=[finding for each in known for finding in (*wrong_calls(each), *each.findings)],
        notes=[
            note for side, each in sides for note in (*limits(short(side.name), each, quantities, spec), *each.notes)
        ],
        doubt=next((each.doubt for each in known if each.doubt), None),
        unsearched=next((each.unsearched for each in known if each.unsearched), None),
        problems=[comparison for each in known for comparison in problems(each)],
        withheld=frozenset().union(*(each.withheld for each in known)),
        by_row=mine is not None and mine.by_row,
        beyond=mine.beyond if mine else (),
        restrictions=[each.restrict for each in known],
    )


def shown_of(reading: Reading, seq_len: int | None, lengths: Sequence[int] | None) -> Reading:
    """The reading without outputs if the candidate cannot show them for this length, or for rows with lengths."""
    longest = reading.longest_output
    if longest is None or (seq_len is not None and seq_len <= longest and lengths is None):
        return reading
    return replace(reading, exposes=reading.exposes - {"output"})


def read_as(sides: Sequence[tuple[Implementation, Reading]], side: Implementation) -> str | None:
    return next((reading.read_as for each, reading in sides if each is side), None)


ROWS_FIRST = "Move its batch axis in front with transpose or permute before you flatten it with view or reshape."
OTHER_ROWS = "each batch row depends on the others; swapping rows of x and h0 does not just swap its rows"

CUT = "is computed from the states, and no gradient of it reaches the weights of the recurrent layer"
KEEP = "Take detach(), .data and numpy out of what is computed after the recurrent layer."
OUTPUT_TOO = "Undo in the output what was done to the input."
LAST = "Take the last timestep along the axis of time: output[:, -1] of (B, T, H), output[-1] of (T, B, H)."


def depends_on(row: int) -> str:
    return f"depends on batch row {row} alone"


def wrong_calls(reading: Reading) -> list[Finding]:
    """Findings about how the candidate is constructed and called, independent of what it computes."""
    found = [
        Finding("option-ignored", each.seen, variant=each.option, mend=OUTPUT_TOO if each.half else None)
        for each in reading.ignored
    ]
    found += [Finding("batch-mixed", f"{each}: {OTHER_ROWS}", mend=ROWS_FIRST) for each in reading.mixed]
    found += [
        Finding("batch-time-swapped", f"{each} {depends_on(row)}: it takes a row of the batch as a timestep", mend=LAST)
        for each, row in reading.single
    ]
    found += [Finding("gradient-missing", f"{each} {CUT}", mend=KEEP) for each in reading.cut]
    found += [Finding("result-shape", reading.exchanged)] if reading.exchanged else []
    if reading.crash is None:
        return found
    return [*found, Finding("initial-state-crashes", f"given an initial state, it raises {reading.crash}")]


def problems(reading: Reading) -> list[Comparison]:
    """The same findings as failed comparisons."""
    found = [
        Comparison(f"option {each.option}", "free", problem=f"it has {'half its' if each.half else 'no'} effect")
        for each in reading.ignored
    ]
    found += [Comparison(each, "free", problem="each batch row depends on the others") for each in reading.mixed]
    found += [Comparison(each, "free", problem=f"it {depends_on(row)}") for each, row in reading.single]
    found += [Comparison(each, "backward", problem=f"it {CUT}") for each in reading.cut]
    found += [Comparison("c_n", "free", problem=reading.exchanged)] if reading.exchanged else []
    if reading.crash is None:
        return found
    raised = ": ".join(reading.crash.split(": ")[:2])
    return [*found, Comparison("output from h0", "free", problem=f"it raises {raised}")]


def limits(name: str, reading: Reading, quantities: frozenset[str], spec: Spec) -> list[str]:
    """Notes on what could not be compared because of the candidate's interface."""
    said = []
    if not reading.takes_state:
        said.append(f"{name} is given no initial state; the reference starts from zeros; no single steps were compared")
    elif spec.cell is Cell.LSTM and not reading.takes_cell_state:
        said.append(f"{name} is given no initial cell state: c0 is zero, and no single steps were compared")
    if hidden := sorted(quantities - reading.exposes, reverse=True):
        so = ", nor were single steps" if reading.takes_state and {"h_n", "c_n"} & set(hidden) else ""
        were = "were" if len(hidden) > 1 else "was"
        said.append(f"{name} does not return {' and '.join(hidden)}, which {were} not compared{so}")
    if reading.longest_output is not None and "output" in hidden:
        said.append(
            f"{name} returns only its last state; to see the states between, use at most "
            f"{reading.longest_output} timesteps and no lengths"
        )
    return said
