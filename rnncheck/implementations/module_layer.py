"""Runs a `torch.nn.Module` with the interface of `torch.nn.RNN`, `LSTM` and `GRU` as a layer."""

import copy
import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnncheck.implementations.uses import Copying
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace, dtype_name, dtype_of

HeadFunction = Callable[[Tensor, Tensor, Tensor], Tensor]


def build_module(classes: Mapping[Cell, type[nn.Module]], spec: Spec) -> nn.Module:
    """The module of this spec with random weights, to be replaced. torch's global random state does not change."""
    arguments: dict[str, object] = {
        "input_size": spec.input_size,
        "hidden_size": spec.hidden_size,
        "num_layers": spec.num_layers,
        "bias": spec.bias,
        "batch_first": spec.batch_first,
        "dropout": spec.dropout,
        "bidirectional": spec.bidirectional,
        "dtype": dtype_of(spec),
    }
    if spec.cell is Cell.RNN:
        arguments["nonlinearity"] = spec.nonlinearity
    if spec.cell is Cell.LSTM:
        arguments["proj_size"] = spec.proj_size
    # Tensors that are made in inference mode can never be differentiated; these should be, wherever they are made.
    with (
        torch.inference_mode(False),
        torch.random.fork_rng(devices=[]),
    ):  # the meta device would do it without drawing, and import sympy for it
        return classes[spec.cell](**arguments).to(spec.device)


class ModuleLayer:
    """`module` with the weights `values` loaded by name, and `head(output, W_hy, b_y)` on top if the spec has one."""

    def __init__(self, spec: Spec, module: nn.Module, head: HeadFunction, values: Mapping[str, Tensor]) -> None:
        self._spec, self._head = spec, head
        self._module = module.eval()
        self._module.load_state_dict({name: values[name] for name in spec.recurrent_shapes()})
        with torch.inference_mode(False):
            self._head_values = {name: values[name].clone() for name in spec.head_shapes()}

    def parameters(self) -> Mapping[str, Tensor]:
        return {**self._module.state_dict(), **self._head_values}

    def leaves(self) -> Mapping[str, Tensor]:
        return {name: value for name, value in self._module.named_parameters() if value.requires_grad}

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        return self._called(x, state.h if state.c is None else tuple(state.tensors()), lengths)

    def _called(self, x: Tensor, hx: object, lengths: Sequence[int] | None) -> Trace:
        with without_notice_of_speed(self._spec), differentiable(self._module, x):
            output, final = self._packed(x, hx, lengths) if lengths else self._padded(x, hx)
        h, c = final if isinstance(final, tuple) else (final, None)
        y = self._head(output, *self._head_values.values()) if self._head_values else None
        return Trace(output, State(h, c), y)

    # The other ways in which a module is used: see `Uses`.

    @contextmanager
    def as_called(self) -> Iterator[None]:
        yield

    def run_without_state(self, x: Tensor, lengths: Sequence[int] | None = None) -> Trace:
        return self._called(x, None, lengths)

    def run_unbatched(self, x: Tensor, state: State | None) -> Trace:
        hx = None if state is None else state.h if state.c is None else (state.h, state.c)
        with without_notice_of_speed(self._spec):
            output, final = self._module(x, hx)
        h, c = final if isinstance(final, tuple) else (final, None)
        return Trace(output, State(h, c))

    @contextmanager
    def training(self) -> Iterator[None]:
        self._module.train()
        try:
            yield
        finally:
            self._module.eval()

    def trained(self) -> Mapping[str, Tensor]:
        return self.leaves()

    def change(self, values: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self._module.named_parameters():
                parameter.copy_(values[name])

    def saved(self) -> Mapping[str, Any]:
        return self._module.state_dict()

    def load(self, saved: Mapping[str, Any], *, assign: bool = False) -> None:
        self._module.load_state_dict(saved, assign=assign)

    def copied(self, how: Copying) -> "ModuleLayer":
        module = copy.deepcopy(self._module) if how == "deepcopy" else pickle.loads(pickle.dumps(self._module))
        return self._around(module, self._spec)

    def converted(self, dtype: torch.dtype) -> "ModuleLayer":
        spec = replace(self._spec, dtype=Dtype(dtype_name(dtype)))
        return self._around(self._module.to(dtype), spec)

    def compiled(self) -> "ModuleLayer":
        module: Any = torch.compile(self._module)
        return self._around(module, self._spec)

    @contextmanager
    def ready(self, x: Tensor, state: State) -> Iterator[Callable[[], Tensor]]:
        module, head, values = self._module, self._head, tuple(self._head_values.values())
        hx = state.h if state.c is None else (state.h, state.c)
        given = x.transpose(0, 1) if self._spec.batch_first else x
        with without_notice_of_speed(self._spec), differentiable(module, x):
            yield (lambda: head(module(given, hx)[0], *values)) if values else (lambda: module(given, hx)[0])

    def _around(self, module: nn.Module, spec: Spec) -> "ModuleLayer":
        other = copy.copy(self)
        other._module, other._spec = module, spec
        return other

    def _padded(self, x: Tensor, hx: object) -> tuple[Tensor, object]:
        if not self._spec.batch_first:
            return self._module(x, hx)  # type: ignore[no-any-return]
        output, final = self._module(x.transpose(0, 1), hx)
        return output.transpose(0, 1), final

    def _packed(self, x: Tensor, hx: object, lengths: Sequence[int]) -> tuple[Tensor, object]:
        packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
        output, final = self._module(packed, hx)
        return pad_packed_sequence(output, total_length=len(x))[0], final


@contextmanager
def differentiable(module: nn.Module, x: Tensor) -> Iterator[None]:
    """Where gradients are wanted of cuDNN, which prepares for them in training mode alone; without dropout even so."""
    if not (x.is_cuda and torch.is_grad_enabled()):
        yield
        return
    dropout, training = module.dropout, module.training
    try:
        if not training:
            module.dropout = 0.0  # type: ignore[assignment]
            module.train()
        yield
    finally:
        module.train(training)
        module.dropout = dropout


def without_notice_of_speed(spec: Spec) -> AbstractContextManager[None]:
    """torch warns that an LSTM with a projection is not run by oneDNN, which changes nothing that is compared."""
    return ignoring("LSTM with projections is not supported with oneDNN") if spec.proj_size else nullcontext()


@contextmanager
def ignoring(warning: str) -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", warning)
        yield
