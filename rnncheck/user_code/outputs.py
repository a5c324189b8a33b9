"""The possible states in a result: every interpretation that the sizes of the axes allow, the likeliest first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.model.spec import Cell
from rnncheck.user_code.convention import Convention, Reader, ResultReading
from rnncheck.user_code.layout import letters
from rnncheck.user_code.results import Way, is_pair, leaves
from rnncheck.user_code.sizes import Sizes

Movers = Callable[[], Mapping[Way, frozenset[str]]]  # the matrices that each part of the result depends on
MOST_INTERPRETATIONS = 6  # interpretations of one result


@dataclass(frozen=True)
class Leaf:
    """One array of the result as states, in canonical axes."""

    reader: Reader
    value: Tensor


@dataclass
class PossibleStates:
    """What may be states: of every timestep (T, B, F), and of one (K, B, F)."""

    sequences: list[Leaf]
    states: list[Leaf]
    every: list[Leaf]  # states, with those that repeat others


def interpretations(
    result: object, convention: Convention, sizes: Sizes, movers: Movers | None = None
) -> list[ResultReading]:
    """Empty where there is nothing that could be a state. `movers` tells heads from states, which look alike."""
    found = taken_apart(result, convention, sizes)
    first = likeliest(found, convention, sizes, movers)
    readings = [] if first is None else [first]
    if not convention.is_cell:
        named_first = sorted(found.sequences, key=lambda each: name_of(each.reader.way) != "h")
        readings += [ResultReading(each.reader, None, None) for each in named_first]  # the sort is stable
        width = sizes.spec.state_size
        readings += [
            ResultReading(None, each.reader, None) for each in reversed(found.states) if each.value.shape[2] == width
        ]
    elif sizes.spec.cell is not Cell.LSTM:
        readings += [ResultReading(None, each.reader, None) for each in found.states]
    if first is not None and first.c is not None and not sizes.spec.proj_size:
        readings += [ResultReading(first.output, h.reader, c.reader) for h, c in possible_pairs(found.states)]
    return list(dict.fromkeys(readings))[:MOST_INTERPRETATIONS]


def taken_apart(result: object, convention: Convention, sizes: Sizes) -> PossibleStates:
    spec = sizes.spec
    axes = set("BF") - (set("B") if convention.by_row else set())
    sequences, states, merged = list[Leaf](), list[Leaf](), list[Leaf]()
    for reader in readers(result, sizes):
        held = set(reader.axes) - {"1"}
        whole = reader.axes.count("K") == 1 and held in (axes | {"T", "K"}, axes | {"S", "K"})
        if whole and not convention.is_cell and not spec.bidirectional:
            # Every layer's state at every step: the last layer's are the outputs, the last step's the final states.
            top = Reader(reader.way, reader.axes, (("K", -1),))
            end = Reader(reader.way, reader.axes, (("S" if "S" in held else "T", -1),))
            sequences.append(Leaf(top, top.read(result, "TBF")))
            states.append(Leaf(end, end.read(result, "KBF")))
        elif held in (axes | {"T"}, axes | {"S"}) and not convention.is_cell:
            leaf = Leaf(reader, reader.read(result, "TBF"))
            if leaf.value.shape[2] == spec.output_size:
                sequences.append(leaf)
            elif leaf.value.shape[2] == spec.state_size:  # perhaps the sum of both directions
                merged.append(leaf)
        elif held in (axes, axes | {"K"}):
            states.append(Leaf(reader, reader.read(result, "KBF")))
            if spec.bidirectional and "K" not in held and states[-1].value.shape[2] == spec.output_size:
                both = Reader(reader.way, reader.axes.replace("F", "D"))
                states[-1] = Leaf(both, both.read(result, "KBF"))
    if not sequences and not states:
        sequences = merged
    every, sequences, states = states, distinct(sequences), distinct(states)
    if convention.is_cell:
        states = [each for each in states if len(each.value) == sizes.states]
    return PossibleStates(sequences, states, every)


def likeliest(
    found: PossibleStates, convention: Convention, sizes: Sizes, movers: Movers | None
) -> ResultReading | None:
    spec, sequences, states = sizes.spec, found.sequences, found.states
    if convention.is_cell and spec.cell is Cell.LSTM:
        states = sorted(states, key=lambda each: len(each.reader.way))  # what is returned with the states is deeper
    if movers is not None and spec.cell is not Cell.LSTM and sizes.states == 1 and rivals(sequences, states):
        sequences, states = without_heads(sequences, states, movers())
    wide = [each for each in states if each.value.shape[2] == spec.state_size]
    cells = [each for each in states if each.value.shape[2] == spec.hidden_size]
    output, h, c = None, None, None
    if sequences:
        output = hidden_first(sequences)[0] if spec.cell is Cell.LSTM else sequences[0]
        wide = sorted(wide, key=ends_nothing_of(output))  # the sort is stable
    if wide:
        h = wide[-1] if output is None and spec.cell is not Cell.LSTM else wide[0]  # a state is returned last
    if convention.is_cell and spec.cell is not Cell.LSTM and len(wide) > 1:
        output = wide[0]
    others = [each for each in cells if each is not h]
    if spec.cell is Cell.LSTM and h is not None and others:
        c = others[0]
        if not spec.proj_size and in_order(h, c, convention) != (h, c):
            h, c = c, h
    if spec.cell is Cell.LSTM and h is not None and c is None:
        gives_c = convention.state is not None and convention.state.gives_c
        c = twin(h, found.every, depth=0 if convention.is_cell and gives_c else 1)
    if c is None and spec.cell is Cell.LSTM and output is not None and h is not None and is_cell_of(output, h):
        h, c = None, h
    if output is None and h is None:
        return None
    gives_c = convention.state is not None and convention.state.gives_c
    if convention.is_cell and spec.cell is Cell.LSTM and c is None and gives_c:
        return None
    readers_of = [None if each is None else each.reader for each in (output, h, c)]
    return ResultReading(readers_of[0], readers_of[1], readers_of[2])


def possible_pairs(states: Sequence[Leaf]) -> Iterator[tuple[Leaf, Leaf]]:
    """Those that may be an LSTM's h and c, by their values: gates are seldom nowhere larger than each other."""
    for c in states:
        for h in states:
            if h is not c and bounded_by(h.value, c.value):
                yield h, c


def rivals(sequences: Sequence[Leaf], states: Sequence[Leaf]) -> bool:
    """Whether several could be the same quantity, and no state is the end of a sequence."""
    if not sequences or not states:
        return len(states) > 1 or len(sequences) > 1
    return not any(is_end_of(state.value, each.value) for state in states for each in sequences)


def without_heads(
    sequences: Sequence[Leaf], states: Sequence[Leaf], moved: Mapping[Way, frozenset[str]]
) -> tuple[list[Leaf], list[Leaf]]:
    """Leaves out results that depend on all weights of a state and on another matrix, because these are heads."""
    every = [moved.get(each.reader.way, frozenset()) for each in (*sequences, *states)]

    def kept(found: Sequence[Leaf]) -> list[Leaf]:
        return [
            each
            for each in found
            if not any(moved.get(each.reader.way, frozenset()) > other for other in every if other)
        ]

    return kept(sequences), kept(states)


def twin(h: Leaf, every: Sequence[Leaf], depth: int) -> Leaf | None:
    """The value after h in a pair, at the place of c; the pair is inside at least so many others."""
    way = h.reader.way
    beside = [each for each in every if len(way) > depth and each.reader.way == (*way[:-1], 1) != way]
    return beside[0] if beside else None


def in_order(one: Leaf, other: Leaf, convention: Convention) -> tuple[Leaf, Leaf]:
    """h and c: by their names, where they have names; else a pair is in the order in which the candidate takes them, as
    another order would be a fault of its own. What has other values between them is no pair.
    """
    named = [name_of(each.reader.way) for each in (one, other)]
    if set(named) == {"h", "c"}:
        return (one, other) if named[0] == "h" else (other, one)
    ways = [each.reader.way for each in (one, other)]
    if (
        is_pair(*ways, beside_others=convention.is_cell)
        and convention.state is not None
        and convention.state.handing != "h"
    ):
        first, second = sorted((one, other), key=lambda each: str(each.reader.way[-1]).zfill(9))
        return (second, first) if convention.state.cell_first else (first, second)
    return (other, one) if bounded_by(other.value, one.value) else (one, other)


def name_of(way: Way) -> str | None:
    """ "h" or "c" where a key or an attribute on the way says so."""
    for step in reversed(way):
        if isinstance(step, str) and step.strip("_")[:1].lower() in ("h", "c") and len(step) > 0 and step != "*":
            return step.strip("_")[0].lower()
    return None


def readers(result: object, sizes: Sizes) -> Iterator[Reader]:
    for way, value in leaves(result, sizes.letters):
        found = letters(value.shape, sizes.letters, "K" if sizes.letters.get(sizes.states) == "F" else "")
        if found is not None and "F" in found:
            yield Reader(way, found)


def distinct(found: Sequence[Leaf]) -> list[Leaf]:
    """All of them except repetitions of an earlier one."""
    kept: list[Leaf] = []
    for each in found:
        if not any(same(each.value, other.value) for other in kept):
            kept.append(each)
    return kept


def same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.equal(a, b)


def ends_nothing_of(output: Leaf) -> Callable[[Leaf], bool]:
    return lambda each: not is_end_of(each.value, output.value)


def is_end_of(state: Tensor, output: Tensor) -> bool:
    """Whether the last layer's last forward state (K, B, R) is the last output's."""
    return any(same(each, output[-1, :, : state.shape[2]]) for each in state)


def is_cell_of(output: Leaf, state: Leaf) -> bool:
    """Whether this may be the cell state whose h is the last output."""
    return not is_end_of(state.value, output.value) and bounded_by(output.value[-1:], state.value)


def hidden_first(found: Sequence[Leaf]) -> list[Leaf]:
    """Of an LSTM's sequences that of h before that of c, which bounds it."""
    if len(found) > 1 and bounded_by(found[1].value, found[0].value):
        return [found[1], found[0], *found[2:]]
    return list(found)


def bounded_by(h: Tensor, c: Tensor) -> bool:
    """Whether h = o tanh(c) could be: nowhere larger than c, and of its sign."""
    return h.shape == c.shape and bool(((h.abs() <= c.abs()) & (h * c >= 0)).all())
