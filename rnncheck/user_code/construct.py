"""Constructs a candidate for a spec: in evaluation mode, on its device, with all its tensors at one dtype."""

import inspect
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.jit._trace import TopLevelTracedModule
from torch.nn.parameter import is_lazy

from rnncheck.errors import CannotRun
from rnncheck.model.spec import Spec
from rnncheck.model.trace import dtype_of
from rnncheck.user_code import keras_module, keras_variables
from rnncheck.user_code.arguments import Constructor
from rnncheck.user_code.blame import blaming
from rnncheck.user_code.isolation import isolated
from rnncheck.user_code.jax_code import JaxClass, Unmade, framework, holds_jax, is_jax
from rnncheck.user_code.jax_module import JaxModule, as_module
from rnncheck.user_code.loading import Loaded
from rnncheck.user_code.parametrized import make_plain
from rnncheck.user_code.roles import role_of
from rnncheck.user_code.signatures import by_name
from rnncheck.user_code.tensors import convert, copied, place_of

SIZE = re.compile(r"size|sz|dim|num|units|features|hiddens|model|^n_?[a-z]|^d_", re.IGNORECASE)
METHODS = (
    "forward",
    "__call__",
    "forward_pass",
    "forward_propagation",
    "run",
    "step",
    "predict",
    "fprop",
    "call",
    "apply",
)


def constructor(loaded: Loaded, given: Mapping[str, object]) -> Constructor | None:
    """How it is constructed; None for an instance, or a function of x, which is called as it is."""
    thing: Any = loaded.thing
    function: Any = thing.func if isinstance(thing, partial) else thing
    if keras_variables.is_layer(function) and isinstance(thing, type):
        return Constructor(keras_module.with_input_size(thing), loaded.called, given)
    if isinstance(function, type) or (inspect.isroutine(function) and makes_a_layer(thing)):
        return Constructor(JaxClass(thing) if framework(function) else thing, loaded.called, given)
    if given and not inspect.isfunction(thing):
        raise CannotRun(f"--arg sets parameters of a constructor, and {loaded.called} has none; leave --arg out")
    return None


def makes_a_layer(function: Callable[..., Any]) -> bool:
    """Whether a function makes a layer: it takes sizes, but no x, or has no required parameter."""
    parameters = inspect.signature(function).parameters
    required = [name for name, each in parameters.items() if each.default is inspect.Parameter.empty]
    if required and required[0] in ("x", "xs", "x_t", "xt", "seq", "sequence"):
        return False
    sizes = [name for name in parameters if role_of(name) in ("input_size", "hidden_size") and SIZE.search(name)]
    return not required or bool(sizes) or (len(required) == 1 and role_of(required[0]) == "config")


def construct(loaded: Loaded, made_by: Constructor | None, spec: Spec, output_size: int) -> object:
    """The constructed layer. Raises `CannotRun` if its code raises, or an argument is not known."""
    if made_by is None:
        refuse_what_cannot_be_filled(loaded.thing, loaded.called)  # a copy of what was traced looks scripted
        if keras_variables.is_layer(loaded.thing) or is_jax(loaded.thing):
            return construct_from(loaded, lambda *_: loaded.thing, spec, output_size, "read")
        return construct_from(loaded, lambda *_: thawed(copied(loaded.thing)), spec, output_size, "copied")
    return construct_from(loaded, lambda *_: of_this_size(made_by, spec, output_size), spec, output_size)


def thawed(thing: Any) -> Any:
    """With every parameter trained: what an owner has frozen is no mistake of the layer."""
    if isinstance(thing, nn.Module):
        trained = {place_of(each) for each in thing.parameters() if each.requires_grad}
        for each in frozen(thing):
            each.requires_grad_(place_of(each) not in trained)  # of two that are the same numbers, one is trained
    return thing


def frozen(module: nn.Module) -> list[nn.Parameter]:
    return [each for each in module.parameters() if each.is_floating_point() and not each.requires_grad]


def construct_from(
    loaded: Loaded, make: Callable[[Spec, int], Any], spec: Spec, output_size: int, how: str = "constructed"
) -> object:
    """The result of `make`, in evaluation mode, on the spec's device, at its dtype."""
    dtype = dtype_of(spec)
    what = f"{loaded.called} cannot be {how}"
    with torch.inference_mode(False), loaded.import_path.entered(), isolated(dtype), blaming(what, loaded.file):
        thing: Any = make(spec, output_size)
        if keras_variables.is_layer(thing):
            first = iter([thing])
            again = lambda: next(first, None) or make(spec, output_size)  # noqa: E731
            thing = keras_module.module_of(again, loaded.called, spec)
        elif is_jax(thing):
            thing = as_module(thing, spec)
        called_once(thing, spec)
        refuse_what_cannot_be_filled(thing, loaded.called)
        if holds_jax(thing):
            raise CannotRun(
                f"{loaded.called} holds arrays of jax, and rnncheck can set only those of modules of flax and equinox "
                "and the parameters of functions; make it a module, or a function that takes them"
            )
        if thing is None or not callable(entry(thing)):
            raise CannotRun(
                f"{loaded.called} returns {type(thing).__name__}, which is not a layer and cannot be called"
            )
        if isinstance(thing, nn.Module):
            evaluating(thing)
            make_plain(thing)
            thing.to(spec.device, dtype)
        convert(thing, dtype, spec.device)
    return thing


UNEXPECTED = re.compile(r"(?:unexpected keyword argument|multiple values for (?:keyword )?argument) '(\w+)'")


def of_this_size(made_by: Constructor, spec: Spec, output_size: int) -> Any:
    """Constructs it. A layer of both directions whose hidden size is that of both together is given twice as much."""
    made_by.of_both = False
    if not spec.bidirectional:
        return spelled(made_by, spec, output_size)
    first: Exception | None = None
    try:
        thing = spelled(made_by, spec, output_size)
        if not halved(thing, spec.hidden_size):
            return thing
    except Exception as problem:  # of the user's code, which may require an even number
        first = problem
    twice = replace(spec, hidden_size=2 * spec.hidden_size)
    try:
        thing = spelled(made_by, twice, output_size)
    except Exception:
        raise first or RuntimeError from None
    if first is not None and not halved(thing, twice.hidden_size):
        raise first
    made_by.of_both = True
    return thing


def halved(thing: Any, units: int) -> bool:
    """Whether each direction of torch's layers inside has half of these units."""
    inside = [each for each in thing.modules() if isinstance(each, nn.RNNBase)] if isinstance(thing, nn.Module) else []
    return bool(inside) and all(each.bidirectional and each.hidden_size == units // 2 for each in inside)


def spelled(made_by: Constructor, spec: Spec, output_size: int) -> Any:
    """Constructs it with the first spelling of the cell's name that it accepts. Raises what the first one raises."""
    first: Exception | None = None
    for arguments in made_by.spellings(spec, output_size):
        try:
            return made(made_by, arguments, spec)
        except Exception as problem:  # of the user's code: it may be any
            first = first or problem
    assert first is not None
    raise first


def made(made_by: Constructor, arguments: dict[str, object], spec: Spec) -> Any:
    """Constructs it, without default keywords if the class passes them to a function that does not take them.

    Raises what its code raises.
    """
    while True:
        try:
            thing = made_by.function(**arguments)
            return as_module(thing, spec) if isinstance(thing, Unmade) else thing
        except TypeError as problem:
            named = UNEXPECTED.search(str(problem))
            if named is None or not made_by.dispensable(named[1], arguments):
                raise
            made_by.without.add(named[1])
            arguments = {name: value for name, value in arguments.items() if name != named[1]}


def evaluating(module: nn.Module) -> None:
    """Sets evaluation mode, also if a class has its own `train` or `eval` that does something else."""
    if type(module).train is nn.Module.train and type(module).eval is nn.Module.eval:
        module.eval()
        return
    for each in module.modules():
        each.training = False


def called_once(thing: Any, spec: Spec) -> None:
    """Calls a lazy module in the usual ways until its weights have shapes, which the last axis of x gives them."""
    if not is_unshaped(thing):
        return
    x, h = torch.zeros(3, 2, spec.input_size), torch.zeros(1, 2, spec.state_size)
    c = torch.zeros(1, 2, spec.hidden_size)
    calls = (x,), (x[0],), (x, h), (x[0], h[0]), (x, (h, c)), (x[0], (h[0], c[0])), (x[0], h[0], c[0])
    for arguments in calls:
        with suppress(Exception), torch.no_grad():  # also a call that raises may have made the shapes
            thing(*arguments)
        if not is_unshaped(thing):
            break


def is_unshaped(thing: Any) -> bool:
    return isinstance(thing, nn.Module) and any(map(is_lazy, (*thing.parameters(), *thing.buffers())))


def refuse_what_cannot_be_filled(thing: Any, called: str) -> None:
    """Raises `CannotRun` for layers whose weights cannot be accessed, or do not exist yet."""
    if isinstance(thing, TopLevelTracedModule | torch.jit.ScriptFunction):
        raise CannotRun(f"{called} is compiled by torch.jit; give the class or the layer that it was compiled from")
    if is_unshaped(thing):
        raise CannotRun(
            f"{called} is lazy: some of its weights have no shape, also after calls of forward(x), forward(x, h) and "
            "forward(x, (h, c)); set their sizes"
        )


def entry(thing: Any) -> Callable[..., Any] | None:
    """The function that runs it, called by the names of its parameters."""
    function = function_of(thing)
    return None if function is None else by_name(function, signed(thing))


def signed(thing: Any) -> Any:
    """The function whose signature names the parameters."""
    if isinstance(thing, torch.jit.ScriptModule):
        return as_declared(thing)
    if isinstance(thing, JaxModule):
        return thing.shared.code
    if isinstance(thing, nn.Module):
        return thing.forward if type(thing).__call__ is nn.Module.__call__ else thing.__call__
    return function_of(thing)


def as_declared(compiled: torch.jit.ScriptModule) -> Callable[..., Any]:
    """A compiled module's forward, with the parameters that its code declares; one that is plain Python as it is."""
    if not hasattr(compiled.forward, "schema"):
        return compiled.forward

    def forward(*arguments: Any, **named: Any) -> Any:
        return compiled(*arguments, **named)

    declared: Any = compiled.forward
    parameters = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=each.default_value if each.has_default_value() else inspect.Parameter.empty,
        )
        for each in declared.schema.arguments[1:]
    ]
    forward.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return forward


def function_of(thing: Any) -> Callable[..., Any] | None:
    if isinstance(thing, nn.Module | partial) or inspect.isroutine(thing):
        return thing
    for name in METHODS:
        method = getattr(thing, name, None)
        if callable(method):
            return method  # type: ignore[no-any-return]
    return None
