"""Which tensors of a candidate hold the weights that a variant has besides torch's: gains, shifts, peepholes.

All of these are first at rest, a gain at one and the others at zero, where the candidate must equal the variant. Then H
numbers of one tensor are changed at a time. In float64 every result changes as with the variant's own block of H
numbers only if the two are the same block.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from rnncheck.mapping import names
from rnncheck.mapping.agreement import TOLERANCE, agrees, inputs, near, shown
from rnncheck.mapping.expression import GATES, Cat, Expression, Ones, Reshaped, Rows, Sum, Zeros, rows
from rnncheck.mapping.found import FoundMapping, TensorEntry
from rnncheck.mapping.native import Native
from rnncheck.mapping.other_tensors import OtherTensors
from rnncheck.mapping.probe import put
from rnncheck.model.trace import Trace
from rnncheck.model.weights import draw, own_at_rest
from rnncheck.scratch.network import Network

_SEED, _CHANGE = 37, 0.5

Block = tuple[str, int]
"""A weight by its name, or a tensor by its own, and which H numbers of it."""
Results = Sequence[Tensor]
RESTING: tuple[Expression, Expression] = (Zeros(), Ones())
SHOWING: tuple[Expression, Expression] = (Ones(), Sum((Ones(), Ones())))
"""What has no effect in a shift and in a gain, and what has one."""


def with_own(native: Native, mapping: FoundMapping, others: OtherTensors, network: Network) -> FoundMapping | None:
    """The mapping, completed with the variant's own weights; None if the candidate does not compute the variant.

    Biases are taken as `mapping` has them, or else are told apart in the same way as the variant's own weights.
    """
    for biases in (False, True):
        blocks = _Blocks(native, mapping, others, network, biases)
        alike = blocks.alike()
        if alike is not None and all(alike.values()):  # at rest, what a strange block does would be hidden
            found = blocks.filled(alike)
            if agrees(native, found, network) and not blocks.hides(found, alike):
                return found
    return None


def closest(native: Native, mapping: FoundMapping, others: OtherTensors, network: Network) -> FoundMapping:
    """The mapping of a candidate that does not compute the variant: what is like no block is assigned by its shape."""
    for biases in (False, True):
        blocks = _Blocks(native, mapping, others, network, biases)
        if (alike := blocks.alike()) is not None:
            return blocks.filled(alike, by_shape=True)
    return _Blocks(native, mapping, others, network, biases=False).filled({}, by_shape=True)


@dataclass(frozen=True)
class _Blocks:
    native: Native
    mapping: FoundMapping
    others: OtherTensors
    network: Network
    biases: bool  # whether those are looked for, too

    @cached_property
    def wanted(self) -> dict[str, int]:
        """The weights that are looked for, each with its number of blocks."""
        spec = self.mapping.spec
        return {
            name: len(weight) // spec.hidden_size
            for name, weight in self._weights().items()
            if name in own_at_rest(spec) or (self.biases and name.startswith("bias"))
        }

    @cached_property
    def free(self) -> dict[str, Tensor]:
        """The tensors of the candidate that may hold them, at rest."""
        return {name: self._at_rest(name) for name in self.native.tensors() if self._is_free(name)}

    def alike(self) -> dict[Block, list[Block]] | None:
        """For each block of the candidate that changes its results, those of the variant that change them likewise.

        None if the candidate does not equal the variant at rest.
        """
        free, size = self.free, self.mapping.spec.hidden_size
        with torch.no_grad():
            before, right = self._candidate(free), self._variant({})
            if not self._same(before, right):
                return None
            changes = {block: self._variant(self._changed_weight(block)) for block in _blocks(self.wanted)}
            found: dict[Block, list[Block]] = {}
            for name, n in _blocks({name: value.numel() // size for name, value in free.items()}):
                after = self._candidate(free | self._changed(name, n, free[name]))
                if not self._same(after, before):
                    found[name, n] = [block for block, shows in changes.items() if self._same(after, shows)]
        return found

    def hides(self, found: FoundMapping, alike: Mapping[Block, Sequence[Block]]) -> bool:
        """Whether a tensor that had no effect while all others were at rest has one now, with random weights."""
        resting = [
            name
            for name in self.free
            if found.entries[name].expression in RESTING and not any(of == name for of, _ in alike)
        ]
        with torch.no_grad():
            x, state = inputs(self.native)
            before = [one.clone() for one in self._results(self.native.run(x, state))]
            drawn = torch.Generator().manual_seed(_SEED)
            other = {name: torch.randn(self.free[name].shape, generator=drawn) for name in resting}
            put(self.native, other)
            return not self._same(self._results(self.native.run(x, state)), [each.double() for each in before])

    def filled(self, alike: Mapping[Block, Sequence[Block]], *, by_shape: bool = False) -> FoundMapping:
        """Each tensor with the blocks that it was seen to hold; what is like none of those left stays at rest."""
        taken, entries = set[Block](), dict(self.mapping.entries)
        for name, rest in self.free.items():
            read = [alike.get((name, n), []) for n in range(rest.numel() // self.mapping.spec.hidden_size)]
            blocks = _of_one_weight(read, taken) or [
                next((each for each in found if each not in taken), None) for found in read
            ]
            if by_shape:
                blocks = self._like_rest(blocks, rest, taken)
            expression = self._joined(blocks)
            if expression is not None:
                taken |= {block for block in blocks if block is not None}
                entries[name] = TensorEntry(expression if rest.dim() == 1 else Reshaped(expression), "gradient")
            else:
                strange = by_shape and not all(alike.get((name, n)) for n in range(len(blocks)))
                entries[name] = TensorEntry(
                    SHOWING[bool(rest.any())] if strange else RESTING[bool(rest.any())], "gradient"
                )
        return self._with_sums(replace(self.mapping, entries=entries), alike)

    def _like_rest(self, blocks: Sequence[Block | None], rest: Tensor, taken: set[Block]) -> list[Block | None]:
        """With the first blocks left that are the same at rest, in the places where none is known."""
        own = own_at_rest(self.mapping.spec)
        of = {name: n for name, n in self.wanted.items() if name in own and own[name][0] == rest.flatten()[0]}
        left = [block for block in _blocks(of) if block not in taken and block not in blocks]
        return [block or (left.pop(0) if left else None) for block in blocks]

    def _with_sums(self, mapping: FoundMapping, alike: Mapping[Block, Sequence[Block]]) -> FoundMapping:
        """One tensor that acts like both biases holds their sum where no other holds b_hh."""
        entries, absent = dict(mapping.entries), set(mapping.absent())
        for name, entry in entries.items():
            match entry.expression:
                case Rows(weight, gates) if weight.startswith("bias_ih"):
                    other = weight.replace("_ih", "_hh")
                    if other in absent and all((other, n) in found for (of, n), found in alike.items() if of == name):
                        entries[name] = replace(entry, expression=Sum((Rows(weight, gates), Rows(other, gates))))
        return replace(mapping, entries=entries)

    def _is_free(self, name: str) -> bool:
        """Whether it may hold a weight of the variant: of whole blocks, and without another place."""
        tensor, expression = self.native.tensors()[name], self.mapping.entries[name].expression
        size = self.mapping.spec.hidden_size
        held = {row.weight[:4] for row in rows(expression)}
        if name not in self.others.trained or names.is_start(name) or not tensor.numel() or tensor.numel() % size:
            return False
        return not held or (self.biases and held == {"bias"})

    def _at_rest(self, name: str) -> Tensor:
        """A gain is made as one, and rests there."""
        made = self.others.made[name]
        return torch.ones_like(made) if bool((made == 1).all()) else torch.zeros_like(made)

    def _weights(self) -> dict[str, Tensor]:
        spec = self.mapping.spec
        drawn = dict(self.mapping.restrict(draw(spec, _SEED)).values) | own_at_rest(spec)
        return {
            name: torch.zeros_like(value) if self.biases and name.startswith("bias") else value
            for name, value in drawn.items()
        }

    def _candidate(self, values: Mapping[str, Tensor]) -> Results:
        weights = self._weights()
        self.mapping.fill(self.native, weights)
        put(self.native, values)
        x, state = inputs(self.native)
        return self._results(self.native.run(x, state))

    def _variant(self, changed: Mapping[str, Tensor]) -> Results:
        x, state = inputs(self.native)
        wanted = self.network.run(
            {**self._weights(), **changed}, x.to("cpu", torch.float64), state.to("cpu", torch.float64)
        )
        return self._results(wanted)

    def _results(self, trace: Trace) -> Results:
        return [one for one, _ in shown(trace, trace, self.native.facts.exposes)]

    def _changed_weight(self, block: Block) -> dict[str, Tensor]:
        name, n = block
        return self._changed(name, n, self._weights()[name])

    def _changed(self, name: str, n: int, value: Tensor) -> dict[str, Tensor]:
        size = self.mapping.spec.hidden_size
        drawn = torch.randn(size, generator=torch.Generator().manual_seed(_SEED), dtype=torch.float64)
        other = value.clone()
        other.view(-1, size)[n] += _CHANGE * drawn.to(other)
        return {name: other}

    def _same(self, found: Results, wanted: Results) -> bool:
        tolerance = TOLERANCE.get(self.mapping.spec.dtype, 1e-4)
        return len(found) == len(wanted) > 0 and all(
            near(a, b.double(), tolerance) for a, b in zip(found, wanted, strict=True)
        )

    def _joined(self, blocks: Sequence[Block | None]) -> Expression | None:
        """The blocks, one behind another, as an expression; None where a block is not known."""
        letters, wanted = GATES[self.mapping.spec.cell], self.wanted
        runs: list[tuple[str, list[int]]] = []
        for block in blocks:
            if block is None:
                return None
            name, n = block
            if runs and runs[-1][0] == name:
                runs[-1][1].append(n)
            else:
                runs.append((name, [n]))
        parts = []
        for name, order in runs:
            if order == list(range(wanted[name])):
                parts.append(Rows(name))
            elif wanted[name] == len(letters):
                parts.append(Rows(name, tuple(letters[n] for n in order)))
            else:
                return None
        return parts[0] if len(parts) == 1 else Cat(tuple(parts))


def _blocks(counts: Mapping[str, int]) -> Iterator[Block]:
    for name, count in counts.items():
        yield from ((name, n) for n in range(count))


def _of_one_weight(read: Sequence[Sequence[Block]], taken: set[Block]) -> list[Block | None]:
    """The blocks of one weight alone that all of these can be; none where there is no such weight."""
    for weight, _ in read[0]:
        chosen: list[Block | None] = []
        for found in read:
            chosen.append(next((each for each in found if each[0] == weight and each not in (*taken, *chosen)), None))
        if None not in chosen:
            return chosen
    return []
