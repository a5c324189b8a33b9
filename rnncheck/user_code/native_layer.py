"""A candidate constructed for one spec and run by its convention."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from rnncheck.implementations.protocol import OtherRun
from rnncheck.implementations.uses import NotOffered
from rnncheck.mapping.native import Facts
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace, dtype_of
from rnncheck.user_code.calling import Caller
from rnncheck.user_code.import_path import ImportPath
from rnncheck.user_code.isolation import Dice, isolated
from rnncheck.user_code.parts import Axes, in_parts, whole
from rnncheck.user_code.tensors import held, memory


class NativeLayer:
    """`Native`, of a module, an object or a function. One that `forgets` starts every call as the first."""

    def __init__(
        self,
        thing: Any,
        caller: Caller,
        facts: Facts,
        import_path: ImportPath,
        *,
        forgets: bool = False,
        dice: Dice | None = None,
        parts: Axes | None = None,
    ) -> None:
        self.facts, self.import_path, self._parts = facts, import_path, parts or {}
        self.thing, self.caller, self._dice, self._forgets = thing, caller, dice, forgets
        self._as_called = False
        self.in_own_default = False  # whether it runs with the process's default dtype, not with that of the spec
        self._look()

    def called_by(self, caller: Caller) -> "NativeLayer":
        """A copy for the caller's thing, with the caller's convention."""
        other = NativeLayer(
            caller.thing,
            caller,
            self.facts,
            self.import_path,
            forgets=self._forgets,
            dice=self._dice,
            parts=self._parts,
        )
        other._as_called, other.in_own_default = self._as_called, self.in_own_default
        return other

    @contextmanager
    def as_called(self) -> Iterator[None]:
        """A context in which `run` changes neither torch's modes, its seed nor its arguments."""
        before, self._as_called = self._as_called, True
        try:
            yield
        finally:
            self._as_called = before

    def _look(self) -> None:
        """Stores the present tensors. If it forgets, every call ends by restoring them."""
        self._held = held(self.thing)
        self._wanted = {name: value.requires_grad for name, value in self._held.items()}
        self._restore = memory(self.thing) if self._forgets else None

    def filled_by(self, fill: Callable[[Any], None]) -> None:
        """Fills it by the candidate's own code, which may replace its tensors by others."""
        fill(self.thing)
        self._look()

    @property
    def spec(self) -> Spec:
        return self.caller.spec

    def tensors(self) -> Mapping[str, Tensor]:
        return in_parts(self._held, self._parts) if self._parts else self._held

    def wholes(self) -> Mapping[str, Tensor]:
        """The tensors that it holds, none in parts."""
        return self._held

    def wholes_of(self, names: Collection[str]) -> frozenset[str]:
        return frozenset(whole(name, self._parts) for name in names)

    def in_parts(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The same, by the names of `tensors()`."""
        return in_parts(tensors, self._parts)

    def release(self) -> None:
        """Cuts its tensors from the graph of an earlier run."""
        for value in self._held.values():
            value.detach_().requires_grad_(False)

    def _named(self, wanted: set[int]) -> frozenset[str]:
        """Those of its tensors, or parts of them, that have one of these identities."""
        return frozenset(name for name in self.tensors() if id(self._held[whole(name, self._parts)]) in wanted)

    def names(self) -> frozenset[str]:
        """The names in its state_dict, and those of its other tensors."""
        saved = self.thing.state_dict() if isinstance(self.thing, nn.Module) else {}
        return frozenset(self.tensors()) | frozenset(saved)

    def registered(self) -> frozenset[str]:
        """What a module knows of: parameters, and buffers, which are held back from training on purpose.

        For an object that is not a module: all its tensors.
        """
        if not isinstance(self.thing, nn.Module):
            return frozenset(self.tensors())
        return self._named({id(each) for each in (*self.thing.parameters(), *self.thing.buffers())})

    def buffers(self) -> frozenset[str]:
        """The buffers of a module, which are not trained."""
        return self._named({id(each) for each in self.thing.buffers()} if isinstance(self.thing, nn.Module) else set())

    def statistics(self) -> list[Tensor]:
        """The running statistics of batch norms, by which torch does not differentiate."""
        modules = self.thing.modules() if isinstance(self.thing, nn.Module) else ()
        return [each for module in modules if isinstance(module, _NormBase) for each in module.buffers()]

    @property
    def differentiable(self) -> bool:
        return not self.caller.convention.numpy

    def trains(self, names: frozenset[str]) -> bool:
        """Whether an optimizer would change all of these. Without a module, the user decides that."""
        if not isinstance(self.thing, nn.Module):
            return True
        buffers = {id(each) for each in self.thing.buffers()}
        return all(self._wanted[name] or id(self._held[name]) in buffers for name in self.wholes_of(names))

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        default, graded = None if self.in_own_default else dtype_of(self.spec), wanted(x)
        convention = self.caller.convention
        if convention.fixed is not None and convention.fixed != tuple(x.shape[:2]):
            reason = "rnncheck could read it only with T = {} and B = {}, as this run has".format(*convention.fixed)
            raise NotOffered(reason) if self._as_called else OtherRun(reason)
        if self._as_called:
            caller = replace(self.caller, convention=replace(convention, verbatim=True))
            with self.import_path.entered(), isolated(default):
                return caller.run(x, state, lengths)
        # Out of inference mode, whose tensors the candidate could not keep for a later call.
        with (
            torch.inference_mode(False),
            torch.set_grad_enabled(graded),
            self.import_path.entered(),
            isolated(default, self._dice),
        ):
            own = (
                torch.clone if self._restore is not None else plain
            )  # what is called over and over is never written into
            x, state = own(x), state.map(own)
            if self._restore is None:
                return self.caller.run(x, state, lengths)
            try:
                return replace(self.caller, forget=self._restore).run(x, state, lengths)
            finally:
                self._restore()


def wanted(x: Tensor) -> bool:
    """Whether the run is to be differentiated."""
    return torch.is_grad_enabled() and not torch.is_inference_mode_enabled() and not x.is_inference()


def plain(value: Tensor) -> Tensor:
    return value.clone() if value.is_inference() else value
