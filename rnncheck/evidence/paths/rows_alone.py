"""Batch rows are independent: each alone gives the same result, and a NaN stays in its row."""

from collections.abc import Iterator

import torch

from rnncheck.evidence.paths.path import Leg, Values, path
from rnncheck.evidence.paths.scene import PathSetting, User, run, values
from rnncheck.implementations.uses import Unlike, as_called


@path("rows-alone", "with each row of the batch alone, and with a NaN in one of them")
def legs(setting: PathSetting) -> Iterator[Leg]:
    scene = setting.scene(rows=max(2, min(setting.batch_size, 3)))
    rows = range(scene.x.shape[1])
    others = scene.of_rows(rows[1:])

    def alone(user: User) -> Values:
        layer = user.layer(scene)
        every = (values(run(layer, scene.of_rows([row]))) for row in rows)
        found = [{name: value.clone() for name, value in each.items()} for each in every]  # memory may be used again
        return {name: torch.cat([each[name] for each in found], 1) for name in found[0]}

    def beside(user: User, bad: float) -> Values:
        layer = user.layer(scene)
        x, state = scene.given()
        x[0, 0, 0] = bad
        with as_called(layer):
            return {name: each[:, 1:] for name, each in values(layer.run(x, state)).items()}

    def hidden(user: User) -> Values:
        layer = user.layer(scene)
        x, state = scene.given()
        x[0, 0, 0] = float("nan")
        with as_called(layer):
            found = values(layer.run(x, state))
        if all(bool(each.isfinite().all()) for each in found.values()):
            raise Unlike("it hides that: its results are finite, and the reference's are not")
        return {}

    yield Leg("given each row alone", alone, scene, "wrong-at-other-sizes")
    yield Leg("given a NaN in another row", lambda user: beside(user, float("nan")), others, "nan-spreads")
    yield Leg("given a NaN", hidden, scene, "nan-spreads")
    yield Leg("given an infinity in another row", lambda user: beside(user, float("inf")), others, "nan-spreads")
