"""Describes a region of a run: every unit, odd units, from t = 64 on, padding. The description is exact."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.text import in_words


@dataclass(frozen=True)
class StepRegion:
    """Timesteps and rows, (T, B), that a set of the one and a set of the other cannot make up.

    `words` say it of several rows, `word` of a single one; `bound` says what limits all else that is said.
    """

    grid: Tensor
    words: str = ""
    word: str = ""
    bound: str = ""


def regions(lengths: Sequence[int] | None, grid: Tensor) -> Iterator[StepRegion]:
    """What the lengths mark out, the most telling first; and everything."""
    everything = StepRegion(torch.ones_like(grid))
    if lengths is None:
        yield everything
        return
    t, end = torch.arange(len(grid))[:, None], torch.tensor(lengths)
    yield StepRegion(t >= end, "behind the rows' ends (padding)", "behind the row's end (padding)")
    yield StepRegion(t == end - 1, "at each row's last step", "at the row's last step")
    yield everything
    yield StepRegion(t < end, bound="up to the rows' ends")


def regions_by_row(grid: Tensor, inside: StepRegion) -> Iterator[StepRegion]:
    """Those that begin or end at another timestep in each row; a row in which nothing is wrong is in all of them."""
    t, affected = torch.arange(len(grid))[:, None], grid.any(0)
    first, last = grid.byte().argmax(0), len(grid) - 1 - grid.flip(0).byte().argmax(0)
    for words, at, part, bound in (
        ("at a timestep", first, t == first, ""),
        ("from a timestep on", first, (t >= first) & inside.grid, inside.bound),
        ("up to a timestep", last, t <= last, ""),
    ):
        low, high = int(at[affected].min()), int(at[affected].max())
        if low < high and not bool((grid & ~part).any()):
            words = f"{words} that differs from row to row (t = {low} to {high})"
            yield StepRegion(part | ~affected, words, bound=bound)


LISTED = 3  # more runs than these are counted, not listed
FRACTIONS = {2: "half", 3: "third", 4: "quarter", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth"}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")


def indices(which: Sequence[bool], noun: str = "unit") -> str:
    """The indices that are true, such as "odd units" or "units 16 to 31 of 64, the second quarter"."""
    size, count = len(which), sum(which)
    true, false = runs(which), runs([not each for each in which])
    if not count:
        return f"no {noun}"
    if count == size:
        return f"every {noun}" if size > 1 else f"the only {noun}"
    if count == 1:
        edge = at_edge(true[0], size)
        return f"the {edge} of {size} {noun}s" if edge else f"{noun} {true[0].start}"
    if size - count == 1 and size > 3:
        edge = at_edge(false[0], size)
        return f"every {noun} but " + (f"the {edge}" if edge else str(false[0].start))
    if steps := progression(which):
        if steps.step == 2 and steps.start < 2 and steps[-1] + 2 >= size:
            return f"{'odd' if steps.start else 'even'} {noun}s"
        return f"every {nth(steps.step)} {noun} from {steps.start} {reach(steps, size)}"
    if len(true) == 1:
        if part := block(true[0], size):
            return f"{noun}s {listed(true)} of {size}, the {part}"
        if edge := at_edge(true[0], size):
            return f"the {edge} {count} of {size} {noun}s ({listed(true)})"
    if few(false, size):
        return f"every {noun} but {listed(false)}"
    if len(true) <= LISTED:
        return f"{noun}s {listed(true)} of {size}"
    return f"{count} of {size} {noun}s ({beginning(which)})"


def timesteps(which: Sequence[bool]) -> str:
    """The same for an axis of time, such as "from t = 64 on" or "at every 8th timestep from t = 7 on"."""
    size, count = len(which), sum(which)
    true, false = runs(which), runs([not each for each in which])
    if not count:
        return "at no timestep"
    if count == size:
        return "at every timestep" if size > 1 else "at the only timestep"
    if count == 1:
        return f"at t = {true[0].start} alone" + (", the last timestep" if which[-1] else "")
    if len(true) == 1 and which[-1]:
        return f"from t = {true[0].start} on"
    if len(true) == 1 and which[0]:
        return f"up to t = {true[0][-1]}"
    if steps := progression(which):
        return f"at every {nth(steps.step)} timestep from t = {steps.start} {reach(steps, size)}"
    if few(false, size):
        return f"at every timestep but t = {listed(false)}"
    if len(true) <= LISTED:
        return f"at t = {listed(true)}"
    return f"at {count} of {size} timesteps (t = {beginning(which)})"


def runs(which: Sequence[bool]) -> list[range]:
    """The longest stretches without a gap, in order."""
    found: list[range] = []
    for index, true in enumerate(which):
        if true and found and found[-1].stop == index:
            found[-1] = range(found[-1].start, index + 1)
        elif true:
            found.append(range(index, index + 1))
    return found


def progression(which: Sequence[bool]) -> range | None:
    """Three or more indices at one distance, larger than 1, from each other."""
    true = [index for index, each in enumerate(which) if each]
    if len(true) < 3 or true[1] - true[0] == 1:
        return None
    steps = range(true[0], true[-1] + 1, true[1] - true[0])
    return steps if list(steps) == true else None


def reach(steps: range, size: int) -> str:
    """Where a progression ends: with the axis, or before."""
    return "on" if steps[-1] + steps.step >= size else f"to {steps[-1]}"


def block(run: range, size: int) -> str | None:
    """Its name, such as "second quarter", where it is one of a few equal parts: a gate or a tile often is."""
    parts, rest = divmod(size, len(run))
    if rest or parts not in FRACTIONS or run.start % len(run) or len(run) == 1:
        return None
    position = run.start // len(run)
    return f"{'last' if position == parts - 1 else ORDINALS[position]} {FRACTIONS[parts]}"


def at_edge(run: range, size: int) -> str | None:
    return "first" if run.start == 0 else "last" if run.stop == size else None


def few(gaps: Sequence[range], size: int) -> bool:
    """Whether the exceptions are quicker to say than the rule."""
    return len(gaps) <= LISTED and 4 * sum(map(len, gaps)) <= size


def listed(found: Sequence[range]) -> str:
    """Such as "0, 5 and 8 to 11"."""
    return in_words([word for run in found for word in ends(run)])


def ends(run: range) -> list[str]:
    return [f"{run.start} to {run[-1]}"] if len(run) > 2 else [str(index) for index in run]


def beginning(which: Sequence[bool]) -> str:
    first = [str(index) for index, each in enumerate(which) if each][:LISTED]
    return ", ".join([*first, "..."])


def nth(number: int) -> str:
    """The ordinal: 2nd, 3rd, 11th, 32nd."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"
