"""Runs a layer again on the same input and states; it must give the same bits.

A result that differs between calls says nothing about the model, so this comes before any comparison.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from rnncheck.implementations.protocol import Implementation, Layer
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace, dtype_of
from rnncheck.model.weights import Weights
from rnncheck.report import Finding

INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}  # by how many bytes a number has


def repeat(
    name: str,
    layer: Layer,
    implementation: Implementation,
    spec: Spec,
    weights: Weights,
    x: Tensor,
    state: State,
    lengths: Sequence[int] | None,
    first: Trace,
) -> Finding | None:
    """The finding about a second call, or None if it gives the bits of `first` again.

    `first` is the result of the first call with x (T, B, I) and `state`. A difference is `state-leaks-between-calls`
    if newly built layers give the same two results, and `nondeterministic` if they do not. A call that writes into its
    inputs is `input-mutated`. It takes one more run if the bits agree, five if not. Errors of the layer are passed on.
    """
    first = copied(first)  # the next call may write into what the last one returned
    given = Inputs(spec, x, state, lengths)
    second = copied(given.run(layer))
    if changed := given.changed():
        inputs = " and ".join(changed)
        differ = "differ" if len(changed) > 1 else "differs"
        return Finding(
            "input-mutated",
            f"{name} writes into its own input: {inputs} {differ} after the call.",
            mend=f"Compute new values instead of writing into {inputs}, or clone {inputs} first.",
        )
    difference = parting(first, second)
    if difference is None:
        return None
    for _ in range(2):
        fresh = implementation.build(spec, weights)
        for expected in (first, second):
            if parting(expected, copied(Inputs(spec, x, state, lengths).run(fresh))) is not None:
                return Finding(
                    "nondeterministic",
                    f"{name} gives different results each time for the same input, states and weights: {difference}.",
                )
    return Finding(
        "state-leaks-between-calls",
        f"{name} keeps state between calls: a second call with the same input and states gives another result, and a "
        f"newly built one gives the first result again; {difference}.",
    )


class Inputs:
    """The inputs of one call: copies at the spec's dtype, and their original values.

    They are never inference tensors: a candidate would get another copy of those, and changes would not be seen here.
    """

    def __init__(self, spec: Spec, x: Tensor, state: State, lengths: Sequence[int] | None) -> None:
        dtype = dtype_of(spec)
        with torch.inference_mode(False):
            self._state = state.to(spec.device, dtype)
            self._x = x.to(spec.device, dtype, copy=True)
        self._lengths, self._lengths_were = None if lengths is None else list(lengths), lengths
        self._were = [(name, value, value.clone()) for name, value in self._tensors()]

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        yield "x", self._x
        yield "h0", self._state.h
        if self._state.c is not None:
            yield "c0", self._state.c

    def run(self, layer: Layer) -> Trace:
        return layer.run(self._x, self._state, self._lengths)

    def changed(self) -> list[str]:
        """The names of the inputs that have changed."""
        names = [name for name, value, was in self._were if bool(different(value, was).any())]
        if self._lengths is not None and self._lengths_were is not None and self._lengths != list(self._lengths_were):
            names.append("lengths")
        return names


def copied(trace: Trace) -> Trace:
    """A copy of the trace."""
    y = None if trace.y is None else trace.y.clone()
    return Trace(trace.output.clone(), trace.final.map(torch.clone), y)


def parting(a: Trace, b: Trace) -> str | None:
    """How two traces differ, and the first place, as the end of a sentence; None if they have the same bits."""
    sides = (
        ("output", a.output, b.output),
        ("y", a.y, b.y),
        ("h_n", a.final.h, b.final.h),
        ("c_n", a.final.c, b.final.c),
    )
    for quantity, one, other in sides:
        if one is None and other is None:
            continue
        if one is None or other is None or one.shape != other.shape or one.dtype != other.dtype:
            return f"its {quantity} has another shape or dtype"
        differs = different(one, other)
        if bool(differs.any()):
            first = int(differs.flatten(1).any(1).nonzero()[0])
            where = f"first at t = {first}" if quantity in ("output", "y") else "and only the final states do"
            return f"its {quantity} differs {by_how_much(one[differs], other[differs])}, {where}"
    return None


def different(a: Tensor, b: Tensor) -> Tensor:
    """Where two tensors of one shape and dtype have different bits: a NaN is like itself."""
    whole = INTEGERS[a.element_size()]
    return a.contiguous().view(whole) != b.contiguous().view(whole)


def by_how_much(a: Tensor, b: Tensor) -> str:
    size = float((a.double() - b.double()).abs().amax())  # a NaN on either side makes it one
    if size == 0:
        return "in the sign of a zero"
    return f"by up to {size:.1e}" if size < float("inf") else "by a NaN or an infinity"
