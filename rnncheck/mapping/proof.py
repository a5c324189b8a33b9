"""Verifies a mapping: a change of any of torch's weights must change the candidate's results."""

from collections.abc import Iterable

import torch
from torch import Tensor

from rnncheck.mapping.expression import First
from rnncheck.mapping.found import FoundMapping
from rnncheck.mapping.native import Native
from rnncheck.mapping.probe import put, zeros
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, dtype_of
from rnncheck.model.weights import draw
from rnncheck.report import Finding
from rnncheck.text import printable

STEPS = 4


def dead(native: Native, mapping: FoundMapping) -> list[Finding]:
    """A finding for each mapped weight that does not affect any result of the candidate."""
    spec = native.spec
    weights = {name: 2 * value for name, value in draw(spec, 0).values.items()}
    put(native, mapping.values(native, weights))
    before = shows(native)
    found = []
    for name, holders in mapping.holders.items():
        put(native, mapping.values(native, {**weights, name: weights[name] + 0.1}))
        if all(torch.equal(a, b) for a, b in zip(before, shows(native), strict=True)):
            held = ", ".join(map(printable, sorted(holders)))
            found.append(
                Finding("dead-parameter", f"{held} does not affect the output: other values of {name} change nothing.")
            )
    return found


def moving(native: Native, mapping: FoundMapping, names: Iterable[str]) -> set[str]:
    """Which of these tensors, of those that hold no weight, change results of random weights."""
    weights = {name: 2 * value for name, value in draw(native.spec, 0).values.items()}
    put(native, mapping.values(native, weights))
    before, found = shows(native), set[str]()
    for name in names:
        tensor = native.tensors()[name]
        made = tensor.detach().clone()
        put(native, {name: made + 0.5})
        if any(not torch.equal(a, b) for a, b in zip(before, shows(native), strict=True)):
            found.add(name)
        put(native, {name: made})
    return found


def too_small(mapping: FoundMapping, asked: Native) -> list[Finding]:
    """A finding for each tensor that has one number instead of H, at the sizes of the run."""
    held, size = asked.tensors(), mapping.spec.hidden_size
    return [
        Finding(
            "parameter-shape",
            f"{printable(name)} has shape {tuple(held[name].shape)} and cannot hold {size} biases; rnncheck wrote "
            "the first one into it, which the candidate then uses for every unit.",
        )
        for name, entry in mapping.entries.items()
        if isinstance(entry.expression, First) and size > 1
    ]


def shows(native: Native) -> list[Tensor]:
    """The results of a short run on fixed random data."""
    spec: Spec = native.spec
    dtype = dtype_of(spec)
    generator = torch.Generator().manual_seed(5)
    steps, rows = native.facts.fixed or (STEPS, 3)
    x = torch.randn(steps, rows, spec.input_size, generator=generator, dtype=torch.float64).to(spec.device, dtype)
    start = zeros(spec, rows)
    if native.facts.takes_state:
        start = State(torch.randn(start.h.shape, generator=generator, dtype=torch.float64), start.c)
    with torch.no_grad():
        trace = native.run(x, start.to(spec.device, dtype))
    return [value.clone() for name, value in trace.shown().items() if name in native.facts.exposes]
