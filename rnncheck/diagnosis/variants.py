"""Recognises a candidate that is a known variant with other equations."""

from dataclasses import replace

from rnncheck.diagnosis import scenes
from rnncheck.diagnosis.probe import Prober, ran, values
from rnncheck.faults.scene import Scene
from rnncheck.faults.variants import variants
from rnncheck.faults.variants.variant import Variant
from rnncheck.implementations.protocol import Implementation
from rnncheck.scratch.network import Network


def variant_of(implementation: Implementation, scene: Scene) -> Variant | None:
    """The variant that equals the candidate on the data of the run and on fresh data; None if there is none.

    `scene` is the run's own spec and data, in float64 on the host.
    """
    spec = scene.spec
    if spec.variant is not None or spec.proj_size:
        return None
    left = [each for each in variants() if each.cell is spec.cell and not each.own]
    if not left:
        return None
    prober = Prober(implementation, spec)
    part = scenes.cut(scene, None)
    probes = [probe for each in (part, *scenes.fresh(part)) if (probe := prober.probe(each)) is not None]
    if len(probes) < 2 or all(probe.shows_nothing for probe in probes):
        return None
    for each in left:
        if all(
            probe.likeness(values(ran(Network(replace(probe.scene.spec, variant=each)), probe.scene))).exact
            for probe in probes
        ):
            return each
    return None
