"""Weights that a module computes from others, as weight_norm does: rnncheck compares the computed weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.weight_norm import WeightNorm

from rnncheck.errors import CannotRun
from rnncheck.mapping.names import is_head
from rnncheck.text import printable


def make_plain(module: nn.Module) -> None:
    """Replaces each computed weight by a parameter with its value. That of a head may stay computed.

    Raises `CannotRun` where not every weight can be what is computed: then torch's cannot.
    """
    for owner, each in module.named_modules():
        for hook in [hook for hook in each._forward_pre_hooks.values() if isinstance(hook, WeightNorm)]:
            nn.utils.remove_weight_norm(each, hook.name)
        if parametrize.is_parametrized(each):
            each.__class__ = own_class(each)
        for name in list(each.parametrizations) if parametrize.is_parametrized(each) else ():
            dotted = f"{owner}.{name}".lstrip(".")
            if takes(each, name):
                parametrize.remove_parametrizations(each, name, leave_parametrized=True)
            elif not is_head(dotted):
                by = " and ".join(type(step).__name__ for step in each.parametrizations[name])
                inverted = all(hasattr(step, "right_inverse") for step in each.parametrizations[name])
                why = "which cannot produce every weight" if inverted else "which has no right_inverse"
                raise CannotRun(
                    f"{printable(dotted)} is computed by {printable(by)}, {why}, so rnncheck cannot set it to torch's "
                    "weight\nRemove the parametrization, or give it a right_inverse"
                )


def takes(module: nn.Module, name: str) -> bool:
    """Whether the parametrization can produce any weight; the current value stays."""
    with torch.no_grad():
        held: Tensor = getattr(module, name).clone()
        drawn = torch.randn(held.shape, generator=torch.Generator().manual_seed(2)).to(held)
        if changes_nothing(module, name, drawn):
            return True
        try:
            setattr(module, name, drawn)
            found = torch.allclose(getattr(module, name), drawn, atol=float(torch.finfo(held.dtype).eps) ** 0.5)
            setattr(module, name, held)
        except Exception:  # it has no inverse, or refuses this weight, in any way
            return False
    return found


def changes_nothing(module: nn.Module, name: str, drawn: Tensor) -> bool:
    """Whether what is computed is what it is computed from, so that it needs no inverse."""
    original = getattr(module.parametrizations[name], "original", None)  # type: ignore[index]
    if not isinstance(original, Tensor) or original.shape != drawn.shape:
        return False
    kept = original.clone()
    original.copy_(drawn)
    same = torch.equal(getattr(module, name), drawn)
    original.copy_(kept)
    return same


def own_class(module: nn.Module) -> type[nn.Module]:
    """Its class again: the one that torch made for it holds its weights as properties, and its copies share it."""
    shared = type(module)
    members = {name: value for name, value in vars(shared).items() if name not in ("__dict__", "__weakref__")}
    return type(shared.__name__, shared.__bases__, members)


@contextmanager
def taking_computed() -> Iterator[None]:
    """Within it modules take parameters of theirs that are computed from others, under any name.

    Weight drop puts a parameter under a second name in every call, and torch refuses one that has a history.
    """
    ordinary = nn.Module.register_parameter

    def register(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        if parameter is not None and parameter.grad_fn is not None:
            module._parameters[name] = parameter
        else:
            ordinary(module, name, parameter)

    nn.Module.register_parameter = register  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        nn.Module.register_parameter = ordinary  # type: ignore[method-assign]
