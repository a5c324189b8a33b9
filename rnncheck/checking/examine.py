"""Runs both sides of a case, compares and judges the results, and explains a mismatch."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from rnncheck import machine
from rnncheck.checking.plan import Case, approximate, coarsest
from rnncheck.checking.verdict import judge
from rnncheck.errors import CannotRun, ExitCode, WeightsError
from rnncheck.evidence import free_run
from rnncheck.evidence.allowance import Stated
from rnncheck.evidence.first_chunk import Evidence, FirstChunk
from rnncheck.evidence.free_run import SideBySide
from rnncheck.evidence.paths.path import chosen
from rnncheck.evidence.paths.scene import PathSetting, User
from rnncheck.evidence.paths.walk import Walked, walk
from rnncheck.implementations import load
from rnncheck.implementations.protocol import Implementation, Layer, Read, RunsOnce
from rnncheck.model.spec import Spec
from rnncheck.model.weights import Weights
from rnncheck.report import Comparison, PathFacts, Verdict
from rnncheck.text import short
from rnncheck.witness import MutantJudgement, MutationTest, insufficient, mutants_tried

MOST_TOLD = 3  # uses in which it fails
UNASKED = "default"  # paths, where none are asked for
PATH_SECONDS = 30.0  # for these; most layers need one or two
Progress = Callable[[int, int | None], None]

NOT_TRIED = MutationTest(None)


@dataclass
class Examination:
    """The evidence and the verdict. `steps` is how many timesteps ran, `stopped` what ended them early."""

    verdict: Verdict
    reason: str | None
    steps: int
    comparisons: list[Comparison]
    evidence: Evidence
    switches: dict[str, object]
    paths: Sequence[PathFacts] = ()
    setting: PathSetting | None = None
    noted: frozenset[str] = frozenset()  # of the paths, those on which a difference is no mismatch
    restrictions: Sequence[str] = ()
    mutation_test: MutationTest = NOT_TRIED
    stopped: KeyboardInterrupt | None = None

    @property
    def exit_code(self) -> ExitCode:
        if self.stopped is None:
            return self.verdict.exit_code
        return getattr(self.stopped, "exit_code", ExitCode.INTERRUPTED)

    def stop(self, interrupt: KeyboardInterrupt, doing: str) -> None:
        """Ends it early: a mismatch that was seen is one, but nothing else is decided."""
        self.stopped = interrupt
        self.reason = f"stopped after {self.steps:,} timesteps, {doing}"
        if self.verdict is not Verdict.MISMATCH:
            self.verdict = Verdict.INCONCLUSIVE


def examine(case: Case, progress: Progress | None = None) -> Examination:
    """Runs both sides and compares their results; known faults explain a mismatch, or are planted after a pass.

    `progress(done, total)` is called after every chunk, in timesteps.
    """
    plan, spec, common = case.plan, case.plan.spec, case.common
    numbers = sum(math.prod(shape) for shape in spec.parameter_shapes().values())
    with (
        machine.threads_for(plan.sequences.batch_size * numbers),
        machine.tf32(plan.tf32),
        torch.inference_mode(),
    ):
        own = plan.sync == "none"
        candidate = (case.sides[0].build if own else partial(build_synced, case.sides[0]))(spec, case.weights)
        layers = candidate, build_synced(case.sides[1], spec, case.weights)
        allowance = Stated(case.tolerance) if case.tolerance else case.enveloped
        lengths = plan.sequences.lengths
        both = SideBySide(spec, *layers, case.state, lengths, allowance, plan.rows, common.unexposed)
        evidence, first, stopped = Evidence(), None, None
        try:
            for x in free_run.tensors(plan.sequences, spec, whole=not common.carries):
                traces = both.run(x)
                if first is None and x.numel():
                    first = first_chunk(case, layers, x)
                    first.repeated(traces, both.allowed, evidence)
                    look_closer(case, first, traces[0].output, evidence)
                if progress:
                    progress(both.steps, plan.sequences.seq_len)
        except KeyboardInterrupt as interrupt:
            stopped = interrupt
        comparisons = [*both.comparisons(), *evidence.comparisons, *common.problems]
        verdict, reason = judge(comparisons, case.enveloped.doubt)
        doubt = evidence.doubt or common.doubt
        if verdict is Verdict.MISMATCH:
            doubt = unconfirmed(case, first, evidence, comparisons, both.steps)
        if doubt and verdict is not Verdict.INCONCLUSIVE:
            verdict, reason = Verdict.INCONCLUSIVE, doubt
        switches = machine.precision_switches()
        found = Examination(verdict, reason, both.steps, comparisons, evidence, switches)
        if stopped is not None:
            found.stop(stopped, "before the end of the data")
        elif first is not None:
            try:
                use_otherwise(found, case)
                account_for(found, case, first)
                leave_open(found, case)
            except KeyboardInterrupt as interrupt:
                found.stop(interrupt, "while known faults were tried")
    return found


def first_chunk(case: Case, layers: tuple[Layer, Layer], x: Tensor) -> FirstChunk:
    lengths, common = case.plan.sequences.lengths, case.common
    return FirstChunk(
        case.plan.spec,
        case.weights,
        x,
        case.state,
        lengths,
        case.sides,
        layers,
        common.unexposed,
        common.withheld,
    )


def look_closer(case: Case, first: FirstChunk, output: Tensor, into: Evidence) -> None:
    """Single steps and gradients, as far as they are wanted and can be had. `output` is the candidate's."""
    plan, enveloped, tolerance = case.plan, case.enveloped, case.tolerance
    if plan.lockstep is not False and case.common.steps and enveloped.first is not None:
        first.stepped(enveloped.first, output, into)
    if plan.backward or (plan.backward is None and tolerance is None):
        first.differentiated(tolerance or enveloped.rounding, plan.seed, plan.backward, into)


def unconfirmed(
    case: Case, first: FirstChunk | None, evidence: Evidence, comparisons: Sequence[Comparison], run: int
) -> str | None:
    """Why a mismatch in gradients, or in few states, was not confirmed; None if it was."""
    if first is None or evidence.findings or case.tolerance is not None:
        return None
    wrong = [each for each in comparisons if not each.agrees]
    if run > len(first.x) and not all(each.mode.startswith("backward") for each in wrong):
        return None  # states differ perhaps in later chunks, which are not run again
    steps = case.plan.lockstep is not False and case.common.steps
    return first.unconfirmed(wrong, case.enveloped.rounding, case.plan.seed, steps=steps)


def use_otherwise(found: Examination, case: Case) -> None:
    """After a pass of the normal run, compares both sides on the paths."""
    plan, common = case.plan, case.common
    text = plan.paths or ("none" if case.tolerance else UNASKED)
    if found.verdict is not Verdict.EQUIVALENT or text == "none":
        return
    if plan.sync == "none":
        found.evidence.notes.append(
            "no path was compared: paths set other weights, and with --sync none each side keeps its own"
        )
        return
    if any(isinstance(each, RunsOnce) for each in case.sides):
        found.evidence.notes.append("no path was compared: a recorded run cannot be run again")
        return
    if plan.paths is None and any(each.name.startswith("exec:") for each in case.sides):
        found.evidence.notes.append(
            "no path was compared, because paths call the command many times; add --paths default to compare them"
        )
        return
    paths = chosen(text)
    setting = PathSetting(
        replace(plan.spec, head=None),
        (User(case.sides[0]), User(case.sides[1])),
        plan.sequences.seq_len or found.steps,
        plan.sequences.batch_size,
        case.tolerance,
        plan.tf32,
        common.takes_state,
        common.takes_cell_state,
        plan.seed,
        common.unexposed,
        common.withheld,
        coarsest(plan.spec, *case.sides).device,
        approximate(*case.sides),
        plan.sequences.lengths is not None,
        any(isinstance(each, Read) and each.read(plan.spec).fixed for each in case.sides),
    )
    walked = walk(paths, setting, PATH_SECONDS if plan.paths is None else math.inf)
    found.paths, found.setting = walked.facts, setting
    found.noted = frozenset(each.slug for each in paths if each.noted)
    found.comparisons += walked.comparisons
    found.evidence.findings += walked.findings
    found.restrictions = unlike(walked)
    if walked.findings:
        found.verdict, found.reason = Verdict.MISMATCH, None
    elif doubt := walked.doubt(short(setting.sides[0].implementation.name)):
        found.verdict, found.reason = Verdict.INCONCLUSIVE, doubt


def unlike(walked: Walked) -> list[str]:
    """Sentences about uses of the candidate that were not compared, because it fails or does something else there, or
    there was no time.
    """
    otherwise = [f"{', '.join(legs)}, {what}" for what, legs in walked.unlike.items()]
    if walked.cut:
        otherwise.append(
            f"{walked.cut} of its uses were not compared, because those before had taken {walked.budget.seconds:g} "
            "seconds; --paths default compares all of them"
        )
    fails = [(leg, why) for why, legs in walked.fails.items() for leg in legs]
    if len(fails) == 1:
        return [", ".join(fails[0]), *otherwise]
    more = f"; and {len(fails) - MOST_TOLD} more" if len(fails) > MOST_TOLD else ""
    told = "; ".join(leg for leg, _ in fails[:MOST_TOLD])
    return [f"it fails in other uses, with the errors that -v shows: {told}{more}", *otherwise] if fails else otherwise


def leave_open(found: Examination, case: Case) -> None:
    """An unexplained mismatch is uncertain while some ways to read the candidate were not tried."""
    unexplained = all(each.slug == "unexplained" or each.explains == 0 for each in found.evidence.findings)
    if found.verdict is Verdict.MISMATCH and case.common.unsearched and unexplained:
        found.verdict, found.reason = Verdict.INCONCLUSIVE, case.common.unsearched
        found.evidence.findings.clear()


def account_for(found: Examination, case: Case, first: FirstChunk) -> None:
    """Explains a mismatch, or plants faults after a pass."""
    plan, common = case.plan, case.common
    first = against_what_runs(first)
    if found.verdict is Verdict.MISMATCH and isinstance(first.sides[0], RunsOnce):
        found.evidence.notes.append(
            f"no known fault was tried, because {first.sides[0].name} is a recorded run; to find the fault, compare "
            "the layer itself --against the recording"
        )
    elif found.verdict is Verdict.MISMATCH and not found.paths:  # what parts on a path alone is named by it
        from rnncheck.checking.explain import explain  # a pass has no need of it, and should not wait for it

        stated = case.tolerance is not None
        told = any(each.explains == 1.0 for each in common.findings)
        try:
            explain(
                first,
                found.comparisons,
                case.enveloped.rounding,
                found.evidence,
                stated,
                plan.diagnose,
                common.beyond,
                told=told,
            )
        except CannotRun as problem:  # in a run that the check itself has no need of
            said = str(problem).splitlines()[0]
            found.evidence.notes.append(f"the search for the fault ended, as the candidate cannot run it: {said}")
        if plan.sync == "none" and plan.diagnose:
            tell_of_other_weights(found, case, first)
    elif found.verdict is Verdict.EQUIVALENT and plan.witness is not False:
        modes = {each.mode for each in found.comparisons}
        held = case.tolerance or case.enveloped.rounding
        paths = {each.path: each for each in found.paths}
        judgement = MutantJudgement(
            held, modes, plan.seed, common.unexposed, common.withheld, common.by_row, found.setting, paths, found.noted
        )
        found.mutation_test = mutants_tried(first, judgement, always=plan.witness is not None)
        witness = found.mutation_test.witness
        if plan.witness == "strict" and witness is not None and (doubt := insufficient(witness)):
            found.verdict, found.reason = Verdict.INCONCLUSIVE, doubt


def tell_of_other_weights(found: Examination, case: Case, first: FirstChunk) -> None:
    """Explains wrong states that no known fault explains by the own weights of both sides."""
    from rnncheck.checking.own_differences import weights_differ

    findings, states = found.evidence.findings, [each for each in found.comparisons if each.mode == "free"]
    if any(each.exceeded for each in states) and all(each.slug == "unexplained" for each in findings):
        differing = weights_differ(case, first)
        findings[:] = findings if differing is None else [differing]


def against_what_runs(first: FirstChunk) -> FirstChunk:
    """The first chunk with torch's layer instead of a reference that is a recorded run."""
    candidate, reference = first.sides
    if not isinstance(reference, RunsOnce):
        return first
    torch_nn = load("torch")
    layer = build_synced(torch_nn, first.spec, first.weights)
    return replace(first, sides=(candidate, torch_nn), layers=(first.layers[0], layer))


def build_synced(side: Implementation, spec: Spec, weights: Weights) -> Layer:
    """The layer, proved by reading it back to hold these weights bit for bit at the spec's dtype."""
    layer = side.build(spec, weights)
    held = layer.parameters()
    for name, value in weights.cast(spec).items():
        if name not in held or not same_bits(held[name], value):
            raise WeightsError(f"{side.name} does not hold the {name} that it was given: read back, it differs")
    return layer


def same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return torch.equal(*(side.cpu().contiguous().view(torch.uint8) for side in (a, b)))
