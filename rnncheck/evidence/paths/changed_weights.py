"""Weights changed in place or loaded after a run: the layer must use the new ones."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from rnncheck.evidence.paths.gradients import share
from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathSetting, User, run, values
from rnncheck.implementations.uses import Unlike, as_called, offered

FAULT = "stale-weights"
MOST_ALONE = 16  # of its tensors that are changed one at a time: those of two layers of both directions


@path("changed-weights", "after a change of its weights")
def legs(setting: PathSetting) -> Iterator[Leg]:
    before, after = setting.base, setting.scene(other=1)

    same_data = replace(before, weights=after.weights)

    def in_place(user: User, grad: bool) -> Values:
        """Given the very same tensors again."""
        layer, (x, state) = user.fresh(before), before.given()
        with as_called(layer), torch.set_grad_enabled(grad):
            layer.run(x, state, before.lengths)
            offered(layer, "change")(after.weights.cast(after.spec))
            return values(layer.run(x, state, before.lengths))

    def evaluated(user: User) -> Values:
        """After its own .train() and .eval()."""
        layer = user.fresh(before)
        with offered(layer, "training")():
            pass
        offered(layer, "change")(after.weights.cast(after.spec))
        return values(run(layer, after))

    def through_data(user: User) -> Values:
        """Autograd does not track such a change: a layer that packs its weights by their version cannot see it."""
        layer, donor = user.fresh(before), user.fresh(after)
        run(layer, before)
        mine, theirs = (offered(each, "trained")() for each in (layer, donor))
        for name, value in mine.items():
            value.data.copy_(theirs[name].data)
        expected, found = (values(run(each, after)) for each in (donor, layer))
        if not all(torch.allclose(each, expected[name], rtol=1e-2, atol=1e-2) for name, each in found.items()):
            raise Unlike("it still runs with old ones")
        return {}

    def loaded(user: User, assign: bool) -> Values:
        layer, donor = user.fresh(before), user.fresh(after)
        run(layer, before)
        offered(layer, "load")(offered(donor, "saved")(), assign=assign)
        return values(run(layer, after))

    def one_alone(user: User) -> Values:
        """After a change of one of its own tensors, beside a new layer with the same change."""
        donor, farthest = offered(user.fresh(after), "trained")(), 0.0
        for name in list(donor)[:MOST_ALONE]:
            called, new = user.fresh(before), user.fresh(before)
            run(called, before)
            for layer in (called, new):
                offered(layer, "trained")()[name].copy_(donor[name])
            found, expected = (values(run(layer, before)) for layer in (called, new))
            farthest = max(farthest, *(share(each, expected[name]) for name, each in found.items()))
        return {"the difference from a new layer": torch.tensor([[[farthest]]])}

    def frozen(user: User) -> Values:
        layer, donor = user.fresh(before), user.fresh(after)
        for value in offered(layer, "trained")().values():
            value.requires_grad_(False)
        run(layer, before)
        offered(layer, "load")(offered(donor, "saved")())
        return values(run(layer, after))

    def turned(user: User) -> Values:
        """Loaded as the parameters themselves, of which matrices are transposed in memory."""
        layer, donor = user.fresh(before), user.fresh(after)
        saved = {
            name: value.mT.contiguous().mT if value.dim() > 1 else value
            for name, value in offered(donor, "saved")().items()
        }
        offered(layer, "load")(saved, assign=True)
        return values(run(layer, after))

    yield Leg("run again after one of its weights was changed", one_alone, before, FAULT)
    yield Leg("run again after load_state_dict with frozen weights", frozen, after, FAULT)
    yield Leg("run again after its weights were changed in place", partial(in_place, grad=False), same_data, FAULT)
    yield Leg("run again after its weights were changed through .data", through_data, after, FAULT)
    go = partial(in_place, grad=True)
    yield Leg("run again with gradients, after its weights were changed in place", go, same_data, FAULT)
    yield Leg("run after .train(), .eval() and a change of its weights in place", evaluated, after, FAULT)
    yield Leg("run again after load_state_dict", lambda user: loaded(user, False), after, FAULT)
    yield Leg("run again after load_state_dict with assign=True", lambda user: loaded(user, True), after, FAULT)
    layout = Leg("run with weights that are not contiguous in memory", turned, after, "memory-layout-assumed")
    yield replace(layout, from_others=(FAULT,))
