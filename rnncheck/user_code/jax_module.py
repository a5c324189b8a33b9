"""A layer in jax as a torch module: its parameters are torch's, and a call of it is a call of jax.

Parameters and buffers have the names that they have in the framework, joined by dots, so that all else that is done
with a module of torch is done with it: its weights are mapped, copied, saved and differentiated.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from rnncheck.extras import needed
from rnncheck.implementations.jax_bridge import bridge
from rnncheck.model.spec import Spec
from rnncheck.user_code.jax_recipe import Recipe, recipe_of


def as_module(thing: Any, spec: Spec) -> "JaxModule":
    """A layer of flax or equinox, or a class of them with its arguments, or a function without weights.

    Raises what the code raises.
    """
    needed("code in jax", "jax", "jax")
    return JaxModule(recipe_of(thing, spec))


class Shared:
    """What all copies of a module share: the function, the places of its arrays, and the code that is called.

    `flags` are the parameters of the code that say whether it is trained, with what they say where it is not.
    """

    __slots__ = ("code", "fixed", "flags", "function", "names", "structure")

    def __init__(self, function: Any, structure: Any, names: list[str | None], fixed: list[Any], code: Any) -> None:
        self.function, self.structure, self.names, self.fixed, self.code = function, structure, names, fixed, code
        self.flags = getattr(code, "flags", {})

    def __deepcopy__(self, memo: object) -> "Shared":
        return self


class JaxModule(nn.Module):
    """A module that holds a layer's arrays: parameters, buffers, and what is no floating-point array as it is."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        from jax import tree_util

        leaves, structure = tree_util.tree_flatten_with_path(recipe.variables())
        names: list[str | None] = []
        fixed: list[Any] = []
        for path, leaf in leaves:
            name = dotted(path)
            floating = isinstance(leaf, Tensor)
            names.append(name if floating else None)
            fixed.append(None if floating else leaf)
            if floating:
                place, last = self._place(name)
                if tree_util.keystr(path).startswith(recipe.trained):
                    place._parameters[last] = nn.Parameter(leaf)
                else:
                    place._buffers[last] = leaf
        self.shared = Shared(recipe.function, structure, names, fixed, recipe.code)

    def _place(self, name: str) -> tuple[nn.Module, str]:
        """The module that holds what has this name, and its last part."""
        *outer, last = name.split(".")
        place: nn.Module = self
        for part in outer:
            if place._modules.get(part) is None:
                place._modules[part] = nn.Module()
            place = place._modules[part]  # type: ignore[assignment]
        return place, last

    def forward(self, *arguments: Any, **named: Any) -> Any:
        if any(isinstance(each, PackedSequence) for each in (*arguments, *named.values())):
            raise TypeError("jax has no PackedSequence")
        from jax import tree_util

        shared = self.shared
        leaves = [
            each if name is None else self._held(name) for name, each in zip(shared.names, shared.fixed, strict=True)
        ]
        variables = tree_util.tree_unflatten(shared.structure, leaves)
        result, changed = bridge(shared.function, variables, arguments, named | shared.flags)
        if changed is not None:
            self._keep(tree_util.tree_flatten_with_path(changed)[0])
        return result

    def _held(self, name: str) -> Tensor:
        place, last = self._place(name)
        found = place._parameters.get(last)
        return found if found is not None else place._buffers[last]  # type: ignore[return-value]

    def _keep(self, changed: Sequence[tuple[Any, Any]]) -> None:
        """Replaces the buffers that the call has changed."""
        for path, value in changed:
            place, last = self._place(dotted(path))
            if isinstance(value, Tensor) and (before := place._buffers.get(last)) is not None:
                value = value.detach()
                if before.shape != value.shape or not torch.equal(before, value.to(before.dtype)):
                    place._buffers[last] = value


def in_jax_module(thing: object) -> bool:
    return isinstance(thing, JaxModule)


def dotted(path: Sequence[Any]) -> str:
    """A path in a tree as a name; without the steps that are no names of the user's."""
    parts = [str(next(getattr(each, kind) for kind in ("key", "name", "idx") if hasattr(each, kind))) for each in path]
    if len(parts) > 1 and parts[-1] == "value":
        parts = parts[:-1]
    if len(parts) > 1 and parts[0] == "params":
        parts = parts[1:]
    return ".".join(part.replace(".", "_") for part in parts)
