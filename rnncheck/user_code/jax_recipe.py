"""How to make the module of a layer in jax, again and again: from a class, an instance or a function."""

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from rnncheck.implementations.jax_bridge import precision, tensor_of
from rnncheck.model.spec import Spec
from rnncheck.model.trace import dtype_of
from rnncheck.user_code.flax_dtype import dtype_in, flax_makes
from rnncheck.user_code.jax_code import Unmade, framework
from rnncheck.user_code.signatures import Call, read

# The parameters that say whether a layer is trained, with what they say where it is not.
EVALUATED = dict.fromkeys(("train", "training", "is_training", "is_train"), False) | dict.fromkeys(
    ("deterministic", "inference", "eval_mode", "use_running_average"), True
)
KEY = np.zeros(2, np.uint32)  # PRNGKey(0), which jax cannot make while it traces
KEYS = ("key", "rng", "rngs", "prng_key", "rng_key", "random_key")  # what random numbers are drawn from


@dataclass(frozen=True)
class Recipe:
    """How to make a layer's module, again and again: `function(variables, arguments, named)` yields its
    result and the variables that it has changed.

    `leaves` are its arrays in the order of `structure`, and shapes where a matrix is to be drawn; `trained` tells its
    parameters by their path.
    """

    function: Callable[..., Any]
    leaves: Sequence[Any]
    structure: Any
    code: Any
    trained: str = ""

    def variables(self) -> Any:
        """With new matrices, as tensors where they are floating-point."""
        from jax import tree_util

        leaves = [
            torch.randn(each) / math.sqrt(each[-2]) if isinstance(each, tuple) else as_tensor(each)
            for each in self.leaves
        ]
        return tree_util.tree_unflatten(self.structure, leaves)


def recipe_of(thing: Any, spec: Spec) -> Recipe:
    """Of a layer of flax or equinox, or of a class of them with its arguments, or of a function without weights.

    Raises what the code raises.
    """
    without_arrays = isinstance(thing, Unmade) or framework(thing) == "linen"
    known = remembered if without_arrays and is_hashable(thing) else read_anew
    return known(thing, replace(spec, head=None))


def read_anew(thing: Any, spec: Spec) -> Recipe:
    makers = {"linen": of_linen, "nnx": of_nnx, "equinox": of_equinox}
    code = thing.made_by if isinstance(thing, Unmade) else thing
    dtype = dtype_of(spec)
    with precision(dtype), flax_makes(dtype):
        kind = framework(of(code))
        return of_function(thing) if kind is None else makers[kind](thing, spec)


# To trace a constructor takes long, and it is called for every copy.
remembered = lru_cache(maxsize=64)(read_anew)


def is_hashable(thing: object) -> bool:
    try:
        hash(thing)
    except TypeError:
        return False
    return True


def of(code: Any) -> Any:
    return getattr(code, "func", code)


@dataclass(frozen=True)
class Linen:
    module: Any

    def __call__(self, variables: Any, arguments: Any, named: Any) -> Any:
        with flax_makes(dtype_in((variables, arguments, named))):
            return self.module.apply(variables, *arguments, **named), None


@dataclass(frozen=True)
class Nnx:
    graph: Any

    def __call__(self, variables: Any, arguments: Any, named: Any) -> Any:
        from flax import nnx

        with flax_makes(dtype_in((variables, arguments, named))):
            module = nnx.merge(self.graph, variables["params"], variables["rest"])
            module.eval()
            result = module(*arguments, **named)
            return result, {"rest": nnx.split(module, nnx.Param, ...)[2]}


@dataclass(frozen=True)
class Equinox:
    static: Any

    def __call__(self, variables: Any, arguments: Any, named: Any) -> Any:
        import equinox

        module = equinox.nn.inference_mode(equinox.combine(variables, self.static), value=True)
        return module(*arguments, **named), None


@dataclass(frozen=True)
class Plain:
    function: Any

    def __call__(self, variables: Any, arguments: Any, named: Any) -> Any:
        return self.function(*arguments, **named), None


def of_linen(thing: Any, spec: Spec) -> Recipe:
    module = thing.made() if isinstance(thing, Unmade) else thing
    code = called(type(module).__call__)
    problem: Exception | None = None
    for example in examples(read(code), spec):

        def drawn(key: Any, given: dict[str, Any] = example) -> Any:
            return module.init(key, **given, **code.flags)  # type: ignore[attr-defined]

        try:
            return Recipe(Linen(module), *initial(drawn), code, "['params']")
        except Exception as raised:  # the code may raise any error at what it does not take
            problem = problem or raised
    assert problem is not None
    raise problem


def of_nnx(thing: Any, spec: Spec) -> Recipe:
    from flax import nnx

    kept: dict[str, Any] = {}

    def parts(key: Any) -> Any:
        module = thing.made(nnx.Rngs(key)) if isinstance(thing, Unmade) else thing
        kept["graph"], params, rest = nnx.split(module, nnx.Param, ...)
        kept["code"] = called(type(module).__call__)
        return {"params": params, "rest": rest}

    leaves, structure = initial(parts) if isinstance(thing, Unmade) else as_they_are(parts(None))
    return Recipe(Nnx(kept["graph"]), leaves, structure, kept["code"], "['params']")


def of_equinox(thing: Any, spec: Spec) -> Recipe:
    import equinox

    kept: dict[str, Any] = {}

    def parts(key: Any) -> Any:
        module = thing.made(key) if isinstance(thing, Unmade) else thing
        arrays, kept["static"] = equinox.partition(module, equinox.is_array)
        kept["code"] = called(type(module).__call__)
        return arrays

    leaves, structure = initial(parts) if isinstance(thing, Unmade) else as_they_are(parts(None))
    return Recipe(Equinox(kept["static"]), leaves, structure, kept["code"])


def of_function(function: Any) -> Recipe:
    return Recipe(Plain(function), *as_they_are({}), function)


def initial(make: Callable[[Any], Any]) -> tuple[list[Any], Any]:
    """The arrays that `make` draws from a key, and their structure; of matrices the shapes alone.

    To compile how a framework draws an orthogonal matrix takes seconds, and every matrix gets other values anyway. So
    what `make` does is traced, and only what it makes of less than two axes is computed. It is run if it cannot be
    traced.
    """
    import jax

    key = jax.random.key(int(torch.randint(2**31, ())))
    try:
        shapes, structure = jax.tree_util.tree_flatten(jax.eval_shape(make, key))
        drawn = [each.ndim > 1 and jax.numpy.issubdtype(each.dtype, jax.numpy.floating) for each in shapes]

        def others(key: Any) -> list[Any]:
            leaves = jax.tree_util.tree_leaves(make(key))
            return [leaf for leaf, skipped in zip(leaves, drawn, strict=True) if not skipped]

        rest = iter(jax.jit(others)(key))
    except (
        jax.errors.ConcretizationTypeError,
        jax.errors.TracerArrayConversionError,
        jax.errors.UnexpectedTracerError,
    ):
        return as_they_are(make(key))
    return [each.shape if skipped else next(rest) for each, skipped in zip(shapes, drawn, strict=True)], structure


def as_they_are(tree: Any) -> tuple[list[Any], Any]:
    from jax import tree_util

    return tree_util.tree_flatten(tree)  # type: ignore[no-any-return]


def as_tensor(leaf: Any) -> Any:
    """A copy as a tensor, if it is a floating-point array."""
    from jax import numpy as jnp

    return tensor_of(leaf) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf


def called(method: Any) -> Callable[..., Any]:
    """What stands for a method where its signature is read: without self, and without what says whether it is trained,
    or is a key for random numbers: those are its `flags`.
    """

    def code(*arguments: Any, **named: Any) -> Any:
        raise NotImplementedError

    signature = inspect.signature(method)
    own = list(signature.parameters.values())[1:]
    code.__signature__ = signature.replace(parameters=[each for each in own if each.name not in (*EVALUATED, *KEYS)])  # type: ignore[attr-defined]
    code.__wrapped__ = method  # type: ignore[attr-defined]
    flags = {each.name: EVALUATED[each.name] for each in own if each.name in EVALUATED}
    wanted = [each.name for each in own if each.name in KEYS and each.default is inspect.Parameter.empty]
    code.flags = flags | {name: None if name == "rngs" else KEY for name in wanted}  # type: ignore[attr-defined]
    return code


def examples(call: Call, spec: Spec) -> Iterator[dict[str, Any]]:
    """Arguments from which linen may infer the shapes of its parameters: they follow from the last axis of x alone."""
    from jax import numpy as jnp

    width, size, layers = spec.input_size, spec.hidden_size, spec.num_layers * spec.directions
    h, every = jnp.zeros((2, size)), jnp.zeros((layers, 2, size))
    states: list[dict[str, Any]] = [{}]
    if call.state is not None and call.state_required:
        pairs = [(each, each) for each in (h, every, h[0])]
        states = [{call.state: each} for each in (h, *pairs, every, h[0], [h] * layers, [(h, h)] * layers)]
        if call.cell_state is not None:
            states = [{call.state: a, call.cell_state: b} for a, b in pairs]
    for x in (jnp.zeros((2, 3, width)), jnp.zeros((2, width)), jnp.zeros((3, 2, width)), jnp.zeros((3, width))):
        yield from ({call.x: x} | state for state in states)
    yield from ({call.x: jnp.zeros((2, 3), int)} | state for state in states)
