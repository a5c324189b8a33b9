"""Reads states that a candidate does not return but passes to a module, such as a head."""

from contextlib import ExitStack

import torch
from torch import Tensor, nn

from rnncheck.model.trace import State
from rnncheck.user_code.calling import Caller, tapped
from rnncheck.user_code.convention import Convention, Reader, ResultReading, Tap
from rnncheck.user_code.outputs import interpretations
from rnncheck.user_code.sizes import Sizes


def inner_states(caller: Caller, sizes: Sizes, x: Tensor, state: State) -> list[ResultReading]:
    """The places inside where the states of all timesteps pass, or else the last state; the last place first.

    None in compiled modules, which take no hooks.
    """
    thing, convention = caller.thing, caller.convention
    if isinstance(thing, torch.jit.ScriptModule):
        return []
    with ExitStack() as stack:
        watched = []
        for name, inside in thing.named_modules():
            if name and not isinstance(inside, torch.jit.ScriptModule):
                for side in ("output", "input"):
                    tap = Tap(name, side, often=False)
                    watched.append((tap, stack.enter_context(tapped(thing, tap))))
        caller.result(x.clone(), state)
    results = {tap.module: caught for tap, caught in watched if tap.side == "output"}
    found = []
    for tap, caught in reversed(watched):
        often = len(caught) == sizes.seq_len and not convention.is_cell
        if not caught or (len(caught) > 1 and not often):
            continue
        module = thing.get_submodule(tap.module)
        ways: list[tuple[object, bool]] = [(caught, True)] if often else []
        if not (often and sizes.spec.bidirectional):  # the last step of both directions is none of one call
            ways.append((caught[-1], False))
        for passed, each_step in ways:
            for reading in interpretations(passed, convention, sizes)[:1]:
                if not trusted(module, tap, reading, results[tap.module], convention, sizes):
                    continue
                if reading.output is not None and starts_before(reading.output, passed, "TBF", state):
                    continue
                alone = reading.h if often and not each_step else None
                if alone is not None and starts_before(alone, caught[0], "KBF", state):
                    continue  # of what each step is given, the last is the state before the last step
                found.append(ResultReading(reading.output, reading.h, reading.c, Tap(tap.module, tap.side, each_step)))
    found.sort(key=lambda each: each.output is None)
    return found


def trusted(
    module: nn.Module, tap: Tap, reading: ResultReading, results: list[object], convention: Convention, sizes: Sizes
) -> bool:
    """Whether states pass there: into a head, which makes something else of them, or one vector of those of all
    timesteps, or out of a recurrent module.

    What torch's other modules return is on its way to be a state.
    """
    if tap.side == "input":
        made = interpretations(results[-1], convention, sizes) if results else []
        pools = len(results) == 1 and reading.output is not None and all(each.output is None for each in made)
        return bool(results) and (not made or pools)
    return isinstance(module, nn.RNNBase | nn.RNNCellBase) or not type(module).__module__.startswith("torch.nn")


def starts_before(reader: Reader, passed: object, axes: str, state: State) -> bool:
    """Whether these are the states before each step: the first is the initial state, of whatever shape."""
    try:
        first = reader.read(passed, axes)[0]
    except ValueError:
        return False
    return not bool(first.any()) or any(torch.equal(first, each) for each in state.h)
