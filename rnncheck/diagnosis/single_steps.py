"""Locates unknown wrong gradients: the first single step, the gate and the quantity that are wrong."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from torch import Tensor

from rnncheck.envelope import exact_and_envelope, rounding_of
from rnncheck.evidence.gradients.findings import listed
from rnncheck.faults.planted import Planted
from rnncheck.faults.scene import Scene
from rnncheck.implementations.protocol import Implementation
from rnncheck.model.spec import Cell
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights
from rnncheck.scratch.network import Network

Gradients = Mapping[str, Tensor | None]
Differentiate = Callable[[Implementation, Scene], Gradients]

NEAR = 1e-9  # relative to the largest: in float64 two right layers' gradients part by some 1e-14
RIGHT = "the gradients of each single step are right; the fault is in how they are passed between steps or added up"


def in_one_step(candidate: Implementation, scene: Scene, differentiate: Differentiate) -> str:
    """The first single step of a scene with wrong gradients in float64, and which; or that there is none.

    Each step is run alone, from the exact states before it, so that nothing is carried back from later ones.
    """
    spec = scene.spec
    exact = exact_and_envelope(
        spec, Weights(scene.weights), scene.x, scene.state, scene.lengths, rounding=rounding_of(spec)
    )
    for t in range(min(scene.lengths or [scene.seq_len])):
        c = None if exact.before.c is None else exact.before.c[t]
        step = replace(scene, x=scene.x[t : t + 1], state=State(exact.before.h[t], c), lengths=None)
        mine, right = (differentiate(side, step) for side in (candidate, Planted("", Network)))
        wrong = {name: each for name in right if (each := differing(spec.cell, name, mine.get(name), right[name]))}
        if wrong:
            return told(t, wrong, spec.cell)
    return RIGHT


def differing(cell: Cell, name: str, mine: Tensor | None, right: Tensor | None) -> str:
    """The gates in whose rows a parameter's gradient is wrong, as letters; "all" of another quantity that is."""
    if right is None:
        return ""
    gates = cell.letters if name.startswith(("weight_ih", "weight_hh", "bias")) else ""
    if mine is None or mine.shape != right.shape:
        return gates or "all"
    allowed = NEAR * float(right.abs().amax())
    if not gates:
        return "all" if float((mine - right).abs().amax()) > allowed else ""
    blocks = (each.chunk(len(gates)) for each in (mine, right))
    return "".join(gate for gate, a, b in zip(gates, *blocks, strict=True) if float((a - b).abs().amax()) > allowed)


def told(t: int, wrong: Mapping[str, str], cell: Cell) -> str:
    """The wrong gradients, as the end of a sentence."""
    every = cell.letters
    by_gates: dict[str, list[str]] = {}
    for name, gates in wrong.items():
        by_gates.setdefault(gates, []).append(f"grad {name}")
    parts = []
    for gates, names in by_gates.items():
        some = len(every) > 1 and gates not in ("all", every)
        parts.append((f"the rows of gate {listed(list(gates))} in " if some else "") + listed(names))
    return f"in the single step t = {t}, from the exact states before it, these already differ: {'; '.join(parts)}"
