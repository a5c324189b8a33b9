"""Calls functions of jax on torch tensors, as part of torch's graph: autograd differentiates them as often as it likes.

`bridge(function, *arguments)` returns what the function returns. Every torch tensor in the arguments, however deep in
dicts, lists and tuples, is a jax array inside the function, and every array in its result is a torch tensor outside.
Backward is such a call too, of the function's `jax.vjp`, so that it can be differentiated again.

A function is compiled for each structure and shape of its arguments: hand over the same function (one that is equal and
hashes equally is the same), and it is compiled once. A function that cannot be compiled, because it reads the numbers,
is run as it is. jax is imported on the first call. It runs on the CPU, with float64 within the call where the arguments
have it: jax's settings do not change.
"""

import sys
import warnings
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

# Half the time that the compiler takes otherwise, which is most of the time of a check, and a thirtieth of the memory
# that what it makes takes. Values differ by rounding alone.
QUICKLY = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}
MOST_OPERATIONS = 1000  # that are compiled: then it takes seconds, and to run them tenths
MOST_COMPILED = 512  # after which all are forgotten: each takes some 50 of the 65,530 maps that Linux gives a process


def bridge(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """`function(*arguments, **named)`. Raises what it raises."""
    from jax import tree_util

    leaves, structure = tree_util.tree_flatten((arguments, named))
    kinds = tuple(map(kind, leaves))
    settings = tuple(leaf for leaf, each in zip(leaves, kinds, strict=True) if each == "setting")
    others = tuple(array_of(leaf) for leaf, each in zip(leaves, kinds, strict=True) if each == "other")
    floats = [leaf for leaf, each in zip(leaves, kinds, strict=True) if each == "float"]
    box = Box()
    call = JaxCall(hashable(function), structure, kinds, settings)
    tensors = Bridged.apply(call, others, box, *floats)  # type: ignore[no-untyped-call]
    found = iter(tensors)
    return tree_util.tree_unflatten(box.structure, [next(found) if each is None else each for each in box.leaves])


class ByIdentity:
    """A function that cannot be hashed, or compared, by what it holds."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.function(*arguments, **named)


def hashable(function: Callable[..., Any]) -> Callable[..., Any]:
    try:
        hash(function)
    except TypeError:
        return ByIdentity(function)
    return function


@contextmanager
def precision(dtype: torch.dtype) -> Iterator[None]:
    """A context in which jax computes on the CPU, and in float64 if that is the dtype."""
    import jax

    with jax.default_device(jax.local_devices(backend="cpu")[0]), jax.enable_x64(dtype == torch.float64):
        yield


def tensor_of(array: Any) -> Tensor:
    """A copy of an array of jax or numpy."""
    found = np.array(array)
    if found.dtype.name == "bfloat16":
        return torch.from_numpy(found.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(found)


def array_of(value: Any) -> Any:
    """What jax takes for a tensor: a numpy array that shares its memory. Arrays of jax stay what they are."""
    if not isinstance(value, Tensor):
        return value
    value = value.detach().contiguous()
    if value.dtype == torch.bfloat16:
        import ml_dtypes

        return value.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return value.numpy()


def kind(leaf: Any) -> str:
    """ "float" for a tensor that can be differentiated, "other" for other arrays, "setting" for what is no array."""
    if isinstance(leaf, Tensor):
        return "float" if leaf.is_floating_point() else "other"
    return "other" if hasattr(leaf, "dtype") and hasattr(leaf, "shape") else "setting"


class JaxRun(Protocol):
    """A function of the arrays alone: those of floats, and those of other kinds."""

    def __call__(self, floats: Sequence[Any], others: Sequence[Any]) -> Any: ...


@dataclass(frozen=True)
class JaxCall:
    """A function with the structure of its arguments, and what in them is no array."""

    function: Hashable
    structure: Hashable
    kinds: tuple[str, ...]
    settings: tuple[Hashable, ...]

    def __call__(self, floats: Sequence[Any], others: Sequence[Any]) -> Any:
        from jax import tree_util

        parts = {"float": iter(floats), "other": iter(others), "setting": iter(self.settings)}
        leaves = [next(parts[each]) for each in self.kinds]
        arguments, named = tree_util.tree_unflatten(self.structure, leaves)
        return self.function(*arguments, **named)  # type: ignore[operator]


@dataclass(frozen=True)
class JaxBackward:
    """The gradients by the floats of a call, of which there are `inputs`; behind them come those by its results."""

    of: JaxRun
    inputs: int

    def __call__(self, floats: Sequence[Any], others: Sequence[Any]) -> Any:
        import jax
        from jax import numpy as jnp

        def results(inputs: Sequence[Any]) -> list[Any]:
            leaves = jax.tree_util.tree_leaves(self.of(inputs, others))
            return [each for each in map(jnp.asarray, leaves) if jnp.issubdtype(each.dtype, jnp.floating)]

        _, back = jax.vjp(results, list(floats[: self.inputs]))
        return back(list(floats[self.inputs :]))[0]


@dataclass
class Box:
    """The structure of a result, and those of its leaves that are no arrays; None in the place of arrays."""

    structure: Any = None
    leaves: list[Any] = field(default_factory=list)


class Bridged(torch.autograd.Function):
    """One call as a node of torch's graph."""

    @staticmethod
    def forward(ctx: Any, run: JaxRun, others: Sequence[Any], box: Box, *floats: Tensor) -> tuple[Tensor, ...]:
        from jax import tree_util

        ctx.save_for_backward(*floats)
        ctx.run, ctx.others = run, others
        double = any(each.dtype == torch.float64 for each in floats)
        with precision(torch.float64 if double else torch.float32), quiet():
            result = compiled_or_plain(run, [array_of(each) for each in floats], others)
            leaves, box.structure = tree_util.tree_flatten(result)
            shown = [each for each in leaves if is_array(each)]
            tensors = tuple(map(tensor_of, shown))
        box.leaves = [None if is_array(each) else each for each in leaves]
        ctx.floating = [each.is_floating_point() for each in tensors]
        ctx.mark_non_differentiable(*(each for each in tensors if not each.is_floating_point()))
        return tensors

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Any, ...]:
        floats = ctx.saved_tensors
        wanted = [each for each, floating in zip(cotangents, ctx.floating, strict=True) if floating]
        back = JaxBackward(ctx.run, len(floats))
        return None, None, None, *Bridged.apply(back, ctx.others, Box(), *floats, *wanted)  # type: ignore[no-untyped-call]


@contextmanager
def quiet() -> Iterator[None]:
    """Within it nothing is printed on stdout, and nothing is warned of: backward runs the user's code again, from
    wherever a gradient is asked for.
    """
    with redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def is_array(leaf: Any) -> bool:
    """Whether torch has such arrays: of numbers, which keys for random numbers are not."""
    dtype = getattr(leaf, "dtype", None)
    return dtype is not None and hasattr(leaf, "shape") and getattr(dtype, "kind", "") in ("f", "i", "u", "b", "V")


_not_compiled: set[JaxRun] = set()


def compiled_or_plain(run: JaxRun, floats: Sequence[Any], others: Sequence[Any]) -> Any:
    """The result of the compiled function, or of the function itself if it needs the numbers to decide what to do."""
    if run in _not_compiled:
        return plain(run, floats, others)
    import jax

    reads_numbers = (
        jax.errors.ConcretizationTypeError,  # which the errors of bool and int are too
        jax.errors.TracerArrayConversionError,
        jax.errors.TracerIntegerConversionError,
        jax.errors.NonConcreteBooleanIndexError,
        jax.errors.UnexpectedTracerError,
    )
    compiled = compiler()
    if compiled._cache_size() >= MOST_COMPILED:
        jax.clear_caches()
    try:
        if is_long(run, floats, others):
            return plain(run, floats, others)
        return compiled(run, floats, others)
    except reads_numbers:
        result = plain(run, floats, others)
        _not_compiled.add(run)
        return result


_long: dict[Hashable, bool] = {}


def is_long(run: JaxRun, floats: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether the call has so many operations, as a loop in Python has over many timesteps, that to compile it takes
    longer than to run it one by one. The compiler's time grows with their square.
    """
    key = (run, *((each.shape, each.dtype.name) for each in (*floats, *others)))
    if key not in _long:
        trace = getattr(compiler(), "trace", None)  # which older versions lack
        _long[key] = trace is not None and operations(trace(run, floats, others).jaxpr.jaxpr) > MOST_OPERATIONS
    return _long[key]


def operations(jaxpr: Any) -> int:
    """How many there are, those of inner functions and of the bodies of loops included."""
    inner = [each for equation in jaxpr.eqns for each in equation.params.values()]
    return len(jaxpr.eqns) + sum(operations(each.jaxpr) for each in inner if hasattr(each, "jaxpr"))


def plain(run: JaxRun, floats: Sequence[Any], others: Sequence[Any]) -> Any:
    from jax import numpy as jnp

    return run(list(map(jnp.asarray, floats)), list(map(jnp.asarray, others)))


@cache
def compiler() -> Any:
    """Runs a call compiled, as quickly as this jax can compile."""
    import jax

    def run(call: JaxRun, floats: Sequence[Any], others: Sequence[Any]) -> Any:
        return call(floats, others)

    quickly = jax.jit(run, static_argnums=0, compiler_options=QUICKLY)
    try:
        with precision(torch.float32):
            quickly(lambda floats, others: floats, [np.zeros(1, np.float32)], ())
    except Exception:  # another version of the compiler, which lacks such an option and says so by its own errors
        quickly = jax.jit(run, static_argnums=0)
    return quickly
