"""A case: what a plan comes to once its sides are loaded, before anything has run."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from rnncheck import chunking, devices, weights_file
from rnncheck.allowance import Enveloped
from rnncheck.common_ground import Ground, ground
from rnncheck.envelope import rounding_of
from rnncheck.errors import CannotRun, RefusedError, UsageError
from rnncheck.implementations import check_mappable, is_users_own, load
from rnncheck.implementations.protocol import Implementation
from rnncheck.plan import Plan
from rnncheck.sequences.random import initial_state
from rnncheck.spec import InitialState, Spec
from rnncheck.tolerance import Tolerance, stated
from rnncheck.trace import State
from rnncheck.weights import Weights, draw


@dataclass(frozen=True)
class Case:
    """Both sides, what they have in common, and what both are given: `weights`, and `state`, of the kind `h0`.

    `tolerance` is the stated one, if any; `enveloped` computes the rounding envelope.
    """

    plan: Plan
    sides: tuple[Implementation, Implementation]  # candidate, reference
    common: Ground
    weights: Weights
    h0: InitialState
    state: State
    tolerance: Tolerance | None
    enveloped: Enveloped


def prepare(plan: Plan) -> Case:
    """Loads both sides and all that they are given. Raises `CannotRun` for what cannot be used."""
    spec, sequences = plan.spec, plan.sequences
    devices.require(spec)
    require_memory(spec)
    if plan.save_mapping_path and isinstance(plan.candidate, str):
        check_mappable(plan.candidate)
    sides = sides_of(plan.candidate, plan.reference, plan.arguments, plan.mapping_path)
    for side in sides:
        if reason := side.refuses(spec, lengths=sequences.lengths is not None):
            raise RefusedError(f"{side.name} cannot run this: {reason}")
    common = ground(spec, *sides, seq_len=sequences.seq_len, lengths=sequences.lengths)
    if plan.save_mapping_path:
        from rnncheck.mapping import save as save_mapping  # where a candidate was mapped it is there already

        save_mapping(plan.save_mapping_path, spec.cell, common.mapping)
    weights = common.restrict(weights_of(plan))
    h0 = plan.h0 if common.takes_state else "zeros"
    state = initial_state(spec, sequences.batch_size, seed=plan.seed, kind=h0)
    if state.c is not None and not common.takes_cell_state:
        state = State(state.h, torch.zeros_like(state.c))
    tolerance = stated(plan.atol, plan.rtol)
    if tolerance is not None and plan.lockstep:
        raise UsageError("--lockstep judges by the rounding envelope, which --atol and --rtol replace; leave one out")
    enveloped = Enveloped(spec, weights, sequences.lengths, rounding_of(spec, tf32=plan.tf32))
    return Case(plan, sides, common, weights, h0, state, tolerance, enveloped)


def sides_of(
    candidate: str | Implementation,
    reference: str | Implementation,
    arguments: Mapping[str, object],
    mapping: Path | None = None,
) -> tuple[Implementation, Implementation]:
    """Both, loaded. Raises `UsageError` for constructor's arguments that neither of them takes."""
    if arguments and not any(isinstance(each, str) and is_users_own(each) for each in (candidate, reference)):
        raise UsageError("--arg is for the constructor of a class of your own, and neither side is one; leave it out")
    if mapping and isinstance(candidate, str):
        check_mappable(candidate)
    sides = []
    for side in (candidate, reference):
        if isinstance(side, str):
            own = is_users_own(side)
            sides.append(load(side, arguments if own else None, mapping if own else None))
            arguments = {} if own else arguments
        else:
            sides.append(side)
        mapping = None  # the candidate's alone
    return sides[0], sides[1]


def require_memory(spec: Spec) -> None:
    """Raises `CannotRun` for weights that this machine cannot hold, in float64 and twice at the run's dtype."""
    numbers = sum(math.prod(shape) for shape in spec.parameter_shapes().values())
    needed, here = 16 * numbers, chunking.physical_memory()
    if needed > here:
        raise CannotRun(
            f"these {numbers:,} weights take {needed / 2**30:,.0f} GiB and there are {here / 2**30:,.0f}; "
            "choose smaller sizes"
        )


def weights_of(plan: Plan) -> Weights:
    """The plan's weights, in hand, from its file or drawn, scaled, and saved if it says so."""
    if plan.weights is not None:
        weights = plan.weights
    elif plan.weights_path:
        weights = weights_file.load(plan.weights_path, plan.spec, allow_nonfinite=plan.allow_nonfinite)
    else:
        weights = draw(plan.spec, plan.seed)
    weights = weights.scaled(plan.weight_scale)
    if plan.save_weights_path:
        weights_file.save(plan.save_weights_path, weights)
    return weights
