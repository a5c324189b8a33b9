"""The cut network is the network."""

import torch
from faults.scenes import scenes
from hypothesis import given, settings

from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene


@settings(deadline=None)
@given(scenes())
def test_it_computes_what_the_network_computes(scene: Scene) -> None:
    found, right = scene.run(CutNetwork(scene.spec)), scene.right
    pairs = [(found.output, right.output), (found.final.h, right.final.h), (found.final.c, right.final.c)]
    for one, other in pairs:
        if one is not None and other is not None:
            torch.testing.assert_close(one, other, rtol=1e-14, atol=1e-14)
