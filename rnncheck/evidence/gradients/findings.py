"""Explains missing or wrong gradients from the pattern of those that are there."""

from collections.abc import Sequence

import torch
from torch import Tensor

from rnncheck.evidence.gradients.differentiate import (
    BackwardRun,
    Derived,
    differentiate,
    final_states_move,
    moving,
    shaped,
    with_other_states,
    with_other_x,
)
from rnncheck.implementations.protocol import Layer
from rnncheck.model.trace import State, Trace
from rnncheck.report import Finding
from rnncheck.text import in_words


def findings(candidate: Layer, reference: Layer, run: BackwardRun, found: Derived, right: Derived) -> list[Finding]:
    """Findings that explain why `found`, the gradients of the candidate, are not `right`. Runs both sides again.

    A finding comes before those that follow from it: a parameter that is not registered has no gradient, and if states
    are detached between timesteps, the gradient of the initial state is missing.
    """
    if found.problem:
        return [Finding("gradient-missing", f"the candidate {found.problem.removeprefix('it ')}")]
    result = []
    if unregistered := [name for name in found.unregistered if name not in right.unregistered]:
        be = "are" if len(unregistered) > 1 else "is"
        message = f"{in_words(unregistered)} would never be trained: {be} not among the layer's registered parameters"
        result.append(Finding("parameter-not-registered", message))
    detached = detachment(candidate, reference, run, found, right)
    if detached:
        result.append(Finding("gradient-detached", detached))
    explained = [*unregistered, *(("h0", "c0") if detached else ())]
    if missing := [name for name in without_gradient(found, right) if name not in explained]:
        message = f"no gradient reaches {in_words(missing)}: it is detached, frozen, or not used in the results"
        result.append(Finding("gradient-missing", message))
    return result


def without_gradient(found: Derived, right: Derived) -> list[str]:
    """The names of the inputs and weights with a gradient in the reference and none in the candidate."""
    return [name for name, value in right.gradients.items() if value is not None and found.gradients[name] is None]


def detachment(candidate: Layer, reference: Layer, run: BackwardRun, found: Derived, right: Derived) -> str | None:
    """Where backward through time is cut, in one sentence, or None if it is not.

    It is cut only if the values depend on an earlier step that gets no gradient.
    """
    cut_off = [name for name in found.cut_off if name not in right.cut_off]
    if cut_off and (cut_off := [name for name in cut_off if name in moving(candidate, run)]):
        carry = "carry" if len(cut_off) > 1 else "carries"
        return f"{in_words(cut_off)} {carry} no gradient: detached, or computed where autograd is off"
    if "h_n" in run.unexposed:
        return None
    given = "h0" not in run.withheld
    k = cut_row(candidate, reference, run) if given else run.spec.directions * (run.spec.num_layers - 1)
    if k is None:
        return None
    layer, direction = divmod(k, run.spec.directions)
    where = f"layer {layer}, {('forward', 'reverse')[direction]}"
    if layer and given:
        if not final_states_move(candidate, run, with_other_states(run, k), k):
            return None
        return f"states are detached between timesteps ({where}): no gradient goes from its last state to its first"
    row, total = longest_row(run)
    mine, theirs = (back_to_x(side, run, k, row) for side in (candidate, reference))
    if direction:
        mine, theirs = mine[:total].flip(0), theirs[:total].flip(0)
    lost = int(((mine == 0) & (theirs != 0)).int().cumprod(0).sum())
    if not lost or found.gradients["x"] is None:  # only the initial state is cut off, or x is altogether
        return None
    early = slice(total - lost, total) if direction else slice(lost)
    if not final_states_move(candidate, run, with_other_x(run, early, row), k):
        return None
    reach = f"{total - lost} of {total} timesteps"
    return f"states are detached between timesteps ({where}): gradients of the last state go back only {reach}"


def cut_row(candidate: Layer, reference: Layer, run: BackwardRun) -> int | None:
    """The first layer and direction, as layer * D + direction, whose last states give its first no gradient.

    From h0[k] to h_n[k] the only way is through the timesteps of layer and direction k itself. Where the last states
    give no gradient to anything, a backward that ignores theirs is as likely; with lengths the cut may be behind the
    ends of rows.
    """
    for k in range(len(run.state.h)):
        found, right = (differentiate(layer, run, only(run, k)).gradients for layer in (candidate, reference))
        mine, theirs = ([each.get("h0"), each.get("c0")] for each in (found, right))
        some = run.lengths is not None or any(each is not None and bool(each.any()) for each in found.values())
        if some and not reaches(mine, k) and reaches(theirs, k):
            return k
    return None


def reaches(gradients: Sequence[Tensor | None], k: int) -> bool:
    return any(each is not None and bool(each[k].any()) for each in gradients)


def back_to_x(layer: Layer, run: BackwardRun, k: int, row: int) -> Tensor:
    """At which timesteps x has a gradient from the last states of layer and direction k: its largest, (T,)."""
    gradient = differentiate(layer, run, only(run, k)).gradients.get("x")
    return torch.zeros(len(run.x)) if gradient is None else gradient[:, row].abs().amax(-1)


def only(run: BackwardRun, k: int) -> Trace:
    """A projection of only the last states of layer and direction k, on varied numbers."""

    def varied(state: Tensor | None) -> Tensor | None:
        if state is None:
            return None
        chosen = torch.zeros(state.shape, dtype=torch.float64)
        chosen[k] = torch.linspace(1, 2, state[k].numel(), dtype=torch.float64).view(state[k].shape)
        return chosen

    empty = shaped(run, torch.zeros)
    h = varied(empty.final.h)
    assert h is not None
    return Trace(empty.output, State(h, varied(empty.final.c)))


def longest_row(run: BackwardRun) -> tuple[int, int]:
    """The batch row with the most timesteps, and their number."""
    row = max(range(len(run.ends)), key=run.ends.__getitem__)
    return row, run.ends[row]
