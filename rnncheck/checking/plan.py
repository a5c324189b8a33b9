"""The plan of a check: all options of the command, and both sides once they are loaded."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from rnncheck import machine
from rnncheck.checking.relaid import differing, relaid
from rnncheck.checking.weights import as_they_are, weights_of
from rnncheck.data.random import initial_state
from rnncheck.data.sequences import Sequences
from rnncheck.envelope import rounding_of
from rnncheck.errors import CannotRun, RefusedError, UsageError, WeightsError
from rnncheck.evidence import free_run
from rnncheck.evidence.allowance import Enveloped
from rnncheck.evidence.common_ground import Ground, ground
from rnncheck.evidence.tolerance import Tolerance, stated
from rnncheck.implementations import check_mappable, is_users_own, load, takes_arguments
from rnncheck.implementations.on_device import OnDevice
from rnncheck.implementations.protocol import (
    Approximates,
    BringsWeights,
    Defines,
    Implementation,
    MayBeFixed,
    MayIgnore,
    RunsOnce,
)
from rnncheck.model.spec import InitialState, Spec
from rnncheck.model.trace import State, dtype_of
from rnncheck.model.weights import Weights
from rnncheck.report import Comparison, Finding

FLOAT64, FLOAT32 = 8, 4
GIB = 2**30


@dataclass(frozen=True)
class Plan:
    """One check: the model, the data, the weights, both sides, and the allowed difference.

    `rows` is how many timesteps the report shows (None: all). A stated `atol` or `rtol` replaces the rounding
    envelope; the other is then 0. `lockstep` compares every single step, from the exact states before it, within the
    envelope (None: unless a tolerance is stated); `backward` compares the gradients (None: if both sides have them and
    no tolerance is stated). `paths` selects the other ways to use the layer: "default", "all", "none" or names with
    commas (None: the default ones, unless a tolerance is stated).
    `diagnose` searches the known fault that explains a mismatch. `witness` plants every known fault after a pass (None:
    unless the layer is large); with "strict" a fault that this check would miss makes it inconclusive. `arguments` are
    for the constructor of the user's own class: the candidate, otherwise the reference. `mapping_path` is a file with
    the mapping; `save_mapping_path` is where the mapping is written. `weights` are tensors by the names of torch or of
    the candidate; without them, weights come from a file or are drawn. With `sync` "none" each side keeps its own
    weights, or gets these for the candidate and `against_weights` for the reference. `read_seconds` is the time allowed
    for finding out how to read the user's own class. `state` is the initial state, or else drawn as `h0` says.
    """

    spec: Spec
    sequences: Sequences
    candidate: str | Implementation = "scratch"
    reference: str | Implementation = "torch"
    seed: int = 0
    h0: InitialState = "random"
    state: State | None = None
    weights_path: Path | None = None
    weights: Mapping[str, Tensor] | None = None
    sync: Literal["reference", "none"] = "reference"
    against_weights_path: Path | None = None
    against_weights: Mapping[str, Tensor] | None = None
    save_weights_path: Path | None = None
    mapping_path: Path | None = None
    save_mapping_path: Path | None = None
    weight_scale: float = 1.0
    allow_nonfinite: bool = False
    atol: float | None = None
    rtol: float | None = None
    lockstep: bool | None = None
    backward: bool | None = None
    paths: str | None = None
    diagnose: bool = True
    witness: bool | Literal["strict"] | None = None
    tf32: bool = False
    rows: int | None = 30
    arguments: Mapping[str, object] = field(default_factory=dict)
    read_seconds: float = 10.0


@dataclass(frozen=True)
class Case:
    """Both sides, what they have in common, and the inputs of both: `weights`, and `state`, drawn as `h0` says.

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
    notes: Sequence[str] = ()  # on where the weights come from


def prepare(plan: Plan) -> Case:
    """Loads both sides and their inputs. Raises `CannotRun` if something cannot be used."""
    spec, sequences = plan.spec, plan.sequences
    machine.require(spec)
    require_memory(spec, sequences, enveloped=plan.atol is None and plan.rtol is None)
    if plan.save_mapping_path and isinstance(plan.candidate, str):
        check_mappable(plan.candidate)
    sides = sides_of(plan.candidate, plan.reference, plan.arguments, plan.mapping_path, plan.read_seconds)
    weights, notes = None, list[str]()
    if plan.sync == "none":  # first: what keeps its weights need not be mapped
        sides, weights, notes = as_they_are(plan, sides)
    elif plan.against_weights is not None or plan.against_weights_path is not None:
        raise UsageError("--against-weights needs --sync none; without it both sides get the weights of --weights")
    if not carries_weights(plan):
        for side in sides:
            spec = side.heeded(spec) if isinstance(side, MayIgnore) else spec
        plan = replace(plan, spec=spec)
    if isinstance(sides[1], Defines):
        spec = replace(spec, variant=sides[1].semantics)
        plan = replace(plan, spec=spec)
    for side in sides:
        if isinstance(side, MayBeFixed):
            side.expect(sequences.seq_len, sequences.batch_size)
        if reason := side.refuses(spec, lengths=sequences.lengths is not None):
            raise RefusedError(f"{side.name} cannot run this: {reason}{beside_a_file(side, sides)}")
    common = ground(spec, *sides, seq_len=sequences.seq_len, lengths=sequences.lengths)
    refuse_other_state(sides, plan.state, common)
    if plan.save_mapping_path:
        from rnncheck.mapping import save as save_mapping  # where a candidate was mapped it is there already

        save_mapping(plan.save_mapping_path, spec.cell, common.mapping)
    if weights is None:
        weights, notes = weights_of(plan, sides)
        weights = common.restrict(weights)
    require_fit(weights, spec)
    for side in sides if plan.sync == "reference" else ():
        problems, known = other_weights(side, weights, spec)
        common = replace(common, problems=[*common.problems, *problems], findings=[*common.findings, *known])
    h0 = plan.h0 if common.takes_state else "zeros"
    state = initial_state(spec, sequences.batch_size, seed=plan.seed, kind=h0)
    if plan.state is not None and common.takes_state:
        state = plan.state
    if state.c is not None and not common.takes_cell_state:
        state = State(state.h, torch.zeros_like(state.c))
    tolerance = stated(plan.atol, plan.rtol)
    if tolerance is not None and plan.lockstep:
        raise UsageError("--lockstep needs the rounding envelope, which --atol and --rtol replace; leave one out")
    enveloped = Enveloped(
        spec,
        weights,
        sequences.lengths,
        rounding_of(coarsest(spec, *sides), tf32=plan.tf32, approximate=approximate(*sides)),
    )
    return Case(plan, sides, common, weights, h0, state, tolerance, enveloped, notes)


def carries_weights(plan: Plan) -> bool:
    """Whether weights of one shape are given."""
    given = (plan.weights, plan.weights_path, plan.against_weights, plan.against_weights_path, plan.state)
    return plan.sync == "none" or any(each is not None for each in given)


def beside_a_file(side: Implementation, sides: Sequence[Implementation]) -> str:
    """That the other side's options cannot change, for a refusal which may advise other options."""
    found = next((each.name for each in sides if isinstance(each, BringsWeights) and each is not side), None)
    return "" if found is None else f"\n(the options are those of {found}, which cannot change them)"


def approximate(*sides: Implementation) -> float:
    """The error of tanh and sigmoid, in units of roundoff of 1, that a side has whatever their size."""
    return max((each.approximate for each in sides if isinstance(each, Approximates)), default=0.0)


def coarsest(spec: Spec, *sides: Implementation) -> Spec:
    """The spec on the device with the lowest precision of products: a side on cuda may use TF32."""
    devices = [each.device for each in sides if isinstance(each, OnDevice)]
    return replace(spec, device=next((each for each in devices if each.startswith("cuda")), spec.device))


def refuse_other_state(sides: tuple[Implementation, Implementation], state: State | None, common: Ground) -> None:
    """Raises `RefusedError` if a recorded run starts from states that the other side does not take."""
    if state is None:
        return
    for taken, part, name in ((common.takes_state, state.h, "h0"), (common.takes_cell_state, state.c, "c0")):
        if not taken and part is not None and part.any():
            recorded, other = sides if isinstance(sides[0], RunsOnce) else reversed(sides)
            raise RefusedError(
                f"{recorded.name} starts from {name}, which {other.name} does not take; record --h0 zeros"
            )


def sides_of(
    candidate: str | Implementation,
    reference: str | Implementation,
    arguments: Mapping[str, object],
    mapping: Path | None = None,
    read_seconds: float = 10.0,
    timeout: float | None = None,
) -> tuple[Implementation, Implementation]:
    """Both sides, loaded. Raises `UsageError` for constructor arguments that neither side takes.

    `timeout` is how many seconds a call of a command may take.
    """
    if arguments and not any(isinstance(each, str) and takes_arguments(each) for each in (candidate, reference)):
        raise UsageError(
            "--arg sets parameters of your own class or of a layer of Keras, and neither side is one; leave it out"
        )
    if mapping and isinstance(candidate, str):
        check_mappable(candidate)
    sides = []
    for side in (candidate, reference):
        if isinstance(side, str):
            own, takes = is_users_own(side), takes_arguments(side)
            sides.append(load(side, arguments if takes else None, mapping if own else None, read_seconds, timeout))
            arguments = {} if takes else arguments
        else:
            sides.append(side)
        mapping = None  # the candidate's alone
    return sides[0], sides[1]


def require_fit(weights: Weights, spec: Spec) -> None:
    """Raises `WeightsError` for a finite weight that is too large for the dtype."""
    dtype = dtype_of(spec)
    largest = torch.finfo(dtype).max
    for name, given in weights.values.items():
        too_large = given.isfinite() & given.to(dtype).isinf()
        if bool(too_large.any()):
            index = ", ".join(map(str, too_large.nonzero()[0].tolist()))
            raise WeightsError(
                f"{name}[{index}] is {float(given[too_large][0]):.6g}, and the largest number of {spec.dtype} is "
                f"{largest:.6g}; use smaller weights, or --dtype float64"
            )


def other_weights(side: Implementation, weights: Weights, spec: Spec) -> tuple[list[Comparison], list[Finding]]:
    """A comparison for each weight that differs between a file with its own weights and these weights, and how they
    became others, if that is known.
    """
    if not isinstance(side, BringsWeights) or isinstance(side, RunsOnce):
        return [], []
    own, given = side.weights.cast(spec), weights.cast(spec)
    found = []
    for name in differing(own, {name: given[name] for name in spec.recurrent_shapes()}, spec):
        difference = (own[name].double() - given[name].double()).abs().nan_to_num(math.inf, math.inf)
        most = int(difference.argmax())
        at = [int(each) for each in torch.unravel_index(torch.tensor(most), difference.shape)]
        problem = f"{side.name} has other values, different by up to {float(difference.max()):.3g} at {at}"
        found.append(Comparison(name, "weights", problem=problem))
    return found, relaid(own, given, spec, side.name) if found else []


def require_memory(spec: Spec, sequences: Sequences, *, enveloped: bool) -> None:
    """Raises `CannotRun` for sizes that do not fit into memory; `enveloped` says whether there is an envelope."""
    needed, here = bytes_held(spec, sequences, enveloped=enveloped), free_run.physical_memory()
    if needed <= here:
        return
    count = spec.count
    what = f"{count:,} weights in float64 and on both sides" + (", the rounding envelope" if enveloped else "")
    ways = "choose smaller sizes"
    less = bytes_held(spec, sequences, enveloped=False)
    if enveloped and less <= here:
        ways += (
            f", or set a tolerance with --atol: then no envelope is needed, and the check takes {less / GIB:,.1f} GiB"
        )
    raise CannotRun(
        f"this check would hold {needed / GIB:,.1f} GiB ({what}, and states of {sequences.batch_size:,} rows), "
        f"and there are {here / GIB:,.1f} GiB; {ways}"
    )


def bytes_held(spec: Spec, sequences: Sequences, *, enveloped: bool) -> float:
    """An upper bound on the bytes that a check holds at once, without torch itself.

    Each weight: its master copy, both sides', and the copy that a side is read back against; in the envelope its
    value in float64, its square in float64 and in the precision of the samples, what multiplies their moves, and all
    of a layer side by side. Each timestep and row of a chunk: x, and the sums and states of every direction, on each
    side and in the envelope.
    """
    size = torch.finfo(dtype_of(spec)).bits // 8
    count = spec.count
    each = FLOAT64 + 3 * size + (3 * FLOAT64 + 2 * FLOAT32 if enveloped else 0)
    longest = free_run.chunk_length(sequences.batch_size, spec)
    steps = sequences.batch_size * min(longest, sequences.seq_len or longest)
    numbers = spec.input_size + spec.directions * (2 if enveloped else 1) * free_run.rows_per_step(spec)
    return float(each * count + FLOAT64 * numbers * steps)
