"""`rnncheck record`: one run of one implementation with its inputs and results, for a file."""

import json
from collections.abc import Mapping

import torch
from torch import Tensor

from rnncheck import machine
from rnncheck.checking.examine import build_synced, first_chunk
from rnncheck.checking.plan import Case, Plan, prepare
from rnncheck.errors import CannotRun
from rnncheck.evidence import free_run
from rnncheck.evidence.allowance import SideRun
from rnncheck.evidence.gradients.differentiate import BackwardRun, differentiate, quantities
from rnncheck.evidence.gradients.task import Task, within_reach
from rnncheck.evidence.lockstep import Lockstep
from rnncheck.implementations.protocol import Layer
from rnncheck.model import trace_file
from rnncheck.model.trace import Trace, dtype_of
from rnncheck.model.trace_file import GRADIENT, STEP
from rnncheck.model.trace_metadata import TENSORS, metadata_of

Tensors = dict[str, Tensor]


def record(plan: Plan) -> tuple[Mapping[str, Tensor], Mapping[str, str]]:
    """The tensors and metadata of a run of `plan.candidate`; `plan.reference` is not used.

    Raises `CannotRun` if it cannot run: a device, weights or data do not fit, or an option is not supported.
    """
    with machine.torch_defaults():
        return _recorded(plan, prepare(plan))


def _recorded(plan: Plan, case: Case) -> tuple[Mapping[str, Tensor], Mapping[str, str]]:
    side, spec = case.sides[0], plan.spec
    with machine.threads_for(0), machine.tf32(plan.tf32), torch.inference_mode():
        layer = build_synced(side, spec, case.weights)
        x = free_run.gather(plan.sequences, spec)
        if not x.numel():
            raise CannotRun("there is nothing to record: the data have no rows")
        dtype = dtype_of(spec)
        state, given = case.state.to(spec.device, dtype), x.to(spec.device, dtype)
        lengths = plan.sequences.lengths
        kept = trace_file.given(given.clone(), case.state.to(spec.device, dtype), lengths, case.weights.cast(spec))
        trace = layer.run(given, state, lengths)
        hidden = Trace(trace.output, trace.final, trace.y, case.common.unexposed)
        tensors = {**kept, **hidden.shown()}
        if case.common.steps:
            tensors |= single_steps(case, layer, x, trace)
        tensors |= gradients(case, layer, x)
        about = machine.versions() | machine.precision_switches()
    about |= {"name": side.name, "location": side.location, "device": machine.describe(spec.device), "tf32": plan.tf32}
    of_the_run = {"seed": str(plan.seed), "recorded": json.dumps(about), TENSORS: " ".join(sorted(tensors))}
    return tensors, metadata_of(spec) | of_the_run


def single_steps(case: Case, layer: Layer, x: Tensor, trace: Trace) -> Tensors:
    """Every single step from the exact states before it, as lockstep needs them."""
    spec, lengths = case.plan.spec, case.plan.sequences.lengths
    run = SideRun(case.state.to(spec.device, dtype_of(spec)), trace)
    case.enveloped.of(x, run, run)
    envelope = case.enveloped.first
    assert envelope is not None
    rows = first_chunk(case, (layer, layer), x).rows_stepped(envelope)
    given, state = Lockstep(spec, case.weights, x, envelope, lengths, rows).given()
    kept = {name: value.clone() for name, value in trace_file.given(given, state, None, {}).items()}
    final = layer.run(given, state).final
    yields = dict(zip(("h_n", "c_n"), final.tensors(), strict=False))
    return {STEP + name: value for name, value in (kept | yields).items()}


def gradients(case: Case, layer: Layer, x: Tensor) -> Tensors:
    """The gradients of the loss of a check with this seed; empty if the layer has none or is too large."""
    spec, lengths, common = case.plan.spec, case.plan.sequences.lengths, case.common
    reach = within_reach(spec, *x.shape[:2])
    if layer.leaves() is None or reach is None or (reach.steps, reach.rows) < tuple(x.shape[:2]):
        return {}
    with torch.inference_mode(False):
        run = BackwardRun(spec, x.clone(), case.state, lengths, common.unexposed, common.withheld)
        task = Task.of(run, case.weights, case.plan.seed)
        found = differentiate(layer, task.run, task.projection)
        if found.problem:
            return {}
        dtype = dtype_of(spec)
        upstream = {
            name: value.to(dtype) for name, value in quantities(task.projection).items() if name not in common.unexposed
        }
        every = upstream | {name: value for name, value in found.gradients.items() if value is not None}
        return {GRADIENT + name: value for name, value in every.items()}
