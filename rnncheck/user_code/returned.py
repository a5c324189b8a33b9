"""What a candidate returns besides the states: copies of states, heads, or something unknown.

Every array is held against the states by its axes: rows of it are rows of the batch, and its timesteps are timesteps.
The same numbers in another order are not the same states.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from rnncheck.model.spec import Cell, Spec
from rnncheck.text import first_of
from rnncheck.user_code.code_of_results import returns_gates_first
from rnncheck.user_code.construct import signed
from rnncheck.user_code.convention import Reader, ResultReading
from rnncheck.user_code.movers import Calls, Tops, is_cut, tops
from rnncheck.user_code.quantities import POOLED, Quantity, alike, axes_of, has_numbers_of, matching
from rnncheck.user_code.results import ALL, NESTED, Way, is_pair, leaves, member
from rnncheck.user_code.results_of_rows import mixes, only_row
from rnncheck.user_code.sizes import Sizes
from rnncheck.user_code.tensors import held


@dataclass(frozen=True)
class Unread:
    """`heads` have weights of their own on top of the states, or pool them over time. Of what is `strange` nothing is
    known; `mixed` has rows that depend on other rows. `aside`: results whose names say that they are not states.
    `cell_alone` is the cell state of the last layer without those of the others. What is `single` depends on this one
    row of the batch. `unseen`: tensors that the states depend on, and none of the heads. `cut`: heads through which
    no gradient reaches the states.
    """

    heads: tuple[Way, ...] = ()
    strange: tuple[Way, ...] = ()
    cell_alone: tuple[Way, ...] = ()
    mixed: tuple[Way, ...] = ()
    aside: tuple[Way, ...] = ()
    half: tuple[Way, ...] = ()
    single: tuple[tuple[Way, int], ...] = ()
    unseen: tuple[str, ...] = ()
    cut: tuple[Way, ...] = ()


NOTHING = Unread()
DEAD_DRAWS = 5  # repetitions with other numbers, for a head that gives the same result after every change


def sorted_out(
    thing: Any,
    result: object,
    reading: ResultReading,
    known: Sequence[Quantity],
    calls: Calls,
    sizes: Sizes,
    proved: bool,
) -> tuple[ResultReading, Unread]:
    """The reading, completed with what is returned besides where that is known, and the rest sorted by what it is.

    `proved` says that `known` is what a right layer yields, so that what claims to be a state and is none is judged.
    """
    found = dict(leaves(result, sizes.letters))
    pooled = [each for each in known if each.name == POOLED and reading.tap is not None]
    known = [each for each in known if each.name != POOLED]
    if proved:
        reading = of_merged_directions(reading, found, known, sizes)
    reading = completed(reading, found, known, sizes, one_step=calls.one_step)
    reading = with_twin(reading, found, sizes.spec)
    if calls.one_step:
        reading = of_one_pair(reading, found)
    if calls.takes_pair:
        reading = in_the_order_taken(reading, calls.takes_cell_first, beside_others=calls.one_step)
    if proved and reading.tap is None and reading.h is not None and not reads_all_states(reading.h, sizes):
        value = found.get(reading.h.way)
        if value is not None and matching(value, known, sizes) is None:
            reading = replace(reading, h=None)  # it has fewer states than torch returns, and is none of those
    read, gates_first = ways_read(reading), returns_gates_first(signed(thing))
    given = [calls.x, *calls.x, *held(thing).values()]
    records = {way[:1] for way, value in found.items() if len(way) > 1 and has_numbers_of(value, given)}
    covered, half = set[Way](), list[Way]()
    for way, value in found.items():
        absent = in_place_of(reading, way, sizes.spec, one_step=calls.one_step) if proved else frozenset()
        absent -= {"gate"} if gates_first else set()
        right = [each for each in known if each.name not in absent]
        quantity = matching(value, right, sizes)
        if way in read or quantity is not None or (calls.one_step and joins_what_was_given(value, calls)):
            covered |= set(parts_of(way, result))
        if quantity is not None and quantity.name == "part of output" and reading.tap and sizes.spec.bidirectional:
            half.append(way)
    left = [way for way in found if way[:1] not in records and not covered >= set(parts_of(way, result))]
    left = [way for way in left if not is_a_pair(way, found, sizes)]
    left = [way for way in left if not any(way != each and within(way, each, result) for each in left)]
    front = () if reading.output is None or starts_right(reading, result, calls) else ((*reading.output.way, 0),)
    if reading.c is not None and left == [reading.c.way]:
        return reading, Unread((), front, (reading.c.way,))
    aside = [way for way in left if is_named_otherwise(way)]
    left = [way for way in left if way not in aside]
    on_top = tops(thing, calls, left, sizes) if left else Tops({}, [])
    heads = [*on_top.ways]
    whole = any(alike(found[way], found[way].round()) for way in heads)  # a class, which few changes reach
    heads += [way for way in left if way not in heads and matching(found[way], pooled, sizes) is not None]
    strange = [way for way in left if way not in heads]
    mixed = [way for way in (*strange, *heads) if mixes(way, found[way], calls, sizes)]
    cut = [way for way, names in on_top.ways.items() if proved and is_cut(thing, calls, way, names, sizes)]
    single = {way: row for way in (*strange, *heads) if (row := only_row(way, found[way], calls, sizes)) is not None}
    heads = [way for way in heads if way not in mixed and way not in single]
    if proved and reading.tap is None:
        reading = claimed(reading, {way: found[way] for way in strange}, sizes, one_step=calls.one_step)
        strange = [way for way in strange if way not in ways_read(reading)]
    return reading, Unread(
        tuple(heads),
        (*front, *(way for way in strange if way not in mixed and way not in single)),
        (),
        tuple(mixed),
        tuple(aside),
        tuple(half),
        tuple(single.items()),
        tuple(on_top.unseen) if reading.tap is not None and not whole else (),
        tuple(cut),
    )


def of_merged_directions(
    reading: ResultReading, found: Mapping[Way, Tensor], known: Sequence[Quantity], sizes: Sizes
) -> ResultReading:
    """Reads the sum or the mean of both directions as the output, where a candidate returns no more of its states."""
    if reading.tap is None or not sizes.spec.bidirectional:
        return reading
    outputs = [torch.split(each.value, sizes.spec.state_size, -1) for each in known if each.name == "output"]
    merged = [Quantity("output", "TBF", (one + other) / by) for one, other in outputs for by in (1, 2)]
    for way, value in found.items():
        axes = axes_of(value, sizes)
        if axes is not None and matching(value, merged, sizes) is not None:
            return ResultReading(Reader(way, axes), None, None)
    return reading


def joins_what_was_given(value: Tensor, calls: Calls) -> bool:
    """Whether it is x and the state in one array, as a cell may keep it for a backward by hand."""
    given = [each.detach().reshape(-1) for each in (calls.x, calls.state.h)]
    numbers = value.detach().reshape(-1)
    if numbers.numel() < sum(map(len, given)) or not calls.takes_state:
        return False
    both = torch.cat(given).to(numbers.dtype)
    return bool(
        torch.isin(both, numbers).all() and torch.isin(numbers, torch.cat([both, both.new_tensor([0.0, 1.0])])).all()
    )


STATES = re.compile(
    r"(h|c|hs|cs|hx|cx|h_?n|c_?n|a|s)(_?(t|prev|next|last|new|seq|all|out))?|.*(hidden|state|out|cell).*"
)


def is_named_otherwise(way: Way) -> bool:
    """Whether every step keeps it by a name that is no state's: a gate in a cache, for the backward pass."""
    named = [step for step in way if isinstance(step, str) and step not in (ALL, NESTED, "packed")]
    return ALL in way and bool(named) and STATES.fullmatch(named[-1].lower()) is None


def parts_of(way: Way, result: object) -> Iterator[Way]:
    """The single arrays that are stacked along this path."""
    place: Any = result
    for n, step in enumerate(way):
        if step == ALL or step is range:
            keys = range(len(place)) if step == ALL else [key for key in place if key >= 0]
            for key in keys:
                yield from ((*way[:n], key, *behind) for behind in parts_of(way[n + 1 :], place[key]))
            return
        if step == NESTED:
            for key, outer in enumerate(place):
                yield from (
                    (*way[:n], key, *behind)
                    for m in range(len(outer))
                    for behind in parts_of((m, *way[n + 1 :]), outer)
                )
            return
        if step == "packed":
            break
        place = member(place, step)
    yield way


def is_a_pair(way: Way, found: Mapping[Way, Tensor], sizes: Sizes) -> bool:
    """Whether it stacks what has the axis of layers already: a pair of states, and not those of two layers."""
    if way[-1:] != (ALL,) or axes_of(found[way], sizes) is not None:
        return False
    parts = [found[each] for each in found if each[:-1] == way[:-1] and isinstance(each[-1], int)]
    return bool(parts) and all("K" in (axes_of(each, sizes) or "") for each in parts)


def within(way: Way, other: Way, result: object) -> bool:
    """Whether the other has all its arrays, and has more or comes first."""
    mine, others = set(parts_of(way, result)), set(parts_of(other, result))
    return mine < others or (mine == others and repr(other) < repr(way))


def completed(
    reading: ResultReading,
    found: Mapping[Way, Tensor],
    known: Sequence[Quantity],
    sizes: Sizes,
    *,
    one_step: bool,
) -> ResultReading:
    """With the output, the last h and the last c where they are returned too."""
    if reading.tap is not None:
        return reading
    fields: Mapping[str, Any] = {"output": "output", "h_n": "h", "c_n": "c"}
    missing = {name for name, field in fields.items() if getattr(reading, field) is None}
    if one_step:
        missing.discard("output")
    for way, value in found.items():
        quantity, axes = matching(value, known, sizes), axes_of(value, sizes)
        if quantity is not None and axes is not None and quantity.name in missing:
            known_there: dict[str, Any] = {fields[quantity.name]: Reader(way, axes)}
            reading = replace(reading, **known_there)
            missing.discard(quantity.name)
    return reading


def claimed(reading: ResultReading, strange: Mapping[Way, Tensor], sizes: Sizes, *, one_step: bool) -> ResultReading:
    """With what has the axes of a state that is missing, and is none of a right layer's: so it is judged as one."""
    spec = sizes.spec
    for way, value in strange.items():
        axes = axes_of(value, sizes)
        pair = way[-1:] == (ALL,) and spec.cell is Cell.LSTM and sizes.states == 2  # h and c, not two layers
        if axes is None or pair:
            continue
        width, letters_ = value.shape[axes.index("F")] if "F" in axes else 0, set(axes) - {"1"}
        of_all = letters_ == {"K", "B", "F"} or (sizes.states == 1 and letters_ == {"B", "F"})
        wide = width in (spec.output_size, spec.state_size)  # also the sum of the directions
        if reading.output is None and not one_step and letters_ == {"T", "B", "F"} and wide:
            reading = replace(reading, output=Reader(way, axes))
        elif reading.h is None and of_all and width == spec.state_size:
            reading = replace(reading, h=Reader(way, axes))
        elif spec.cell is Cell.LSTM and reading.c is None and of_all and width == spec.hidden_size:
            reading = replace(reading, c=Reader(way, axes))
        elif one_step and spec.cell is not Cell.LSTM and reading.output is None and of_all and width == spec.state_size:
            assert reading.h is not None
            first, last = sorted((reading.h, Reader(way, axes)), key=lambda each: repr(each.way))
            reading = replace(reading, output=first, h=last)  # of what a cell returns, the last is its state
    return reading


def with_twin(reading: ResultReading, found: Mapping[Way, Tensor], spec: Spec) -> ResultReading:
    """Reads the second element of (h, ?) as c, so that a wrong one is compared."""
    h = reading.h
    if spec.cell is not Cell.LSTM or reading.c is not None or h is None or len(h.way) < 2 or h.way[-1] != 0:
        return reading
    beside = (*h.way[:-1], 1)
    return replace(reading, c=Reader(beside, h.axes)) if beside in found else reading


def of_one_pair(reading: ResultReading, found: Mapping[Way, Tensor]) -> ResultReading:
    """With h from the pair in which c is, of a cell that returns another h in its state than before it."""
    output, c = reading.h, reading.c
    if reading.output is not None or output is None or c is None or len(c.way) < 2 or c.way[:-1] == output.way[:-1]:
        return reading
    beside = [way for way in found if way[:-1] == c.way[:-1] and way[-1] in (0, 1) and way != c.way]
    if len(beside) != 1 or c.way[-1] not in (0, 1) or found[beside[0]].shape != found[c.way].shape:
        return reading
    if alike(found[beside[0]], found[output.way]):
        return reading
    return replace(reading, output=output, h=Reader(beside[0], c.axes))


NO_OUTPUT = ("x", "gate", "c of one layer", "c of every layer")


def in_place_of(reading: ResultReading, way: Way, spec: Spec, *, one_step: bool) -> frozenset[str]:
    """The quantities that would be at this place by mistake, as what was given or computed on the way to another.

    So are x, a gate and c of every step in the first place, where no output is read, and h0 or c0, where no state after
    the last step is, unless a key or an attribute may say that this is meant.
    """
    if reading.tap is not None and not one_step and way in ((), (0,)):
        return frozenset(NO_OUTPUT)
    if reading.tap is not None or not all(isinstance(step, int) for step in way):
        return frozenset()
    output, h, c = (each is None for each in (reading.output, reading.h, reading.c))
    if one_step and spec.cell is not Cell.LSTM and output:
        h = True  # a cell returns its state last, perhaps after its output
    absent = {"h0": h, "c0": c} | dict.fromkeys(NO_OUTPUT, output and not one_step and way == (0,))
    return frozenset(name for name, is_absent in absent.items() if is_absent)


def in_the_order_taken(reading: ResultReading, cell_first: bool, *, beside_others: bool) -> ResultReading:
    """With the two of a pair in the order in which it is taken: in another order they are exchanged by mistake."""
    h, c = reading.h, reading.c
    if h is None or c is None or not is_pair(h.way, c.way, beside_others=beside_others):
        return reading
    if not (isinstance(h.way[-1], int) and isinstance(c.way[-1], int)) or (c.way[-1] < h.way[-1]) == cell_first:
        return reading
    return replace(reading, h=c, c=h)


def reads_all_states(reader: Reader | None, tried: Sizes) -> bool:
    """Whether it reads the states of all layers and directions."""
    if reader is None:
        return False
    return tried.states == 1 or "K" in reader.axes or ("D" in reader.axes and tried.spec.num_layers == 1)


def ways_read(reading: ResultReading) -> set[Way]:
    if reading.tap is not None:
        return set()
    return {each.way for each in (reading.output, reading.h, reading.c) if each is not None}


def starts_right(reading: ResultReading, result: object, calls: Calls) -> bool:
    """Whether the array before the states is the initial state."""
    output = reading.output
    if output is None or "S" not in output.axes or reading.tap is not None or output.taken:
        return True
    first = Reader(output.way, output.axes.replace("S", "T")).read(result, "TBF")[0]
    return alike(first, calls.state.h[-1] if calls.takes_state else torch.zeros_like(first))


def strangers(found: Unread) -> str | None:
    """The reason why unknown results make the verdict inconclusive, or None."""
    if not found.strange:
        return None
    said = " and ".join(spelled(each) for each in found.strange)
    were, it_is = ("were", "they are") if len(found.strange) > 1 else ("was", "it is")
    return (
        f"{said} {were} not compared, because rnncheck cannot tell what {it_is}: neither a state that it knows nor a "
        "head with its own weights; return only the states"
    )


def passed_over(found: Unread) -> list[str]:
    """Notes on results that were not compared."""
    heads = [f"{spelled(each)} was not compared: a head computes it from the states" for each in found.heads]
    heads += [
        f"{spelled(each)} is one direction of the output, of which both were compared inside" for each in found.half
    ]
    heads += [
        f"{spelled(way)} depends on batch row 0 alone; if the layer takes one row, pass --batch-size 1"
        for way, row in found.single
        if row == 0
    ]
    if found.unseen:
        heads.append(
            f"what it returns does not depend on {first_of(found.unseen)}, though the compared states "
            f"do{why_unseen(found.unseen)}"
        )
    if found.aside:
        first, others = spelled(found.aside[0]), len(found.aside) - 1
        more = f" and {others} more" if others else ""
        heads.append(f"{first}{more}, whose name is not that of a state, was not compared")
    return heads + [
        f"{spelled(each)}, the cell state of the last layer alone, was not compared" for each in found.cell_alone
    ]


def why_unseen(names: Sequence[str]) -> str:
    """What it means that a head does not depend on these tensors, where their names say enough."""
    if all(re.fullmatch(r"(.*\.)?weight_hh_l\d+_reverse", name) for name in names):
        return ": of the reverse direction it reads a state after one timestep"
    if all(re.fullmatch(r"(.*\.)?weight_hh_l\d+", name) for name in names):
        return ": it reads a state after one timestep"
    return ""


def spelled(way: Way) -> str:
    """The path as Python code."""
    if not way:
        return "what it returns"
    steps = [f"[{each!r}]" if isinstance(each, int | str) and each not in (ALL, NESTED) else "[...]" for each in way]
    return f"result{''.join(steps)}"
