"""The gradients that layers with a fault are held against: at the run's dtype and in float64, as the check's were."""

from dataclasses import dataclass

import torch

from rnncheck.backward.differentiate import Run
from rnncheck.backward.judge import MODE, MODE_FLOAT64
from rnncheck.backward.reach import within_reach
from rnncheck.backward.right import Right
from rnncheck.backward.task import Task, narrowed
from rnncheck.envelope import rounding_of
from rnncheck.faults.fault import Fault
from rnncheck.faults.planted import Planted
from rnncheck.faults.scene import Scene
from rnncheck.implementations.protocol import Implementation, Layer
from rnncheck.report import Comparison
from rnncheck.weights import Weights
from rnncheck.witness.terms import Terms


@dataclass(frozen=True)
class Held:
    """One task, and the reference's gradients of it."""

    task: Task
    right: Right

    def against(self, fault: Fault) -> list[Comparison]:
        """The gradients of a layer with this fault."""
        with torch.inference_mode(False):
            planted = Planted(fault.title, fault.network).build(self.task.run.spec, self.task.weights)
            return list(self.right.against(planted)[1].values())


def held_gradients(scene: Scene, reference: Implementation, layer: Layer, terms: Terms) -> list[Held]:
    """None of them if the check compared no gradients."""
    reach = within_reach(scene.spec, *scene.x.shape[:2])
    if MODE not in terms.modes or reach is None:
        return []
    with torch.inference_mode(False):
        run = Run(scene.spec, *reach.cut(scene.x, scene.state, scene.lengths), terms.unexposed, terms.withheld)
        task = Task.of(run, Weights(scene.weights), terms.seed)
        allowances = task.allowances(terms.held)
        found = [Held(task, Right(layer, task, allowances, MODE))]
        if MODE_FLOAT64 in terms.modes:
            task = task.in_float64()
            finer = narrowed(allowances, terms.held) or task.allowances(rounding_of(task.run.spec))
            double = reference.build(task.run.spec, task.weights)
            found.append(Held(task, Right(double, task, finer, MODE_FLOAT64)))
        return found
