"""Every hypothesis about a candidate that its code allows, the likeliest first."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from rnncheck.errors import CannotRun
from rnncheck.mapping.budget import Budget
from rnncheck.model.spec import Dtype, Spec
from rnncheck.user_code import sizes as sizes_
from rnncheck.user_code.arithmetics import arithmetics
from rnncheck.user_code.blame import CandidateError, Hint, furthest, is_hopeless, to_add
from rnncheck.user_code.construct import signed
from rnncheck.user_code.convention import Convention
from rnncheck.user_code.front import OtherWidth
from rnncheck.user_code.functions import Scheme, WithWeights
from rnncheck.user_code.hints import fixed_hint, size_hint
from rnncheck.user_code.hypothesis import Hypothesis, facts_of
from rnncheck.user_code.instances import Instances, spread
from rnncheck.user_code.isolation import isolated
from rnncheck.user_code.parts import axes_of_parts
from rnncheck.user_code.probing import OF_A_SHAPE, CallProbe
from rnncheck.user_code.read_as import sentence
from rnncheck.user_code.signatures import read
from rnncheck.user_code.tensors import held

# So does torch complain of float64 and float32.
OF_A_DTYPE = re.compile(r"\bdtype\b|\bdtypes\b|\b[Dd]ouble\b|\bfloat64\b")


class Proposals:
    """The hypotheses about the candidate of these `instances`, from calls on tiny tensors."""

    def __init__(self, instances: Instances) -> None:
        self._instances = instances
        self.run_shape: tuple[int, int] | None = None  # timesteps and rows, for one that supports no others

    def hypotheses(
        self, spec: Spec, budget: Budget, ways: Sequence[Hypothesis]
    ) -> Iterator[tuple[Hypothesis, CallProbe]]:
        """In float64, whatever the spec's dtype, and in float32, if that is written into it.

        `ways` are those that were searched, to which the caller adds: they are not tried at the run's sizes again.
        """
        problems: list[CannotRun] = []
        some = False
        for dtype in (Dtype.FLOAT64, Dtype.FLOAT32):
            for understood, probe in self._hypotheses_in(dtype, spec, budget, problems, ways):
                some = True
                yield understood, probe
            if some or not any(OF_A_DTYPE.search(str(each)) for each in problems):
                break
        if not some:
            if inner := [each for each in problems if isinstance(each, OtherWidth)]:
                raise inner[-1]  # at the sizes of the run
            first = furthest([each for each in problems if not OF_A_DTYPE.search(str(each))] or problems)
            always = {each.always if isinstance(each, CandidateError) else "" for each in problems}
            if isinstance(first, CandidateError) and len(always) > 1:  # another at other sizes
                first.always = ""
            hint = fixed_hint(first, spec) or size_hint(self._instances, spec)
            if hint or (OF_A_SHAPE.search(str(first)) and (hint := self._equal_hint(spec, budget))):
                raise first.hinted(*hint)
            raise first

    def _equal_hint(self, spec: Spec, budget: Budget) -> Hint | None:
        """The option for a class that runs only where its input size is its hidden size."""
        equal = replace(spec, input_size=spec.hidden_size)
        if self._instances.constructor is None or equal == spec:
            return None
        with suppress(CannotRun):
            if any(each.likely for each, _ in self._hypotheses_in(Dtype.FLOAT64, equal, budget, [], [])):
                return to_add("It runs where its input and hidden sizes are equal", input_size=spec.hidden_size)
        return None

    def _hypotheses_in(
        self, dtype: Dtype, spec: Spec, budget: Budget, problems: list[CannotRun], ways: Sequence[Hypothesis]
    ) -> Iterator[tuple[Hypothesis, CallProbe]]:
        free = self._instances.constructor is not None or self._instances.function is not None
        different = sizes_.all_different(spec)
        tries = [different, with_head_as_wide(different)] if free else []
        own = sizes_.around(spec)
        takes_input = self._instances.constructor is None or "input_size" in self._instances.constructor.takes
        if spec.input_size == 1:
            tries = [replace(each, spec=replace(each.spec, input_size=1)) for each in tries]
        likely, given = False, list[sizes_.Sizes]()
        if self.run_shape:
            given = [sizes_.around(spec, self.run_shape), with_head_as_wide(sizes_.around(spec, self.run_shape))]
        for tried in (*tries, own, *given) if takes_input or spec.input_size > 1 else (own, *tries, *given):
            if likely and not tried.fixed:
                continue
            for scheme in self._instances.schemes(spec):
                if budget.over:
                    break
                sized = replace(tried, spec=replace(tried.spec, dtype=dtype))
                known = [each.found.convention for each in ways] if tried.fixed and scheme is None else []
                try:
                    for understood, probe in self._probed(sized, scheme, problems, known, budget):
                        # A head is looked through only where it, and all before it, can be as wide as the states.
                        likely = likely or (understood.likely and not understood.as_wide)
                        yield understood, probe
                except CannotRun as problem:
                    problems.append(problem)
                    if is_hopeless(problem):
                        return

    def _probed(
        self,
        tried: sizes_.Sizes,
        scheme: Scheme | None,
        problems: list[CannotRun],
        known: Sequence[Convention],
        budget: Budget,
    ) -> Iterator[tuple[Hypothesis, CallProbe]]:
        with self._instances.loaded.import_path.entered():
            thing = self._instances.made(tried.spec, tried.output_size, None, scheme)
        spread(thing)
        call = thing.call if isinstance(thing, WithWeights) else read(signed(thing))
        told = self._instances.batch_first(tried.spec)
        batch_first = getattr(thing, "batch_first", None) if told is None else told
        fixed = (tried.seq_len, tried.batch_size) if tried.fixed else None
        one_feature = tried.spec.input_size == 1 and "input_size" not in self._instances.takes
        example = thing if isinstance(thing, WithWeights) else scheme
        whole = self._instances.kept_whole
        parts = axes_of_parts({name: each for name, each in held(thing).items() if name not in whole}, tried.spec)
        raised, some = list[CannotRun](), False
        for numpy in arithmetics(thing):
            probe = CallProbe(
                self._instances.loaded, thing, call, tried, batch_first, numpy, one_feature, fixed, known, budget
            )
            try:
                hypotheses = probe.hypotheses()
                while True:
                    with self._instances.loaded.import_path.entered(), isolated(probe.calls.x.dtype):
                        found = next(hypotheses, None)
                    if found is None:
                        break
                    some = True
                    facts = facts_of(found, tried, sentence(found, call, tried))
                    as_wide = tried.output_size == tried.spec.output_size
                    yield Hypothesis(found, call, facts, tried.spec.dtype, example, parts=parts, as_wide=as_wide), probe
            except CannotRun as error:
                raised.append(error)
            problems += [each for _, each in probe.problems if OF_A_DTYPE.search(str(each))]
            if some:
                return
        raise next(filter(is_hopeless, raised), None) or furthest(raised)


def with_head_as_wide(tried: sizes_.Sizes) -> sizes_.Sizes:
    """With a head as wide as the states, which it can hand on."""
    return replace(tried, output_size=tried.spec.output_size)
