"""Dropout between layers, where the run has none and both sides can be built with it."""

from collections.abc import Iterator
from dataclasses import replace

from rnncheck.evidence.paths import sampled_dropout
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathSetting, User
from rnncheck.implementations.uses import NotOffered

DROPOUT, STEPS = 0.5, 3
OTHER = f"it drops otherwise than torch; --dropout {DROPOUT} makes that a mismatch"


# Another kind of dropout may be meant, and without dropout both sides are the same function.
@path("dropout", "with dropout between its layers", noted=OTHER)
def legs(setting: PathSetting) -> Iterator[Leg]:
    spec = setting.spec
    if spec.dropout:
        yield absent(setting, "the path train-mode compares it")
    elif spec.num_layers == 1:
        yield absent(setting, "dropout acts between layers, and there is one layer")
    elif not setting.offers(dropping := replace(spec, dropout=DROPOUT)):
        yield absent(setting, "one side cannot be built with dropout")
    else:
        yield from sampled_dropout.legs(replace(setting, spec=dropping, _scenes={}, _weights={}), STEPS)


def absent(setting: PathSetting, why: str) -> Leg:
    def go(_: User) -> Values:
        raise NotOffered(why)

    return Leg(f"with dropout {DROPOUT}", go, setting.base, sampled_dropout.FAULT)
