"""A layer of Keras as a torch module, with parameters of its own that the layer computes with in each call.

A keras.layers.RNN and a Bidirectional are called by torch's convention, x (B, T, I) and the state to the output and the
state; a cell by that of torch's cells; any other layer by the parameters of its own `call`.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from rnncheck.errors import CannotRun
from rnncheck.implementations import keras_backend
from rnncheck.implementations.jax_bridge import bridge
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.text import printable
from rnncheck.user_code.keras_variables import paths_of, value_of
from rnncheck.user_code.signatures import is_state

SHOWING = ("return_sequences", "return_state", "zero_output_for_mask")
VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
EITHER = inspect.Parameter.POSITIONAL_OR_KEYWORD


def with_input_size(made_by: Any) -> Callable[..., Any]:
    """A class of layers as a function that takes input_size too, which Keras reads from the input.

    Keywords that the class passes on to Keras, such as a name, are left out.
    """
    own = [each for each in inspect.signature(made_by).parameters.values() if each.kind not in VARIABLE]

    def make(input_size: int, **arguments: Any) -> Any:
        return made_by(**arguments)

    make.__signature__ = inspect.Signature([inspect.Parameter("input_size", EITHER), *own])  # type: ignore[attr-defined]
    return make


def module_of(make: Callable[[], Any], called: str, spec: Spec) -> nn.Module:
    """The module of the layer that `make` makes. Raises what its code raises, and `CannotRun` for a model without one
    recurrent layer.
    """
    keras = keras_backend.keras(called)
    drawn = Dtype.FLOAT64 if spec.dtype is Dtype.FLOAT64 else Dtype.FLOAT32  # not every initializer knows float16
    with keras_backend.within(keras, drawn, spec.device), torch.no_grad():
        layer = built(keras, make, called, spec)
        module = interface(keras, layer)(keras, layer)
        if isinstance(module, KerasSteps):
            x, *states = (random(2, size).to(spec.device) for size in (spec.input_size, *state_sizes(layer, spec)))
            module.look(x, states)
    return module


def random(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64).float() - 0.5


def built(keras: Any, make: Callable[[], Any], called: str, spec: Spec) -> Any:
    """The layer after its first call, which makes its weights: on a sequence, or if that raises, on one step.

    A layer that has its weights is not called.
    """
    problems = list[Exception]()
    for shape in ((2, 3, spec.input_size), (2, spec.input_size)):
        layer = recurrent_in(keras, make(), called)
        if layer.built:
            return layer
        states = [[keras.ops.zeros((2, size)) for size in state_sizes(layer, spec)]] if is_cell(layer) else []
        if states and len(shape) == 3:
            continue
        try:
            layer(keras.ops.zeros(shape), *states)
        except Exception as problem:  # of the user's code
            problems.append(problem)
        else:
            return layer
    raise problems[0]


def recurrent_in(keras: Any, layer: Any, called: str) -> Any:
    """The recurrent layer of a Sequential or functional model, or the layer itself."""
    if not isinstance(layer, keras.Sequential | keras.src.models.functional.Functional):
        return layer
    found = [each for each in layer.layers if isinstance(each, keras.layers.RNN | keras.layers.Bidirectional)]
    if len(found) != 1:
        names = ", ".join(printable(each.name, 40) for each in found) or "none"
        raise CannotRun(
            f"{called} is a model of Keras with {len(found)} recurrent layers, {names}; return one of them from a "
            "function"
        )
    return found[0]


@contextmanager
def showing_all(keras: Any, layer: Any) -> Iterator[None]:
    """Within it a recurrent layer returns every output and its last states, and zeros for what is masked."""
    every = list(layer._flatten_layers())
    before = remembering(every)()
    show_all(keras, layer)
    try:
        yield
    finally:
        for each, attributes in zip(every, before, strict=True):
            for name in SHOWING:
                vars(each).pop(name, None)
            vars(each).update({name: attributes[name] for name in SHOWING if name in attributes})


def show_all(keras: Any, layer: Any) -> None:
    if isinstance(layer, keras.layers.Bidirectional):
        layer.return_sequences = layer.return_state = True
        sides = [layer.forward_layer, layer.backward_layer]
    else:
        sides = [layer] if isinstance(layer, keras.layers.RNN) else []
    for each in sides:
        each.return_sequences = each.return_state = each.zero_output_for_mask = True


def parameters(layer: Any) -> list[inspect.Parameter]:
    """Those of its `call` that are not Keras' own."""
    every = inspect.signature(layer.call).parameters.values()
    return [each for each in every if each.kind not in VARIABLE and each.name not in ("training", "mask")]


def is_cell(layer: Any) -> bool:
    """Whether it computes one step of a state that it must be given."""
    _, *others = parameters(layer)
    required = [each for each in others if each.default is inspect.Parameter.empty]
    return bool(required) and (hasattr(layer, "state_size") or is_state(required[0].name))


def state_sizes(layer: Any, spec: Spec) -> list[int]:
    """The width of each state of a cell, as it says, or as that of torch has."""
    said = getattr(layer, "state_size", None)
    if said is None:
        return [spec.hidden_size] * (2 if spec.cell is Cell.LSTM else 1)
    return [int(each) for each in (said if isinstance(said, list | tuple) else [said])]


class KerasModule(nn.Module):
    """A built layer. Its variables are parameters here, and those that are not trained buffers, by the attributes that
    hold them.

    The layer is shared by all copies, and may be the user's own object: its attributes are exchanged for those that it
    has here, as the last call left them, within a call alone. Functions hold both, so that they are neither copied nor
    searched for tensors.
    """

    def __init__(self, keras: Any, layer: Any) -> None:
        super().__init__()
        every = list(layer._flatten_layers())
        call: Callable[..., Any] = partial(stateless, keras, layer)
        if keras.backend.backend() == "jax":
            call = partial(bridge, call)
        self._call: Callable[[], Callable[..., Any]] = lambda: call
        self._layers: Callable[[], list[Any]] = lambda: every
        self._attributes = remembering(every)
        self._own: Callable[[], tuple[Any, Any]] = lambda: (keras, layer)
        self._trains = "training" in inspect.signature(layer.call).parameters
        self.runs_on = f"Keras {keras.__version__} on the {keras.backend.backend()} backend"
        paths = paths_of(layer, KerasModule)
        self._trained = [paths[id(each)] for each in layer.trainable_variables]
        self._others = [paths[id(each)] for each in layer.non_trainable_variables]
        for name, variable in zip(self._trained, layer.trainable_variables, strict=True):
            self.register_parameter(name, nn.Parameter(value_of(variable)))
        for name, variable in zip(self._others, layer.non_trainable_variables, strict=True):
            self.register_buffer(name, value_of(variable))

    def filled_by(self, fill: Callable[[Any], None]) -> None:
        """Has `fill` set the variables of the layer itself, which has them in the dtype of this module meanwhile."""
        keras, layer = self._own()
        own = dict(
            zip(
                [*self._trained, *self._others],
                [*layer.trainable_variables, *layer.non_trainable_variables],
                strict=True,
            )
        )
        own = {name: each for name, each in own.items() if getattr(self, name).is_floating_point()}
        first: Tensor = getattr(self, next(iter(own)))
        dtype, before = str(first.dtype).removeprefix("torch."), [each._value for each in own.values()]
        with keras_backend.within(keras, dtype, first.device.type), converted(keras, layer, dtype):
            try:
                for name, each in own.items():
                    value = keras.ops.convert_to_tensor(getattr(self, name).detach().double().cpu().numpy(), dtype)
                    each._value = nn.Parameter(value) if isinstance(value, Tensor) else value
                fill(layer)
                for name, each in own.items():
                    getattr(self, name).copy_(value_of(each))
            finally:
                for each, value in zip(own.values(), before, strict=True):
                    each._value = value

    def called(self, *arguments: Any, **named: Any) -> Any:
        """What the layer returns."""
        if self._trains:
            named["training"] = self.training
        trained = [getattr(self, each) for each in self._trained]
        others = [getattr(self, each) for each in self._others]
        dtype = next((str(each.dtype) for each in trained), str(torch.get_default_dtype())).removeprefix("torch.")
        with self._with_own_attributes():
            result, after = self._call()(dtype, trained, others, *arguments, **named)
        for name, before, value in zip(self._others, others, after, strict=True):
            if value is not before:
                setattr(self, name, value.detach())
        return result

    @contextmanager
    def _with_own_attributes(self) -> Iterator[None]:
        before = remembering(self._layers())
        put_back(self._layers(), self._attributes())
        try:
            yield
        finally:
            self._attributes = remembering(self._layers())
            put_back(self._layers(), before())


def remembering(layers: Sequence[Any]) -> Callable[[], list[dict[str, Any]]]:
    """Returns the attributes of each layer, as they are now."""
    kept = [dict(vars(each)) for each in layers]
    return lambda: kept


def put_back(layers: Sequence[Any], kept: Sequence[Mapping[str, Any]]) -> None:
    for each, attributes in zip(layers, kept, strict=True):
        vars(each).clear()
        vars(each).update(attributes)


def stateless(
    keras: Any, layer: Any, dtype: str, trained: Sequence[Any], others: Sequence[Any], *arguments: Any, **named: Any
) -> tuple[Any, Sequence[Any]]:
    """What the layer returns with these values of its variables, and those that are not trained after the call."""
    with keras_backend.computing(keras, dtype), converted(keras, layer, dtype), showing_all(keras, layer):
        found: tuple[Any, Sequence[Any]] = layer.stateless_call(trained, others, *arguments, **named)
    return found


@contextmanager
def converted(keras: Any, layer: Any, dtype: str) -> Iterator[None]:
    """Within it the layer and those in it compute in `dtype`, and its variables, in whose place others are, say so."""
    for each in layer._flatten_layers():
        if each.compute_dtype != dtype:
            each.dtype_policy = keras.DTypePolicy(dtype)
    others = [each for each in layer.variables if each.dtype != dtype and each.dtype in list(Dtype)]
    before = [each._dtype for each in others]
    for each in others:
        each._dtype = dtype
    try:
        yield
    finally:
        for each, own in zip(others, before, strict=True):
            each._dtype = own


class KerasSequences(KerasModule):
    """A keras.layers.RNN or a Bidirectional."""

    def forward(self, x: Tensor, hx: Any = None, lengths: Tensor | None = None) -> Any:
        """x (B, T, I); h (D, B, H), or (h, c) -> the output (B, T, D*H), and h or (h, c)."""
        both = hx if isinstance(hx, tuple | list) else (hx,)
        start = None if hx is None else [each for side in zip(*both, strict=True) for each in side]
        ends = None if lengths is None or bool((lengths == x.shape[1]).all()) else lengths.to(x.device)
        mask = None if ends is None else torch.arange(x.shape[1], device=x.device) < ends[:, None]
        output, *finals = self.called(x, initial_state=start, mask=mask)
        per_side = len(finals) // (2 if isinstance(self, BothWays) else 1)
        states = [torch.stack(finals[part::per_side]) for part in range(per_side)]
        return output, states[0] if per_side == 1 else tuple(states)


class BothWays(KerasSequences):
    """A Bidirectional."""


class KerasSteps(KerasModule):
    """A cell. Many output the state h, which is then returned once."""

    repeats = False

    def forward(self, x: Tensor, hx: Any) -> Any:
        """x (B, I); h (B, H) or (h, c) -> what it outputs, if that is not h, and h or (h, c)."""
        output, states = self._step(x, list(hx) if isinstance(hx, tuple | list) else [hx])
        state = states[0] if len(states) == 1 else states
        return state if self.repeats else (output, state)

    def _step(self, x: Tensor, states: list[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
        output, after = self.called(x, states)
        return output, tuple(after) if isinstance(after, list | tuple) else (after,)

    def look(self, x: Tensor, states: list[Tensor]) -> None:
        """Sees in one step whether it outputs h."""
        output, after = self._step(x, states)
        self.repeats = torch.equal(output, after[0])


def interface(keras: Any, layer: Any) -> type[KerasModule]:
    """The class of the module for this layer."""
    if isinstance(layer, keras.layers.Bidirectional):
        return BothWays
    if isinstance(layer, keras.layers.RNN):
        return KerasSequences
    if is_cell(layer):
        return KerasSteps
    first, *others = parameters(layer)

    def forward(self: KerasModule, *arguments: Any, **named: Any) -> Any:
        given: Mapping[str, Any] = dict(zip([each.name for each in (first, *others)], arguments, strict=False)) | named
        return self.called(given[first.name], **{name: value for name, value in given.items() if name != first.name})

    own = [inspect.Parameter("self", EITHER), first.replace(kind=EITHER), *others]
    forward.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
    return type(type(layer).__name__, (KerasModule,), {"forward": forward})
