"""Where two sides that keep their own weights have other weights, as the reason for a mismatch."""

import math
from collections.abc import Iterator
from contextlib import suppress

import torch
from torch import Tensor

from rnncheck.checking.plan import Case
from rnncheck.checking.weights import Holding, tensors_of
from rnncheck.errors import RnncheckError
from rnncheck.evidence.first_chunk import FirstChunk
from rnncheck.implementations.protocol import HasWeights
from rnncheck.model.spec import Cell
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights
from rnncheck.report import Finding
from rnncheck.text import short

MOST_TOLD = 4  # weights that are told of one by one
EXPLAINED = 1e-3  # of the largest difference, that may be left with the same weights


def weights_differ(case: Case, first: FirstChunk) -> Finding | None:
    """The finding that both sides are the same function with other weights; None if they are not, or if the candidate's
    weights cannot be told in torch's layout.
    """
    own = in_torchs_layout(case)
    if own is None or not (told := list(differences(own, case))):
        return None
    with torch.inference_mode():
        there, (h, c) = first.spec, (first.state.h, first.state.c)
        dtype, device = getattr(torch, there.dtype), there.device
        given = first.x.to(device, dtype), State(h, c).to(device, dtype)
        mine = first.layers[0].run(*given, first.lengths)
        before, after = (first.sides[1].build(there, each).run(*given, first.lengths) for each in (case.weights, own))
        apart, left = (float((mine.output - each.output).abs().max()) for each in (before, after))
    if not left <= EXPLAINED * apart:
        return None
    more = f"; and {len(told) - MOST_TOLD} other tensors" if len(told) > MOST_TOLD else ""
    message = (
        f"the own weights of {short(case.sides[0].name)} are not those of {short(case.sides[1].name)}: "
        f"{'; '.join(told[:MOST_TOLD])}{more}. With the same weights both compute the same"
    )
    return Finding("weights-differ", message, 1.0)


def in_torchs_layout(case: Case) -> Weights | None:
    """The candidate's own weights."""
    plan, (candidate, _) = case.plan, case.sides
    if isinstance(candidate, Holding):
        return candidate.own
    with suppress(RnncheckError):
        if not isinstance(candidate, HasWeights):
            return None
        given = plan.weights is not None or plan.weights_path is not None
        tensors, source = tensors_of(plan.weights, plan.weights_path)[:2] if given else (None, candidate.name)
        return candidate.canonical(plan.spec, tensors, source)[0]
    return None


def differences(own: Weights, case: Case) -> Iterator[str]:
    """What differs in each tensor, at the dtype of the run."""
    theirs = case.weights.cast(case.plan.spec)
    for name, mine in own.cast(case.plan.spec).items():
        other = theirs.get(name)
        if other is None or other.shape != mine.shape or not (wrong := mine != other).any():
            continue
        largest = int((mine - other).abs().nan_to_num(math.inf).argmax())
        yield (
            f"{name} in {int(wrong.sum()):,} of {wrong.numel():,} numbers, most at "
            f"{place(mine, largest, case.plan.spec.cell)}: {mine.flatten()[largest]:.6g} and "
            f"{other.flatten()[largest]:.6g}"
        )


def place(value: Tensor, flat: int, cell: Cell) -> str:
    """The index of an element, and the gate of its row."""
    index = [int(each) for each in torch.unravel_index(torch.tensor(flat), value.shape)]
    gates = cell.letters
    gate = (
        f", gate {gates[index[0] * len(gates) // len(value)]}"
        if len(gates) > 1 and len(value) % len(gates) == 0
        else ""
    )
    return f"[{', '.join(map(str, index))}]{gate}"
