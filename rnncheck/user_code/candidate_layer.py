"""A layer of the user's, filled with torch's weights by its mapping, and differentiable by them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from rnncheck.mapping import FoundMapping
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights
from rnncheck.scratch.head import softmax_head
from rnncheck.user_code.blame import blamed
from rnncheck.user_code.native_layer import NativeLayer, plain
from rnncheck.user_code.own_loading import OwnLoading
from rnncheck.user_code.own_weights import Kept
from rnncheck.user_code.parametrized import taking_computed
from rnncheck.user_code.used import Used


class CandidateLayer(Used):
    """A native layer filled with torch's weights by its mapping."""

    def __init__(
        self, native: NativeLayer, mapping: FoundMapping | OwnLoading | Kept, weights: Weights, file: Path | None
    ) -> None:
        self._native, self._mapping, self._file = native, mapping, file
        self._values = weights.cast(native.spec)
        with torch.inference_mode(False):
            self._head = {name: plain(self._values[name]) for name in native.spec.head_shapes()}
        self._leaves: Mapping[str, Tensor] | None = None
        self._fill(self._values)

    def _fill(self, values: Mapping[str, Tensor]) -> None:
        with torch.inference_mode(False), torch.no_grad():
            self._mapping.fill(self._native, {name: plain(value) for name, value in values.items()})

    def parameters(self) -> Mapping[str, Tensor]:
        """The given values, if the candidate's tensors are exactly what the mapping makes of them."""
        values = {name: value for name, value in self._values.items() if name not in self._head}
        return (values if self._mapping.holds(self._native, values) else {}) | self._head

    def leaves(self) -> Mapping[str, Tensor] | None:
        """The weights that only registered parameters hold."""
        if not self._native.differentiable:
            return None
        if isinstance(self._mapping, OwnLoading | Kept):
            return {}  # through code that copies, no gradient finds its way back
        registered = self._native.registered()
        holders = self._mapping.holders
        with torch.inference_mode(False):
            self._leaves = {
                name: plain(value).clone().requires_grad_(self._native.trains(holders.get(name, frozenset())))
                for name, value in self._values.items()
                if name not in self._head
            }
        return {name: leaf for name, leaf in self._leaves.items() if holders.get(name, frozenset()) <= registered}

    def blamed(self, problem: Exception) -> Exception | None:
        found = blamed(problem, "", self._file)
        return found if found.in_its_code else None

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        if torch.is_grad_enabled() and not torch.is_inference_mode_enabled() and self._leaves is not None:
            trace = self._differentiable(x, state, lengths)
        else:
            trace = self._native.run(x, state, lengths)
        if not self._head:
            return trace
        with torch.inference_mode(False), torch.set_grad_enabled(trace.output.requires_grad):
            return replace(trace, y=softmax_head(trace.output, *self._head.values()))

    def _differentiable(self, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        """A run in which the tensors are computed from the leaves, so that the leaves get gradients.

        It is written in place: whatever the candidate keeps of its parameters, and wherever, sees it.
        """
        assert self._leaves is not None
        assert isinstance(self._mapping, FoundMapping)
        for value in self._native.tensors().values():
            value.detach_().requires_grad_(False)  # from the graph of an earlier run
        self._mapping.fill(self._native, self._leaves)
        for value in self._native.statistics():
            value.detach_()
        with taking_computed():
            return self._native.run(x, state, lengths)
