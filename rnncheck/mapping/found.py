"""A mapping: an expression for each tensor of a candidate, and its effect on the weights of both sides."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from rnncheck.errors import CannotRun
from rnncheck.mapping.expression import GATES, Expression, Eye, Unused, Zeros, evaluate, rows
from rnncheck.mapping.names import is_start
from rnncheck.mapping.native import Native
from rnncheck.model.spec import Spec
from rnncheck.model.weights import Weights, own_at_rest
from rnncheck.report import Finding, Mapped
from rnncheck.scratch.network import Network
from rnncheck.text import printable


class MappingError(CannotRun):
    """No tensor of the candidate holds a weight of torch, or a mapping does not fit the candidate."""


class GivenMappingError(MappingError):
    """The mapping file that the user gave is wrong."""


@dataclass(frozen=True)
class TensorEntry:
    """The expression of one tensor, and how it was found: "name", "shape", "gradient" or "given"."""

    expression: Expression
    how: str


@dataclass(frozen=True)
class FoundMapping:
    """An entry for each tensor of the candidate, by its own name.

    `agrees` is the network that the candidate computes with this mapping, checked in float64. What is `guessed` are
    the tensors that multiply x and the state in another order than this mapping says, as their gradients show.
    """

    spec: Spec
    entries: Mapping[str, TensorEntry]
    conventions: Sequence[str] = ()
    restrictions: Sequence[str] = ()
    notes: Sequence[str] = ()
    idle: tuple[str, ...] = ()  # trained tensors without a weight, on which no measured state depended
    beyond: tuple[str, ...] = ()  # trained tensors without a weight, on which a measured state depended
    findings: Sequence[Finding] = ()
    agrees: Network | None = None
    guessed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", MappingProxyType(dict(self.entries)))

    def mapped(self, native: Native) -> list[Mapped]:
        """The mapping for the report, with the shapes of this candidate."""
        held = native.tensors()
        return [
            Mapped(name, str(entry.expression), entry.how, tuple(held[name].shape))
            for name, entry in self.entries.items()
        ]

    def values(self, native: Native, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The value of each tensor of the candidate that is in use, differentiable by `weights`.

        Raises `MappingError` where a tensor is not there, or of another shape.
        """
        held = native.tensors()
        return {
            name: self._value(name, entry.expression, held, weights)
            for name, entry in self.entries.items()
            if not isinstance(entry.expression, Unused)
        }

    def fill(self, native: Native, weights: Mapping[str, Tensor]) -> None:
        """Writes torch's weights into the candidate's tensors, each at its own dtype and device.

        Whether the tensors then depend on the weights, for gradients, is the grad mode's to say, as for any copy.
        """
        for name, value in self.values(native, weights).items():
            native.tensors()[name].copy_(value)  # of two parts of one tensor, the second is a view of what is written

    def holds(self, native: Native, weights: Mapping[str, Tensor]) -> bool:
        """Whether the candidate's tensors have the values that `fill` writes, bit for bit."""
        held = native.tensors()
        return all(
            torch.equal(held[name].detach(), value.to(held[name].dtype))
            for name, value in self.values(native, weights).items()
        )

    @property
    def holders(self) -> dict[str, frozenset[str]]:
        """The tensors of the candidate that hold each of torch's weights."""
        found: dict[str, set[str]] = {}
        for name, entry in self.entries.items():
            for row in rows(entry.expression):
                found.setdefault(row.weight, set()).add(name)
        return {weight: frozenset(names) for weight, names in found.items()}

    def restrict(self, weights: Weights) -> Weights:
        """The weights that this candidate can hold: a bias without a tensor is zero, a variant's own weight without
        one has no effect. Idempotent.
        """
        absent, own = self.absent_biases() | self.absent_own(), own_at_rest(self.spec)
        if not absent:
            return weights
        values, every = dict(weights.values), _gates(self.spec)
        for name, gates in absent.items():
            value = values[name] = values[name].clone()
            blocks = value.chunk(len(every)) if len(gates) < len(every) else [value] * len(every)
            for block, gate in zip(blocks, every, strict=True):
                if gate in gates:
                    block.fill_(own.get(name, 0.0))
        return Weights(values)

    def absent_biases(self) -> dict[str, list[str]]:
        """The biases that no entry contains, each with its gates."""
        return {name: gates for name, gates in self.absent().items() if name.startswith("bias")}

    def absent_own(self) -> dict[str, list[str]]:
        """The variant's own weights that no entry contains, each with its gates."""
        own = own_at_rest(self.spec)
        return {name: gates for name, gates in self.absent().items() if name in own}

    def absent(self) -> dict[str, list[str]]:
        """The weights that no entry contains, each with its gates."""
        every = _gates(self.spec)
        used = {
            (row.weight, gate)
            for entry in self.entries.values()
            for row in rows(entry.expression)
            for gate in row.gates or every
        }
        found = {
            name: [gate for gate in every if (name, gate) not in used and (name, "") not in used]
            for name in self.spec.recurrent_shapes()
        }
        return {name: gates for name, gates in found.items() if gates}

    def _value(
        self, name: str, expression: Expression, held: Mapping[str, Tensor], weights: Mapping[str, Tensor]
    ) -> Tensor:
        if name not in held:
            raise MappingError(
                f"the candidate has no tensor {printable(name)}; it has {', '.join(map(printable, held)) or 'none'}"
            )
        shape = held[name].shape
        try:
            value = evaluate(expression, weights, self.spec.cell, shape)
        except (RuntimeError, ValueError, IndexError) as error:
            reason = printable(str(error), 200)
            raise MappingError(f"{printable(name)} cannot hold {expression}: {reason}") from None
        if value.shape != shape:
            raise MappingError(
                f"{printable(name)} has shape {tuple(shape)}, and {expression} has shape {tuple(value.shape)}"
            )
        return value


def in_words(absent: Mapping[str, list[str]], spec: Spec) -> str:
    """ "weight_hh_l0[i], bias_hh_l0": weights that no entry contains, with their gates where others are there."""
    every = list(_gates(spec))
    return ", ".join(name if gates == every else f"{name}[{','.join(gates)}]" for name, gates in absent.items())


def _gates(spec: Spec) -> tuple[str, ...]:
    return GATES[spec.cell] or ("",)


class Unplaced(MappingError):
    """The candidate can run, but not all weights have a tensor."""


class OtherLayer(Unplaced):
    """The candidate is a layer that torch.nn does not have, and it is known which: no wrapper changes that."""


def require_biases(mapping: FoundMapping, live: Collection[str]) -> None:
    """A bias is left out of the comparison only if no tensor that the output depends on could be it."""
    unplaced = [
        name
        for name, entry in mapping.entries.items()
        if name in live and isinstance(entry.expression, Zeros) and not is_start(name)
    ]
    absent = mapping.absent_biases()
    heads = [name for name, entry in mapping.entries.items() if isinstance(entry.expression, Eye)]
    if heads and mapping.agrees is not None and len(unplaced) == 1:
        return  # it is the head's
    if unplaced and absent and mapping.spec.bias:
        named, several = ", ".join(map(printable, unplaced)), len(unplaced) > 1
        raise Unplaced(
            f"{named} {'affect' if several else 'affects'} the output, but rnncheck cannot tell which "
            f"{'biases they are' if several else 'bias it is'}; not assigned: {', '.join(absent)}\n"
            "Assign each tensor with --mapping FILE.toml"
        )


def require_complete(mapping: FoundMapping) -> None:
    """Raises unless the tensors hold the weights of at least one layer, or those of some gates where a known fault
    explains the others; the comparison shows what else is missing."""
    gates = 1 if mapping.agrees is None else mapping.spec.cell.gates
    absent = {name for name, missing in mapping.absent().items() if len(missing) >= gates}
    for kind, role, without in (
        ("weight_ih", "multiplies x", "rnncheck does not look through what is made of x first"),
        ("weight_hh", "multiplies h", "a layer without such weights is none of torch.nn"),
    ):
        names = [name for name in mapping.spec.recurrent_shapes() if name.startswith(kind)]
        if set(names) <= absent:
            held, gates = ", ".join(printable(name) for name in mapping.entries), mapping.spec.cell.gates
            whole = f"for the {gates} gates of the {mapping.spec.cell}" if gates > 1 else "for its units alone"
            raise Unplaced(
                f"no tensor of the candidate holds {names[0]} in a layout that rnncheck knows: none of {held} {role} "
                f"{whole} so; {without}\nIf one holds it otherwise, assign each tensor with --mapping FILE.toml, where "
                "reshape(A), interleaved(A) and column(A) write other layouts"
            )
