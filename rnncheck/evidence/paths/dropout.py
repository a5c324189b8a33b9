"""Dropout between layers, where the run has none and both sides can be built with it."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from rnncheck.evidence.paths import sampled_dropout
from rnncheck.evidence.paths.other_sizes import sized
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathSetting, User, run
from rnncheck.implementations.uses import NotOffered
from rnncheck.model.spec import Spec

DROPOUT, UNITS = 0.5, 8
SECONDS = 1.0  # of a run of all rows, at most
OTHER = "it drops otherwise than torch; --paths dropout makes that a mismatch"


# Another kind of dropout may be meant, and without dropout both sides are the same function.
@path("dropout", "with dropout between its layers", noted=OTHER)
def legs(setting: PathSetting) -> Iterator[Leg]:
    spec = setting.spec
    if spec.dropout:
        yield absent(setting, "the path train-mode compares it")
    elif spec.num_layers == 1:
        yield absent(setting, "dropout acts between layers, and there is one layer")
    elif setting.fixed or not setting.offers(dropping := narrow(replace(spec, dropout=DROPOUT))):
        yield absent(setting, "one side cannot be built with dropout, or not with few units")
    else:
        there = replace(setting, spec=dropping, _scenes={}, _weights={})
        if is_slow(there):
            yield absent(setting, "one side takes too long for as many rows as are needed")
        else:
            yield from sampled_dropout.legs(there)


def is_slow(setting: PathSetting) -> bool:
    """Whether a side, which then computes row by row, would take long for all rows."""
    few = setting.scene(sampled_dropout.STEPS, 1).of_rows([0] * sampled_dropout.FEW)
    spent = 0.0
    with suppress(Exception):  # it fails there again, and that is told
        for user in setting.sides:
            layer = user.fresh(few)
            run(layer, few)  # the first call may prepare something
            start = time.thread_time()
            run(layer, few)
            spent = max(spent, time.thread_time() - start)
    return spent * sampled_dropout.COPIES / sampled_dropout.FEW > SECONDS


def narrow(spec: Spec) -> Spec:
    """With few units: many rows are run."""
    return sized(spec, min(spec.hidden_size, UNITS), min(spec.input_size, UNITS))


def absent(setting: PathSetting, why: str) -> Leg:
    def go(user: User) -> Values:
        if user is setting.sides[0]:
            raise NotOffered(why)
        return {}

    return Leg(f"with dropout {DROPOUT}", go, setting.base, sampled_dropout.FAULT)
