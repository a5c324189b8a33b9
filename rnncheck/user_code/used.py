"""The other uses of a user's layer, as the protocol `Uses` defines them."""

import copy
import inspect
import pickle
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from rnncheck.implementations.uses import Copying, NotOffered
from rnncheck.model.spec import Cell, Dtype
from rnncheck.model.trace import State, Trace, dtype_name, dtype_of
from rnncheck.user_code.blame import blaming
from rnncheck.user_code.construct import signed
from rnncheck.user_code.convention import Convention, Reader
from rnncheck.user_code.functions import WithWeights
from rnncheck.user_code.isolation import current, isolated
from rnncheck.user_code.jax_module import in_jax_module
from rnncheck.user_code.keras_module import KerasModule
from rnncheck.user_code.native_layer import NativeLayer

NO_MODULE = "it is not a torch.nn.Module"
# Code that asks how many axes it was given takes a single sequence too.
ASKS_FOR_AXES = re.compile(r"(\.dim\(\)|\.ndim|len\(\w+\.(shape|size\(\))\)) *(==|!=|<=?) *[23]|is_batched")


class Used:
    """The uses of the user's layer other than `run`, through its native layer."""

    _native: NativeLayer

    def _fill(self, values: Mapping[str, Tensor]) -> None:
        raise NotImplementedError

    @property
    def _module(self) -> nn.Module:
        thing = self._native.thing
        if not isinstance(thing, nn.Module):
            raise NotOffered(NO_MODULE)
        return thing

    @contextmanager
    def as_called(self) -> Iterator[None]:
        with self._native.as_called():
            yield

    def run_without_state(self, x: Tensor, lengths: Sequence[int] | None = None) -> Trace:
        native = self._native
        convention, spec = native.caller.convention, native.spec
        if convention.state is None:
            raise NotOffered("it takes no initial state, so every run is without one")
        if must_be_given(native.thing, convention):
            raise NotOffered("its initial state cannot be left out")
        rows = spec.num_layers * spec.directions, x.shape[1]
        h = x.new_zeros(*rows, spec.state_size)
        zeros = State(h, x.new_zeros(*rows, spec.hidden_size) if spec.cell is Cell.LSTM else None)
        return native.called_by(replace(native.caller, stateless=True)).run(x, zeros, lengths)

    def run_unbatched(self, x: Tensor, state: State) -> Trace:
        native = self._native
        convention, reading = native.caller.convention, native.caller.reading
        if convention.by_row or convention.is_cell or not ASKS_FOR_AXES.search(source_of(native.thing)):
            raise NotOffered("its code does not check whether x has a batch axis")
        form = convention.state and replace(convention.state, axes=without_batch(convention.state.axes))
        caller = replace(
            native.caller,
            convention=replace(convention, x_axes=without_batch(convention.x_axes), state=form),
            reading=replace(reading, output=unbatched(reading.output), h=unbatched(reading.h), c=unbatched(reading.c)),
        )
        batched = State(state.h[:, None], None if state.c is None else state.c[:, None])
        trace = native.called_by(caller).run(x[:, None], batched)
        c = None if trace.final.c is None else trace.final.c[:, 0]
        return replace(trace, output=trace.output[:, 0], final=State(trace.final.h[:, 0], c))

    @contextmanager
    def training(self) -> Iterator[None]:
        module = self._module
        if in_jax_module(module):
            raise NotOffered("it is in jax, whose dropout rnncheck cannot switch off")
        module.train()
        try:
            yield
        finally:
            module.eval()

    def trained(self) -> Mapping[str, Tensor]:
        thing = self._native.thing
        return dict(thing.named_parameters()) if isinstance(thing, nn.Module) else self._native.tensors()

    def change(self, values: Mapping[str, Tensor]) -> None:
        self._fill(values)

    def saved(self) -> Mapping[str, Any]:
        with self._imports():
            return self._module.state_dict()

    def load(self, saved: Mapping[str, Any], *, assign: bool = False) -> None:
        with self._imports():
            self._module.load_state_dict(saved, assign=assign)

    def copied(self, how: Copying) -> Self:
        thing = self._module
        if how == "pickle" and (in_jax_module(thing) or isinstance(thing, KerasModule)):
            raise NotOffered("it is a layer of another framework, which pickle of torch does not serve")
        with self._imports(how):
            return self._around(copy.deepcopy(thing) if how == "deepcopy" else pickle.loads(pickle.dumps(thing)))

    def converted(self, dtype: torch.dtype) -> Self:
        if in_jax_module(self._native.thing):
            raise NotOffered("it is in jax, where layers have no .to")
        with self._imports():
            other = self._around(copy.deepcopy(self._module).to(dtype), dtype)
        other._native.in_own_default = True
        return other

    def compiled(self) -> Self:
        module: Any = torch.compile(self._module)
        return self._around(module)

    def lasting(self, x: Tensor, state: State) -> list[str]:
        with self._imports():
            before, ends = current(), []
            for seed in (1, 2):
                torch.manual_seed(seed)
                self._native.caller.run(x, state)
                ends.append(torch.get_rng_state())
            changed = [name for name, value in current().items() if value != before[name]]
            return [*changed, *["torch's seed"] * torch.equal(*ends)]

    @contextmanager
    def ready(self, x: Tensor, state: State) -> Iterator[Callable[[], Tensor]]:
        with self._imports():
            call = self._native.caller.ready(x, state)
            yield call if call is not None else lambda: self._native.caller.run(x, state).output

    def _around(self, thing: Any, dtype: torch.dtype | None = None) -> Self:
        other = copy.copy(self)
        caller = self._native.caller
        spec = caller.spec if dtype is None else replace(caller.spec, dtype=Dtype(dtype_name(dtype)))
        other._native = self._native.called_by(replace(caller, thing=thing, spec=spec))
        return other

    @contextmanager
    def _imports(self, doing: str = "") -> Iterator[None]:
        caller = self._native.caller
        dtype = dtype_of(caller.spec)
        with self._native.import_path.entered(), isolated(dtype), blaming(doing or caller.called, caller.file):
            yield


def code_of(thing: Any) -> Any:
    """What the user wrote of it, which is called."""
    return thing.code if isinstance(thing, WithWeights) else signed(thing)


def must_be_given(thing: Any, convention: Convention) -> bool:
    """Whether a parameter for the state has no default."""
    try:
        parameters = inspect.signature(code_of(thing)).parameters
    except (TypeError, ValueError):
        return False
    named = [parameters[name] for name in convention.state_names if name is not None and name in parameters]
    return any(each.default is inspect.Parameter.empty for each in named)


def source_of(thing: Any) -> str:
    """The source of the code that is called, or ""."""
    try:
        return inspect.getsource(code_of(thing))
    except (OSError, TypeError):
        return ""


def without_batch(axes: str) -> str:
    return axes.replace("B", "")


def unbatched(reader: Reader | None) -> Reader | None:
    return None if reader is None else replace(reader, axes=without_batch(reader.axes))
