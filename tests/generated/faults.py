"""Faults planted in a generated layer's source: what is wrong, and which finding names it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from generated.kind import Kind
from generated.source import equations

Replaced = Mapping[str, str]


@dataclass(frozen=True)
class Planted:
    """The finding's name, and the pieces of source that are exchanged; None where the layer has no such place."""

    slug: str
    replaced: Callable[[Kind], Replaced | None]


def _line(kind: Kind, start: str) -> str | None:
    return next((line for line in equations(kind) if line.startswith(start)), None)


def _changed(start: str, right: str, wrong: str) -> Callable[[Kind], Replaced | None]:
    """In the step's line that starts so, one piece for another."""

    def replaced(kind: Kind) -> Replaced | None:
        line = _line(kind, start)
        return {line: line.replace(right, wrong)} if line and right in line else None

    return replaced


def _whole(cell: str, right: str, wrong: str) -> Callable[[Kind], Replaced | None]:
    return lambda kind: {right: wrong} if kind.cell == cell and right in equations(kind) else None


def _more_forget(kind: Kind) -> Replaced | None:
    line = _line(kind, "f = ") if kind.cell == "lstm" else None
    return {line: line[:-1] + " + 1.0)"} if line else None


def _reset_before(kind: Kind) -> Replaced | None:
    line = _line(kind, "new = ")
    return {line: line.replace("r * (h @", "((r * h) @")} if line and "r * (h @" in line else None


def _no_recurrence(kind: Kind) -> Replaced | None:
    """The step sees zeros where the state before it should be."""
    return {"rows[t], h": "rows[t], 0 * h"} if not kind.one_step and kind.loop == "layers" else None


def _not_flipped(kind: Kind) -> Replaced | None:
    return {"side[::-1] if d else side": "side"} if kind.directions == 2 else None


def _reads_forward(kind: Kind) -> Replaced | None:
    """The backward direction reads from the first step, and its outputs stand in that order."""
    if kind.directions == 1:
        return None
    return {
        "reversed(range(len(rows))) if d else range(len(rows))": "range(len(rows))",
        "side[::-1] if d else side": "side",
    }


def _state_ignored(kind: Kind) -> Replaced | None:
    if kind.one_step or kind.takes not in ("state", "apart") or not (kind.needs or kind.is_function):
        return None
    return {"h = h0": "h = 0 * h0"} if kind.cells == 1 else {"list(h0)": "list(0 * h0)"}


PLANTED = (
    Planted("wrong-nonlinearity", _changed("h = torch.tanh", "torch.tanh", "torch.sigmoid")),
    Planted("wrong-nonlinearity", _changed("g = torch.tanh", "torch.tanh", "torch.sigmoid")),
    Planted("missing-cell-activation", _whole("lstm", "h = o * torch.tanh(c)", "h = o * c")),
    Planted("coupled-gates", _whole("lstm", "c = f * c + i * g", "c = f * c + (1 - f) * g")),
    Planted("gate-ignored", _whole("lstm", "c = f * c + i * g", "c = f * c + g")),
    Planted("forget-bias-added", _more_forget),
    Planted("gru-update-inverted", _whole("gru", "h = (1 - z) * new + z * h", "h = z * new + (1 - z) * h")),
    Planted("gru-reset-before-matmul", _reset_before),
    Planted("no-recurrence", _no_recurrence),
    Planted("initial-state-ignored", _state_ignored),
    Planted("reverse-not-flipped", _not_flipped),
    Planted("reverse-reads-forward", _reads_forward),
)


def planted(kind: Kind) -> list[tuple[str, Replaced]]:
    """What can be planted in this layer."""
    found = ((fault.slug, fault.replaced(kind)) for fault in PLANTED)
    return [(slug, replaced) for slug, replaced in found if replaced is not None]
