"""The user's own layer as an implementation: loaded, read, and given torch's weights."""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from rnncheck.errors import CannotRun, RefusedError, UsageError, WeightsError
from rnncheck.faults.variants import with_own_weights
from rnncheck.faults.variants.variant import Variant
from rnncheck.implementations.keras_backend import IN_FLOAT64
from rnncheck.implementations.protocol import Ignored, Reading
from rnncheck.implementations.target import parse
from rnncheck.mapping import FoundMapping, GivenMappingError, MappingError, given, infer, names_in
from rnncheck.mapping.budget import Budget
from rnncheck.mapping.expression import Unused, rows
from rnncheck.mapping.found import OtherLayer
from rnncheck.mapping.inverse import inverse
from rnncheck.mapping.native import Facts
from rnncheck.mapping.notes import kept, unread
from rnncheck.mapping.proof import moving
from rnncheck.mapping.switched_off import BesideOwnWeights
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.weights import Weights
from rnncheck.text import printable
from rnncheck.user_code.blame import blamed
from rnncheck.user_code.candidate_layer import CandidateLayer
from rnncheck.user_code.construct import frozen
from rnncheck.user_code.hints import shape_hint, size_hint, way_out
from rnncheck.user_code.instances import Instances
from rnncheck.user_code.keras_module import KerasModule
from rnncheck.user_code.loading import in_hand, load, meant
from rnncheck.user_code.native_layer import NativeLayer
from rnncheck.user_code.norms import beside_norms
from rnncheck.user_code.own_loading import OwnLoading, loads_itself, proved
from rnncheck.user_code.own_weights import Kept, by_own_names, repeats
from rnncheck.user_code.refusals import lacking
from rnncheck.user_code.typed import Word
from rnncheck.user_code.understanding import Understanding
from rnncheck.user_code.unsaid import Unsaid

OWN_HEAD = "rnncheck computed y with its own head, the same for both sides; a head of the candidate was not run"


class Candidate:
    """`path/to/file.py:Class` or `package.module:Class`, or such an object itself, constructed with `arguments` where
    names do not say enough and filled as the file `mapping` says, or else as it is found out.

    Raises `CannotRun` where it cannot be loaded.
    """

    def __init__(
        self,
        named: object,
        arguments: Mapping[str, object] | None = None,
        mapping: Path | None = None,
        read_seconds: float = 10.0,
    ) -> None:
        self._named, self._told, self._read_seconds = named, dict(arguments or {}), read_seconds
        self._given = mapping
        self._loaded = load(parse(named)) if isinstance(named, str) else in_hand(named)
        self.name = named if isinstance(named, str) else self._loaded.called
        self.location = self._loaded.location
        arguments = arguments or {}
        given = meant(arguments, self._loaded)
        words = {
            name: str(arguments[name])
            for name, each in given.items()
            if (isinstance(each, type) or inspect.isroutine(each)) and isinstance(arguments[name], Word)
        }
        self._instances = Instances(self._loaded, given, words)
        self._instances.kept_whole = names_in(mapping) if mapping is not None else frozenset()
        self._understood = Understanding(self._instances, self._filling, read_seconds)
        self._kept: Kept | None = None
        self._replaces = self._loaded.lives  # whether a layer's own weights are replaced in the copy that is compared
        self._read_as = [
            f"{name} was read as the {'class' if isinstance(each, type) else 'function'} {each.__name__}; for the text "
            f"write --arg {name}=str:{arguments[name]}"
            for name, each in given.items()
            if name in words and (isinstance(each, type) or inspect.isroutine(each))
        ]
        self._expected: tuple[int | None, int] = None, 1
        self._notes = list[str]()
        self._unheeded = list[Ignored]()  # options that the spec was found to be better without
        self._acting: dict[Spec, set[str]] = {}
        self._unsaid = Unsaid(self._loaded, self._instances, self._understood, self._notes)

    def time_first(self) -> "Candidate | None":
        """The same class, told not to be batch first; None where it is not batch first by default."""
        made_by = self._instances.constructor
        named = None if made_by is None else made_by.batch_first_by_default()
        if named is None:
            return None
        other = Candidate(self._named, {**self._told, named: False}, self._given, self._read_seconds)
        other.expect(*self._expected)
        return other

    def expect(self, seq_len: int | None, batch_size: int) -> None:
        """Sets the timesteps and rows of the run, for a class that supports no others."""
        self._expected = seq_len, batch_size
        if seq_len is not None:
            self._understood.expect(seq_len, batch_size)

    def shape(self, unsaid: Sequence[str], spec: Spec, cell: Cell | None) -> Mapping[str, Any]:
        return self._unsaid.shape(unsaid, spec, cell)

    def heeded(self, spec: Spec) -> Spec:
        one_layer, forward = replace(spec, num_layers=1, dropout=0.0), replace(spec, bidirectional=False)
        for option, plain in (("bidirectional", forward), ("num_layers", one_layer)):
            told, own = getattr(spec, option), getattr(plain, option)
            if told == own or option not in self._instances.takes or not self._understood.is_the_same(plain, spec):
                continue
            seen = f"made with {option}={told}, it has the tensors and the results that it has with {option}={own}"
            self._unheeded.append(Ignored(option, f"{seen}; all else was compared with {option}={own}"))
            return self.heeded(plain)
        return spec

    def cell(self, spec: Spec) -> Cell:
        with self._hinting(spec):
            return self._unsaid.cell(spec)

    def variant(self, spec: Spec, *, unexplained: bool = False) -> Variant | None:
        """The variant that it computes, where that has weights besides those of torch's layer of this spec.

        They are looked for where a tensor holds none of torch's, and where a mismatch is `unexplained`: a tensor that
        multiplies c may look like a bias.
        """
        if self._given or self._kept is not None or spec.variant is not None:
            return None
        with suppress(CannotRun):
            agrees = self._understood.filling(spec).agrees
            plain = agrees is not None and not isinstance(agrees, BesideOwnWeights)
            if plain or (not unexplained and self._all_placed(spec)):
                return None
        budget = Budget.of_faults()
        for each, asked in with_own_weights(spec):
            with suppress(CannotRun):
                if not budget.over and self._understood.computes(asked, spec, budget):
                    return each
        return None

    def _all_placed(self, spec: Spec) -> bool:
        """Whether each of its tensors holds weights of torch's."""
        filling = self._understood.filling(spec)
        return isinstance(filling, FoundMapping) and all(
            any(rows(entry.expression)) for entry in filling.entries.values()
        )

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        if other := self._instances.other_sizes(spec):
            problem = RefusedError(f"{self.name} cannot run this: {other.said}")
            problem.fits = other.fits
            raise problem
        if reason := self._unsaid.another_cell(spec):
            return reason
        with self._hinting(spec):
            if reason := self._understood.refuses(spec, lengths=lengths):
                return reason
            exposes = self._understood.facts(spec).exposes
            if reason := lacking(spec, self._instances.takes, exposes, lambda: self._absent(spec)):
                return f"{reason}\n{way_out(self._named, self._loaded.thing)}"
            if not spec.bias and "bias" not in self._instances.takes and (biases := self._biases(spec)):
                return f"it always has biases, {printable(', '.join(biases), 200)}; leave --no-bias out"
        return None

    def _absent(self, spec: Spec) -> Collection[str]:
        """Weights without a tensor. One that agrees needs no more: its layers or directions share theirs."""
        mapping = self._mapping(spec)
        return () if isinstance(mapping, FoundMapping) and mapping.agrees is not None else mapping.absent()

    def _biases(self, spec: Spec) -> list[str]:
        """The tensors that hold biases if it is constructed with them."""
        mapping = self._mapping(replace(spec, bias=True))
        held = mapping.holders if isinstance(mapping, FoundMapping) else {}
        return sorted({name for key in held if key.startswith("bias") for name in held[key]})

    def _ignored(self, spec: Spec) -> list[Ignored]:
        """Options of its constructor that have no effect."""
        found, mapping = [*self._unheeded, *self._understood.ignored(spec)], self._mapping(spec)
        if spec.bias or not isinstance(mapping, FoundMapping):
            return found
        trained = self._understood.native(spec).registered()
        live = {name for name, entry in mapping.entries.items() if not isinstance(entry.expression, Unused)}
        if biases := [name for name in self._biases(spec) if name in live & trained]:
            found.append(Ignored("bias", f"made with bias=False, it adds {printable(', '.join(biases), 200)}"))
        return found

    def read(self, spec: Spec) -> Reading:
        """How it was read, for the report and for the check."""
        facts = self._understood.facts(spec)
        with self._hinting(spec):
            mapping, doubt, crash = self._mapping(spec), self._understood.doubt(spec), self._understood.crash(spec)
            ignored = self._ignored(spec)
        hint = shape_hint(self._loaded.called, self._instances.takes, spec)
        idle, acting = self._idle(spec, mapping)
        return Reading(
            facts.read_as,
            facts.takes_state,
            facts.takes_cell_state,
            facts.exposes,
            mapping.restrict,
            tuple(mapping.mapped(self._understood.native(spec))),
            (*self._understood.decided(spec), *mapping.conventions),
            (*mapping.restrictions, *kept(acting), *self._understood.passed_over(spec), *self._differs_in(spec)),
            tuple(mapping.findings),
            (
                *self._notes,
                *self._read_words,
                *runs_on(self._understood.native(spec).thing),
                *self._replaced(),
                *mapping.notes,
                *unread(idle),
                *filter(None, (doubt, hint)),
            ),
            doubt,
            crash,
            tuple(ignored),
            facts.longest_output,
            withheld(facts, mapping, spec),
            self._understood.by_row(spec),
            facts.fixed is not None,
            tuple(self._understood.mixed(spec)),
            self._understood.unsearched(spec) or self._projects(spec, mapping, acting),
            (*mapping.beyond, *acting) if isinstance(mapping, FoundMapping) else (),
            self._understood.has_lengths(spec),
            packed=self._understood.packed(spec),
            single=tuple(self._understood.single(spec)),
            cut=tuple(self._understood.cut(spec)),
            exchanged=self._understood.exchanged(spec),
            one_of_both=facts.one_of_both,
        )

    def _idle(self, spec: Spec, mapping: FoundMapping | OwnLoading | Kept) -> tuple[list[str], list[str]]:
        """Its trained tensors without a weight that change nothing that is compared, and those that do."""
        if not isinstance(mapping, FoundMapping) or not mapping.idle:
            return [], []
        if spec not in self._acting:  # a check reads it for each of its runs
            self._acting[spec] = moving(self._understood.native(spec, forgets=True), mapping, mapping.idle)
        acting = self._acting[spec]
        return [each for each in mapping.idle if each not in acting], [each for each in mapping.idle if each in acting]

    def _projects(self, spec: Spec, mapping: FoundMapping | OwnLoading | Kept, acting: Sequence[str]) -> str | None:
        """That a matrix of an LSTM that torch's has no place for may be its projection, and how to compare it so."""
        if spec.cell is not Cell.LSTM or spec.proj_size or not isinstance(mapping, FoundMapping):
            return None
        tensors = self._understood.native(spec).tensors()
        own = [each for each in (*mapping.beyond, *acting) if "proj" in each.lower() and tensors[each].dim() == 2]
        if len(own) != 1:
            return None
        return (
            f"{own[0]} may project the state, as torch.nn.LSTM does with proj_size: add --proj-size P, and set its own "
            "sizes with --arg, the width of h to P and that of c to H"
        )

    def _differs_in(self, spec: Spec) -> list[str]:
        """What rnncheck runs in another way than the candidate's own users."""
        widened = spec.dtype is Dtype.FLOAT64 and isinstance(self._understood.native(spec).thing, KerasModule)
        return [*([OWN_HEAD] if spec.head else []), *([IN_FLOAT64] if widened else [])]

    def canonical(self, spec: Spec, tensors: Mapping[str, Tensor] | None, source: str) -> tuple[Weights, list[str]]:
        """Torch's weights out of its own, which are in `tensors` by its names, or else are those that it is made with,
        and what to note of that. Raises `WeightsError` where they cannot be had.
        """
        if tensors is None:
            self._require_own(spec)
        mapping, native = self._found(spec), self._understood.native(spec)
        if isinstance(mapping, OwnLoading):
            raise WeightsError(
                f"{source} cannot be turned into torch's weights: {self.name} fills itself with its own code, which "
                "rnncheck cannot invert; give weights by torch's names"
            )
        expressions = {name: entry.expression for name, entry in mapping.entries.items()}
        used = frozenset(name for name, each in expressions.items() if not isinstance(each, Unused))
        notes: list[str] = []
        if tensors is None:
            tensors, self._replaces = native.tensors(), False
        else:
            tensors, notes = by_own_names(tensors, native, used, source)
            notes.append(f"{source} was read by the names of {self.name}")
        return Weights(inverse(expressions, tensors, spec)), notes

    def keep(self, spec: Spec, tensors: Mapping[str, Tensor] | None, source: str, beside: Weights) -> list[str]:
        """Makes it keep its own weights from now on, or those in `tensors`, next to a reference with those `beside`;
        returns what to note. Raises `WeightsError` where it has none of its own.
        """
        native = self._understood.native(spec)
        notes: list[str] = []
        if tensors is not None:
            tensors, notes = by_own_names(tensors, native, frozenset(native.tensors()), source)
        else:
            self._require_own(spec)
            if not self._loaded.lives:  # another construction, at another dtype, may draw other weights
                tensors = {name: value.detach().clone() for name, value in native.tensors().items()}
        self._kept = Kept(tensors, beside)
        return notes

    def _require_own(self, spec: Spec) -> None:
        """Raises `WeightsError` if it has no weights of its own."""
        if self._instances.is_given_weights or not (
            self._loaded.lives or repeats(lambda: self._understood.native(spec))
        ):
            raise WeightsError(
                f"{self.name} has no weights of its own: each construction draws new ones; give a file of weights, or "
                "an instance of the layer"
            )

    def build(self, spec: Spec, weights: Weights) -> "CandidateLayer":
        return CandidateLayer(self._understood.native(spec), self._mapping(spec), weights, self._loaded.file)

    def build_like(self, known: Spec, spec: Spec, weights: Weights) -> "CandidateLayer":
        """As `build`, taken to be read at these sizes as at those of `known`, which saves finding it out anew."""
        mapping = self._mapping(known)
        if isinstance(mapping, FoundMapping):
            mapping = replace(mapping, spec=spec)
        return CandidateLayer(self._understood.native_like(known, spec), mapping, weights, self._loaded.file)

    @property
    def _read_words(self) -> list[str]:
        """Which words of --arg were read as the classes and functions that they name."""
        constructor = self._instances.constructor
        return [] if constructor is not None and constructor.as_text else self._read_as

    def _replaced(self) -> list[str]:
        """The notes that a copy of an instance got other weights, and that its frozen parameters were trained."""
        notes, thing = list[str](), self._loaded.thing
        if self._kept is None and self._replaces:
            notes.append(
                f"{self.name}: rnncheck compared a copy with other weights; --sync none compares it with its own"
            )
        if self._loaded.lives and isinstance(thing, nn.Module) and frozen(thing):
            notes.append(f"{self.name} has frozen parameters; their gradients were compared as if it were trained")
        return notes

    @contextmanager
    def _hinting(self, spec: Spec) -> Iterator[None]:
        """Adds a hint to an error: the candidate may have other layers or directions; otherwise a wrapper helps."""
        try:
            yield
        except (CannotRun, UsageError) as problem:
            lines = [shape_hint(self._loaded.called, self._instances.takes, spec)]
            unread = isinstance(problem, CannotRun) and not isinstance(problem, GivenMappingError | OtherLayer)
            lines += [*self._read_words, way_out(self._named, self._loaded.thing)] if unread else []
            said = "\n".join(line for line in lines if line and line not in str(problem))
            if not said:
                raise
            if isinstance(problem, CannotRun):
                raise problem.hinted(said) from problem
            raise type(problem)(f"{problem}\n{said}") from problem

    def _filling(
        self, make: Callable[[Spec], NativeLayer], spec: Spec, budget: Budget, faults: bool
    ) -> FoundMapping | OwnLoading:
        """The given mapping, or the candidate's own loading code, or a mapping found by measurement."""
        if self._given:
            return given(self._given, make, spec)
        if loads_itself(self._loaded):
            return proved(self._loaded, make, spec)
        beside = beside_norms(make, spec, budget) if faults and spec.variant is None else None
        return infer(make, spec, budget, faults=faults) if beside is None else beside

    def _mapping(self, spec: Spec) -> FoundMapping | OwnLoading | Kept:
        """The mapping, or what keeps its own weights in the place of it."""
        return self._found(spec) if self._kept is None else self._kept

    def _found(self, spec: Spec) -> FoundMapping | OwnLoading:
        """The mapping, found once for a spec with any dtype and device."""
        try:
            found = self._understood.filling(spec)
        except MappingError as problem:
            cause = problem.__cause__
            if cause is not None and (own := blamed(cause, "", self._loaded.file)).in_its_code:
                raise own from cause
            hint = size_hint(self._instances, spec)
            if hint is None and (variant := self.variant(spec)) is not None:
                raise OtherLayer(
                    f"it computes {variant.slug}, a known variant: {variant.title}\n"
                    f"Compare it with those equations: add {variant.options}"
                ) from cause
            if hint:
                raise problem.hinted(*hint) from cause
            raise
        assert isinstance(found, FoundMapping | OwnLoading)
        return found


def runs_on(thing: object) -> list[str]:
    """The note on what a layer of another framework runs on."""
    return [f"it runs on {thing.runs_on}"] if isinstance(thing, KerasModule) else []


def withheld(facts: Facts, mapping: FoundMapping | OwnLoading | Kept, spec: Spec) -> frozenset[str]:
    """What gets no gradient: states that it does not take, weights that no tensor holds."""
    states = {"h0": facts.takes_state, "c0": facts.takes_state and facts.takes_cell_state}
    weights = spec.recurrent_shapes() if isinstance(mapping, OwnLoading | Kept) else mapping.absent()
    return frozenset(weights) | {name for name, taken in states.items() if not taken}
