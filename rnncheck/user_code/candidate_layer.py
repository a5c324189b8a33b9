"""A layer of the user's, filled with torch's weights by its mapping, and differentiable by them; and its other uses."""

import copy
import inspect
import pickle
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from rnncheck.errors import CannotRun
from rnncheck.implementations.uses import Copying, NotOffered, Unlike, WrongUse
from rnncheck.mapping import FoundMapping
from rnncheck.mapping.expression import Eye, Ones, Zeros
from rnncheck.model.spec import Cell, Dtype
from rnncheck.model.trace import State, Trace, dtype_name, dtype_of
from rnncheck.model.weights import Weights
from rnncheck.scratch.head import softmax_head
from rnncheck.text import in_words
from rnncheck.user_code.blame import blamed, blaming
from rnncheck.user_code.calling import Caller
from rnncheck.user_code.construct import signed
from rnncheck.user_code.convention import Convention, Reader
from rnncheck.user_code.functions import WithWeights
from rnncheck.user_code.isolation import current, isolated
from rnncheck.user_code.jax_module import in_jax_module
from rnncheck.user_code.keras_module import KerasModule
from rnncheck.user_code.native_layer import NativeLayer, plain
from rnncheck.user_code.own_loading import OwnLoading
from rnncheck.user_code.own_weights import Kept
from rnncheck.user_code.parametrized import taking_computed
from rnncheck.user_code.quantities import alike
from rnncheck.user_code.results import leaves

NO_MODULE = "it is not a torch.nn.Module"
# Code that asks how many axes it was given takes a single sequence too.
ASKS_FOR_AXES = re.compile(r"(\.dim\(\)|\.ndim|len\(\w+\.(shape|size\(\))\)) *(==|!=|<=?) *[23]|is_batched")


class CandidateLayer:
    """A native layer filled with torch's weights by its mapping, with the uses that the protocol `Uses` defines."""

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
        self._native.release()
        self._mapping.fill(self._native, self._leaves)
        for value in self._native.statistics():
            value.detach_()
        with taking_computed():
            return self._native.run(x, state, lengths)

    # The other uses of the layer: see `implementations.uses`.

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
        return self._native.called_by(self._stateless()).run(x, self._zeros(x), lengths)

    def _stateless(self) -> Caller:
        """Its caller, by which it is given no initial state."""
        convention = self._native.caller.convention
        if convention.state is None:
            raise NotOffered("it is given no initial state, so every run is without one")
        if must_be_given(self._native.thing, convention):
            raise NotOffered("its initial state cannot be left out")
        return replace(self._native.caller, stateless=True)

    def _zeros(self, x: Tensor) -> State:
        """The initial state that it has where none is given, for x (T, B, I)."""
        spec = self._native.spec
        rows = spec.num_layers * spec.directions, x.shape[1]
        h = x.new_zeros(*rows, spec.state_size)
        return State(h, x.new_zeros(*rows, spec.hidden_size) if spec.cell is Cell.LSTM else None)

    def run_unbatched(self, x: Tensor, state: State | None) -> Trace:
        native = self._native
        convention, reading = native.caller.convention, native.caller.reading
        if convention.by_row or convention.is_cell or not ASKS_FOR_AXES.search(source_of(native.thing)):
            raise NotOffered("its code does not check whether x has a batch axis")
        used = native.caller if state is not None else self._stateless()
        form = convention.state and replace(convention.state, axes=without_batch(convention.state.axes))
        caller = replace(
            used,
            convention=replace(convention, x_axes=without_batch(convention.x_axes), state=form),
            reading=replace(reading, output=unbatched(reading.output), h=unbatched(reading.h), c=unbatched(reading.c)),
        )
        start = self._zeros(x[:, None]) if state is None else state.map(lambda each: each[:, None])
        if len(x) > 1 and self._takes_one_step(caller, used, x, start):
            raise Unlike("it takes x of two axes for one timestep of a batch, not for a sequence without a batch axis")
        trace = native.called_by(caller).run(x[:, None], start)
        return replace(trace, output=trace.output[:, 0], final=trace.final.map(lambda each: each[:, 0]))

    def _takes_one_step(self, unbatched: Caller, batched: Caller, x: Tensor, start: State) -> bool:
        """Whether it returns the same for x (T, I), from one state, as for one timestep of T rows."""
        of_each = start.map(lambda each: each.expand(-1, len(x), -1).clone())
        try:
            with self._imports(), torch.no_grad():
                results = unbatched.result(x[:, None], start), batched.result(x[None], of_each)
        except CannotRun:
            return False
        one, other = ([value.flatten() for _, value in leaves(each, {})] for each in results)
        return len(one) == len(other) and all(alike(*each) for each in zip(one, other, strict=True))

    @contextmanager
    def training(self) -> Iterator[None]:
        module = self._module
        if in_jax_module(module):
            raise NotOffered("it is in jax, whose dropout rnncheck cannot switch off")
        try:
            module.train()
        except TypeError as problem:
            raise NotOffered(f"its train is a method of its own: {problem}") from problem
        if not module.training:
            raise NotOffered("its train() keeps it in evaluation mode")
        if type(module).train is not nn.Module.train and (dropping := still_dropping(module)):
            raise DropsInEvaluation(f"after eval(), its {in_words(dropping)} still drops")
        try:
            yield
            if not module.training:
                raise WrongUse("a call in training mode switches it to evaluation mode")
        finally:
            module.eval()

    def trained(self) -> Mapping[str, Tensor]:
        """Without those that hold a constant instead of weights, such as a head that is set to the identity."""
        thing = self._native.thing
        every = dict(thing.named_parameters()) if isinstance(thing, nn.Module) else self._native.tensors()
        if not isinstance(self._mapping, FoundMapping):
            return every
        entries = self._mapping.entries
        constant = {name for name, each in entries.items() if isinstance(each.expression, Eye | Zeros | Ones)}
        return {name: value for name, value in every.items() if name not in constant}

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
            module = self._module
            if isinstance(module, KerasModule):  # it is around a layer that the user may hold
                module = copy.deepcopy(module)
            other = self._around(module.to(dtype), dtype)
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

    def overwrites(self, first: tuple[Tensor, State], second: tuple[Tensor, State]) -> bool:
        """Whether a second call changes the arrays that the first returned, alone or as members of tuples and lists:
        those in a dict may be a cache. `run` copies arrays of numpy, so that it does not show there.
        """
        caller, convention = self._native.caller, self._native.caller.convention
        if not convention.numpy:
            return False
        rows, steps = slice(0, 1 if convention.by_row else None), slice(0, 1 if convention.is_cell else None)
        results = []
        with self._imports():
            for x, state in (first, second):
                result = caller.result(x[steps, rows], state.map(lambda each: each[:, rows]))
                returned = {each: value for each, value in leaves(result, {}) if not each or isinstance(each[-1], int)}
                results.append((returned, {each: value.clone() for each, value in returned.items()}))
        returned, before = results[0]
        return any(not torch.equal(value.nan_to_num(), before[each].nan_to_num()) for each, value in returned.items())

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


class DropsInEvaluation(WrongUse):
    """Its eval() does not reach the modules in it."""

    fault = "dropout-in-eval"


def still_dropping(module: nn.Module) -> list[str]:
    """The names of the dropouts in it that are on and that its eval() leaves on."""
    modules = [(name, each) for name, each in module.named_modules() if isinstance(each, _DropoutNd) and each.p]
    inside = {name: each for name, each in modules if each.training}
    module.eval()
    found = [name for name, each in inside.items() if each.training]
    module.train()
    return found


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
