"""Which tensors of a candidate hold the weights that a variant has besides torch's: gains, shifts, peepholes.

All of these are first at rest, a gain at one and the others at zero, where the candidate must equal the variant. Then H
numbers of one tensor are changed at a time. In float64 every result changes as with the variant's own block of H
numbers only if the two are the same block. At last all weights are random, and what was left at rest is changed, too.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from rnncheck.mapping import names
from rnncheck.mapping.agreement import TOLERANCE, agrees, inputs, near, shown
from rnncheck.mapping.expression import GATES, Cat, Expression, Ones, Reshaped, Rows, Sum, Unused, Zeros, rows
from rnncheck.mapping.found import FoundMapping, TensorEntry
from rnncheck.mapping.native import Native
from rnncheck.mapping.other_tensors import OtherTensors
from rnncheck.mapping.probe import put
from rnncheck.model.trace import Trace
from rnncheck.model.weights import draw, own_at_rest
from rnncheck.scratch.network import Network

_SEED, _CHANGE = 37, 0.5
MOST_RESTS = 64  # that are tried: with which tensors at zero, and which at one

Block = tuple[str, int]
"""A weight by its name, or a tensor by its own, and which H numbers of it."""
Results = Sequence[Tensor]
RESTING: tuple[Expression, Expression] = (Zeros(), Ones())
"""What has no effect in a shift, and in a gain."""
SHOWING = Sum((Ones(), Ones()))
"""What has an effect in both: two."""


def with_own(native: Native, mapping: FoundMapping, others: OtherTensors, network: Network) -> FoundMapping | None:
    """The mapping, completed with the variant's own weights; None if the candidate does not compute the variant.

    Biases are taken as `mapping` has them, or else are told apart in the same way as the variant's own weights.
    """
    for blocks in _looked_at(native, mapping, others, network):
        alike = blocks.alike()
        if all(alike.values()):  # at rest, what a strange block does would be hidden
            found = blocks.filled(alike)
            if agrees(native, found, network) and not blocks.hides(found, alike):
                return found
    return None


def closest(native: Native, mapping: FoundMapping, others: OtherTensors, network: Network) -> FoundMapping:
    """The mapping of a candidate that does not compute the variant: what is like no block is assigned by its shape."""
    blocks = next(_looked_at(native, mapping, others, network), None)
    if blocks is not None:
        return blocks.filled(blocks.alike(), by_shape=True)
    blocks = _Blocks(native, with_frozen_buffers(native, mapping), network, {}, biases=False)
    return replace(blocks, free=next(blocks.possible_rests(others))).filled({}, by_shape=True)


def _looked_at(native: Native, mapping: FoundMapping, others: OtherTensors, network: Network) -> Iterator["_Blocks"]:
    """The ways in which the candidate equals the variant at rest, one with the biases of the mapping first."""
    put(native, others.made)
    for biases in (False, True):
        blocks = _Blocks(native, with_frozen_buffers(native, mapping), network, {}, biases)
        resting = (replace(blocks, free=rests) for rests in blocks.possible_rests(others))
        yield from itertools.islice(filter(_Blocks.rests_as_the_variant, resting), 1)


def with_frozen_buffers(native: Native, mapping: FoundMapping) -> FoundMapping:
    """Buffers that hold no weight, in a module that has parameters, keep the values from its class."""
    frozen = native.buffers() if native.registered() - native.buffers() else frozenset[str]()
    entries = {
        name: replace(entry, expression=Unused()) if name in frozen and not any(rows(entry.expression)) else entry
        for name, entry in mapping.entries.items()
    }
    return replace(mapping, entries=entries)


@dataclass(frozen=True)
class _Blocks:
    """`free` are the tensors of the candidate that may hold the weights looked for, at rest."""

    native: Native
    mapping: FoundMapping
    network: Network
    free: Mapping[str, Tensor]
    biases: bool  # whether those are looked for, too

    @cached_property
    def wanted(self) -> dict[str, int]:
        """The weights that are looked for, each with its number of blocks."""
        spec = self.mapping.spec
        return {
            name: len(weight) // spec.hidden_size
            for name, weight in self._weights().items()
            if name in own_at_rest(spec) or (self.biases and name in self._biases())
        }

    def possible_rests(self, others: OtherTensors) -> Iterator[dict[str, Tensor]]:
        """Each free tensor at zero or at one, as its class makes it; else both are tried, one first for a constant."""
        made = {name: others.made[name] for name in self.native.tensors() if self._is_free(name, others)}
        numbers = {0.0, *own_at_rest(self.mapping.spec).values()}
        options = [rests_of(value, numbers) for value in made.values()]
        for chosen in itertools.islice(itertools.product(*options), MOST_RESTS):
            yield {name: torch.full_like(made[name], number) for name, number in zip(made, chosen, strict=True)}

    def rests_as_the_variant(self) -> bool:
        with torch.no_grad():
            return self._same(self._candidate(self.free), self._variant({}))

    def alike(self) -> dict[Block, list[Block]]:
        """For each block of the candidate that changes its results, those of the variant that change them likewise."""
        free, size = self.free, self.mapping.spec.hidden_size
        with torch.no_grad():
            before = self._candidate(free)
            changes = {block: self._variant(self._changed_weight(block)) for block in _blocks(self.wanted)}
            found: dict[Block, list[Block]] = {}
            for name, n in _blocks({name: value.numel() // size for name, value in free.items()}):
                after = self._candidate({**free, **self._changed(name, n, free[name])})
                if not self._same(after, before):
                    found[name, n] = [block for block, shows in changes.items() if self._same(after, shows)]
        return found

    def hides(self, found: FoundMapping, alike: Mapping[Block, Sequence[Block]]) -> bool:
        """Whether what was left at rest has another effect, once all weights are random, than it had at rest.

        A block that had none still has to have none, and one that acts like a block of the variant adds to that.
        """
        size, x_and_state = self.mapping.spec.hidden_size, inputs(self.native)
        weights = dict(found.restrict(draw(self.mapping.spec, _SEED)).values)
        drawn = torch.Generator().manual_seed(_SEED)
        other = {
            name: torch.randn(rest.shape, generator=drawn, dtype=torch.float64).to(rest)
            for name, rest in self.free.items()
            if found.entries[name].expression in RESTING
        }
        with torch.no_grad():
            found.fill(self.native, weights)
            put(self.native, {name: self.free[name] + value for name, value in other.items()})
            for name, value in other.items():
                for n, block in enumerate(value.reshape(-1, size)):
                    if same := alike.get((name, n)):
                        weight, place = same[0]
                        weights[weight] = weights[weight].clone()
                        weights[weight].view(-1, size)[place] += block.to("cpu", torch.float64)
            x, state = x_and_state
            right = self.network.run(weights, x.to("cpu", torch.float64), state.to("cpu", torch.float64))
            return not self._same(self._results(self.native.run(x, state)), self._results(right))

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
            elif any(blocks):  # on the others nothing depends, whatever they hold
                blocks = [
                    block if block is not None or (name, n) in alike else next(filter(None, blocks))
                    for n, block in enumerate(blocks)
                ]
            expression = self._joined(blocks)
            if expression is not None:
                taken |= {block for block in blocks if block is not None}
                entries[name] = TensorEntry(expression if rest.dim() == 1 else Reshaped(expression), "gradient")
            else:
                strange = by_shape and not all(alike.get((name, n)) for n in range(len(blocks)))
                entries[name] = TensorEntry(SHOWING if strange else RESTING[bool(rest.any())], "gradient")
        return self._with_sums(replace(self.mapping, entries=entries), alike)

    def _like_rest(self, blocks: Sequence[Block | None], rest: Tensor, taken: set[Block]) -> list[Block | None]:
        """With the first blocks left that are the same at rest, in the places where none is known."""
        own = own_at_rest(self.mapping.spec)
        of = {name: n for name, n in self.wanted.items() if name in own and own[name] == float(rest.flatten()[0])}
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

    def _is_free(self, name: str, others: OtherTensors) -> bool:
        """Whether it may hold a weight of the variant: of whole blocks, and without another place."""
        tensor, expression = self.native.tensors()[name], self.mapping.entries[name].expression
        size = self.mapping.spec.hidden_size
        held = {row.weight[:4] for row in rows(expression)}
        if name not in others.trained or names.is_start(name) or not tensor.numel() or tensor.numel() % size:
            return False
        frozen = name in self.native.buffers() and bool(self.native.registered() - self.native.buffers())
        return not frozen and (not held or (self.biases and held == {"bias"}))

    def _weights(self) -> dict[str, Tensor]:
        spec = self.mapping.spec
        rest = own_at_rest(spec) | dict.fromkeys(self._biases() if self.biases else (), 0.0)
        return {
            name: torch.full_like(value, rest[name]) if name in rest else value
            for name, value in self.mapping.restrict(draw(spec, _SEED)).values.items()
        }

    def _biases(self) -> list[str]:
        return [name for name in self.mapping.spec.recurrent_shapes() if name.startswith("bias")]

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


def rests_of(made: Tensor, numbers: Collection[float]) -> list[float]:
    """The numbers at which a tensor may rest that its class makes so, the likelier first."""
    first = float(made.flatten()[0])
    is_constant = bool((made == first).all())
    if is_constant and first in numbers:
        return [first]
    return sorted(numbers, reverse=is_constant)


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
