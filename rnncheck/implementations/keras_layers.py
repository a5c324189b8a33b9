"""`keras:LSTM`, `keras:GRU` and `keras:SimpleRNN`: the recurrent layers of Keras 3, one for each layer of the spec.

A Bidirectional around each where the spec has both directions. Rows with lengths are given as a mask.
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor

from rnncheck.errors import UsageError
from rnncheck.implementations.jax_bridge import bridge
from rnncheck.implementations.keras_backend import CLASSES, IN_FLOAT64, PREFIX, check, computing, keras, within
from rnncheck.implementations.keras_layout import held, to_keras
from rnncheck.implementations.protocol import Reading, no_place_for_own
from rnncheck.implementations.uses import NotOffered
from rnncheck.model.leaves import Leaves
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights
from rnncheck.report import Mapped
from rnncheck.scratch.head import softmax_head
from rnncheck.text import printable

SETTABLE = ("activation", "recurrent_activation", "reset_after", "unroll")  # by --arg; rnncheck sets what else matters
RESET_BEFORE = "the GRU of Cho et al. 2014: its reset gate acts before the recurrent product; torch has no such GRU"


class KerasLayers:
    """The class `called`, constructed with `arguments` besides those that follow from the spec.

    Raises `CannotRun` where Keras is not installed, and `UsageError` for arguments that cannot be set.
    """

    location = "keras.layers"

    def __init__(self, called: str, arguments: Mapping[str, object] | None = None) -> None:
        check(called)
        self.name, self._called, self._arguments = PREFIX + called, called, dict(arguments or {})
        self._keras = keras(self.name)
        self._cell = CLASSES[called]
        taken = inspect.signature(getattr(self._keras.layers, called)).parameters
        possible = [name for name in SETTABLE if name in taken]
        for name in self._arguments:
            if name not in possible:
                raise UsageError(
                    f"--arg {printable(name, 60)} cannot be set for {self.name}; {', '.join(possible)} can"
                )

    @property
    def _resets_before(self) -> bool:
        return self._cell is Cell.GRU and not self._arguments.get("reset_after", True)

    def cell(self, spec: Spec) -> Cell:
        return self._cell

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        if reason := no_place_for_own(spec):
            return reason
        if spec.cell is not self._cell:
            return f"it is the {self._cell} cell: add --cell {self._cell}"
        if spec.proj_size:
            return "Keras has no projection of h; leave --proj-size out"
        if spec.device != "cpu":
            return f"rnncheck runs it on the cpu only, not on {spec.device}"
        return None

    def read(self, spec: Spec) -> Reading:
        """What is run, with the settings of Keras that decide what it computes."""
        layer = f"Bidirectional({self._called})" if spec.bidirectional else self._called
        made = self._made(spec)
        core = made[0].forward_layer if spec.bidirectional else made[0]
        settings = [
            f"{name} {value if isinstance(value, bool) else printable(getattr(value, '__name__', str(value)), 40)}"
            for name in SETTABLE
            if (value := getattr(core.cell, name, getattr(core, name, None))) is not None and name != "unroll"
        ]
        version, backend = self._keras.__version__, self._keras.backend.backend()
        mapping = [
            Mapped(name, of, "layout", tuple(variable.shape))
            for layer_made, told in zip(made, self._held(spec), strict=True)
            for variable, (name, of) in zip(layer_made.trainable_variables, told, strict=True)
        ]
        return Reading(
            f"{spec.num_layers} {layer}, Keras {version} on the {backend} backend; {', '.join(settings)}",
            mapping=tuple(mapping),
            restrictions=(IN_FLOAT64,) if spec.dtype is Dtype.FLOAT64 else (),
            notes=(f"{self.name} with reset_after=False is {RESET_BEFORE}; see --against variant:gru-reset-before",)
            if self._resets_before
            else (),
        )

    def build(self, spec: Spec, weights: Weights) -> "KerasLayer":
        return KerasLayer(self._keras, self._made(spec), weights.cast(spec), spec, apart=self._apart)

    @property
    def _apart(self) -> bool:
        return self._cell is Cell.GRU and not self._resets_before

    def _held(self, spec: Spec) -> list[list[tuple[str, str]]]:
        """For each layer the tensors of Keras, and what each holds of torch's."""
        sides = ("", "_reverse")[: spec.directions]
        return [
            [
                (f"layer {layer}{' backward' if side else ''}: {name}", of)
                for side in sides
                for name, of in held(spec.cell, f"_l{layer}{side}", bias=spec.bias, apart=self._apart).items()
            ]
            for layer in range(spec.num_layers)
        ]

    def _made(self, spec: Spec) -> list[Any]:
        """The layers, built. What they hold is replaced in each call."""
        layers = self._keras.layers
        arguments = dict(self._arguments)
        if spec.cell is Cell.RNN:
            arguments.setdefault("activation", spec.nonlinearity)
        made = []
        with torch.inference_mode(False), within(self._keras, spec.dtype, spec.device):
            for number in range(spec.num_layers):
                layer = getattr(layers, self._called)(
                    spec.hidden_size,
                    use_bias=spec.bias,
                    return_sequences=True,
                    return_state=True,
                    zero_output_for_mask=True,
                    kernel_initializer="zeros",  # which draw nothing, and are there in every dtype
                    recurrent_initializer="zeros",
                    seed=0,
                    **arguments,
                )
                layer = layers.Bidirectional(layer) if spec.bidirectional else layer
                layer.build((None, None, spec.layer_input_size(number)))
                made.append(layer)
        return made


class KerasLayer(Leaves):
    """Layers of Keras that get their weights in each call, computed from torch's, so that these have gradients."""

    def __init__(
        self, keras: Any, layers: Sequence[Any], values: Mapping[str, Tensor], spec: Spec, *, apart: bool
    ) -> None:
        super().__init__(values, spec)
        self._keras, self._layers, self._spec, self._apart = keras, layers, spec, apart
        self._training = False
        self._calls = [partial(called, keras, spec.dtype, layer) for layer in layers]

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        return self._run(x, state, lengths)

    def run_without_state(self, x: Tensor, lengths: Sequence[int] | None = None) -> Trace:
        return self._run(x, None, lengths)

    @contextmanager
    def training(self) -> Iterator[None]:
        if self._spec.dropout:
            raise NotOffered("its layers have no dropout between them")
        self._training = True
        try:
            yield
        finally:
            self._training = False

    def _run(self, x: Tensor, state: State | None, lengths: Sequence[int] | None) -> Trace:
        spec = self._spec
        mask = None if lengths is None else torch.arange(len(x)) < torch.tensor(lengths)[:, None]
        output, finals = x.transpose(0, 1), list[Tensor]()
        with within(self._keras, spec.dtype, spec.device):
            for number, layer in enumerate(self._layers):
                output, *ends = self._called(number, layer, output, state, mask)
                finals += ends
        y = softmax_head(output, *self._head.values()) if self._head else None
        per_state = 2 if spec.cell is Cell.LSTM else 1
        h, *c = (torch.stack(finals[part::per_state]) for part in range(per_state))
        return Trace(output.transpose(0, 1), State(h, *c), None if y is None else y.transpose(0, 1))

    def _called(self, number: int, layer: Any, x: Tensor, state: State | None, mask: Tensor | None) -> Sequence[Tensor]:
        """The output (B, T, D*H) of one layer and the last states of each direction, h or h and c."""
        spec = self._spec
        sides = [f"_l{number}{side}" for side in ("", "_reverse")[: spec.directions]]
        weights = [each for side in sides for each in to_keras(spec.cell, self._leaves, side, apart=self._apart)]
        places = range(number * spec.directions, (number + 1) * spec.directions)
        start = None if state is None else [each[k] for k in places for each in state.tensors()]
        others = [variable.value for variable in layer.non_trainable_variables]
        call = self._calls[number] if self._keras.backend.backend() == "torch" else partial(bridge, self._calls[number])
        found: Sequence[Tensor] = call(weights, others, x, start, mask, training=self._training)
        return found


def called(
    keras: Any,
    dtype: str,
    layer: Any,
    weights: Sequence[Any],
    others: Sequence[Any],
    x: Any,
    start: Sequence[Any] | None,
    mask: Any,
    *,
    training: bool,
) -> Sequence[Any]:
    """What the layer returns with these weights, and these values of its variables that are not trained.

    jax calls it again for the gradients, later.
    """
    with computing(keras, dtype):
        results, _ = layer.stateless_call(weights, others, x, initial_state=start, mask=mask, training=training)
    found: Sequence[Any] = results
    return found
