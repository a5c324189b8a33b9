"""The diagnosis names the fault that was planted, or the two; it names none with confidence that was not."""

import itertools
import random
from dataclasses import replace

import pytest
import torch
from faults.scenes import SPECS, scene
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rnncheck.diagnosis import Diagnosis, diagnose
from rnncheck.diagnosis.words import BETWEEN_STEPS, OF_LENGTHS, OF_ROWS, findings
from rnncheck.faults.catalogue import by_name, faults_of
from rnncheck.faults.fault import Fault, combined, same
from rnncheck.faults.planted import Planted, PlantedLayer
from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights
from rnncheck.report import Divergence
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Given, Network


def of(where: Scene, *faults: Fault) -> Diagnosis | None:
    return diagnose(Planted("it", combined(*faults)), where, None)


def titles(found: Diagnosis | None) -> list[str]:
    assert found is not None
    return [fault.title for fault in found.named]


def visible(where: Scene) -> list[Fault]:
    faults = faults_of(where.spec, lengths=where.lengths is not None)
    return [fault for fault in faults if fault.shows_in == "states" and fault.visible_in(where) is None]


@pytest.mark.sample(1)
@pytest.mark.parametrize("spec", SPECS, ids=str)
@settings(max_examples=2, deadline=None)
@given(data=st.data())
def test_a_planted_fault_is_named_first(spec: Spec, data: st.DataObject) -> None:
    where = scene(spec, lengths=data.draw(st.sampled_from([None, (6, 3, 5, 2)])), seed=data.draw(st.integers(0, 99)))
    fault = data.draw(st.sampled_from(visible(where)))
    found = of(where, fault)
    assert found is not None
    equal = [found.named, *found.alike]
    assert [fault.slug] in [[each.slug for each in suspect] for suspect in equal], titles(found)
    assert found.residual < 1e-9
    assert found.inputs >= 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", [5, 6])
@pytest.mark.parametrize(
    "spec", [Spec(Cell.LSTM, 3, 4), Spec(Cell.GRU, 5, 4), Spec(Cell.RNN, 2, 3, num_layers=2)], ids=str
)
def test_two_faults_are_named_together(spec: Spec, seed: int) -> None:
    where, dice = scene(spec), random.Random(seed)
    common = [fault for fault in visible(where) if not fault.rare]
    every = [pair for pair in itertools.combinations(common, 2) if pair[0].slug != pair[1].slug]
    a, b = next(pair for pair in dice.sample(every, len(every)) if not explained_by_one(where, *pair))
    found = of(where, a, b)
    assert found is not None
    assert any({each.slug for each in suspect} == {a.slug, b.slug} for suspect in (found.named, *found.alike))


def explained_by_one(where: Scene, a: Fault, b: Fault) -> bool:
    """Whether the two cannot be committed at once, or together are what one fault alone, or none, is."""
    try:
        both = where.run(combined(a, b)(where.spec))
    except (TypeError, RuntimeError):
        return True
    return same(both, where.right) or any(same(both, where.run(each.network(where.spec))) for each in visible(where))


@pytest.mark.sample(1)
@pytest.mark.parametrize("other", ["gru-reset-before-matmul", "gate-order:z,r,n"])
def test_the_commonest_pairs_of_a_gru_are_named(other: str) -> None:
    spec = Spec(Cell.GRU)
    both = by_name(other, spec), by_name("gru-update-inverted", spec)
    assert {fault.slug for fault in getattr(of(scene(spec), *both), "named", ())} == {fault.slug for fault in both}


IN_ONE_PLACE = {
    Spec(Cell.LSTM, 3, 4): (
        "gate-order:i,f,o,g; b_hh",
        "missing-recurrent-bias:gate f",
        "missing-recurrent-bias:units 2 and 3",
        "wrong-nonlinearity:g: relu; unit 2",
        "forget-bias-added:f + 0.5",
        "gate-constant-added:o - 0.37",
        "parameter-scaled:W_hh times 0.25",
        "state-averaged:c: old times 0.3; unit 1",
    ),
    Spec(Cell.GRU, 3, 4, num_layers=2): (
        "gru-update-inverted:layer 1, unit 3",
        "bias-counted-twice:b_hh for both; layer 0, gate n",
        "gate-constant-added:z - 1; layer 1",
    ),
    Spec(Cell.RNN, 3, 4, bidirectional=True): ("recurrent-weight-transposed:reverse, units 1 to 3",),
}


@pytest.mark.sample(3)
@pytest.mark.parametrize(("spec", "name"), [(spec, name) for spec, names in IN_ONE_PLACE.items() for name in names])
def test_a_fault_in_one_place_or_with_another_number_is_named_with_both(spec: Spec, name: str) -> None:
    fault = by_name(name, spec)
    found = of(scene(spec), fault)
    assert titles(found) == [fault.title]


class SomeUnits(Network):
    """Units 2 and on are a little too large, by their squares."""

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        h, *c = super().step(w, p, carry)
        return (torch.cat([h[:, :2], h[:, 2:] + h[:, 2:] ** 2 / 1000], 1), *c)


class ThreeFaults(Network):
    """Three bugs at once, none of which is left without the others."""

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        h, *c = super().step(w, p * 0.9, (carry[0].roll(1, 1), *carry[1:]))
        return (h * 1.1, *c)


class Noisy(Network):
    """Another number at every call."""

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        h, *c = super().step(w, p, carry)
        return (h + torch.rand_like(h), *c)


@pytest.mark.sample(1)
@pytest.mark.parametrize("wrong", [SomeUnits, ThreeFaults, Noisy])
@pytest.mark.parametrize("spec", [Spec(Cell.RNN), Spec(Cell.LSTM, num_layers=2), Spec(Cell.GRU)], ids=str)
def test_what_no_fault_explains_is_given_no_name(wrong: type[Network], spec: Spec) -> None:
    found = diagnose(Planted("it", wrong), scene(spec), None)
    assert found is not None
    assert not found.named
    last = findings("it", found)[-1]
    assert last.slug == "unexplained"
    assert f"{found.singles} known faults were tried" in last.message


def test_where_an_unexplained_layer_differs_is_said_of_its_single_steps() -> None:
    found = diagnose(Planted("it", SomeUnits), scene(Spec(Cell.RNN, hidden_size=6)), None)
    assert found is not None
    (finding,) = findings("it", found)
    assert "single steps" in finding.message
    assert "units" in finding.message


class Forgetful(Network):
    """Starts from zero again in ever longer parts: no step is wrong by itself."""

    def scan(self, w: LayerWeights, p: Tensor, carry: Carry, active: Tensor | None) -> list[Carry]:
        history = list[Carry]()
        for p_t in p.tensor_split([1, 2, 4]):
            history += super().scan(w, p_t, carry, None)
            carry = tuple(torch.zeros_like(each) for each in carry)
        return history


@pytest.mark.slow
def test_what_to_do_about_an_unexplained_layer_depends_on_whether_its_steps_are_wrong() -> None:
    spec = Spec(Cell.RNN, hidden_size=6)
    mends = []
    for wrong in (SomeUnits, Forgetful):
        found = diagnose(Planted("it", wrong), scene(spec), None)
        assert found is not None
        (finding,) = findings("it", found)
        mends.append(finding.mend)
    assert mends == [None, BETWEEN_STEPS]


class Tail(Network):
    """Computes only the first nine rows of a batch."""

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        first = (torch.arange(p.shape[-2]) < 9)[:, None]
        h, *c = super().step(w, p, carry)
        return (h * first, *c)


class BehindTheEnd(Network):
    """Returns a state at one timestep after the end of a row."""

    def trace(self, given: Given) -> Trace:
        trace = super().trace(given)
        for row, end in enumerate(given.lengths or ()):
            trace.output[end : end + 1, row] = 0.5
        return trace


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("wrong", "lengths", "where", "mend"),
    [
        (Tail, None, "in rows 9 to 11 of 12, the last quarter, in every timestep and unit", OF_ROWS),
        (
            BehindTheEnd,
            (5, *[3] * 11),
            "only behind the rows' ends (padding), at t = 3 alone, in every unit",
            OF_LENGTHS,
        ),
    ],
    ids=["a tail of rows", "behind the end"],
)
def test_rows_are_those_of_the_run(
    wrong: type[Network], lengths: tuple[int, ...] | None, where: str, mend: str
) -> None:
    run = replace(scene(Spec(Cell.RNN, hidden_size=6), seq_len=5, batch_size=12), lengths=lengths)
    found = diagnose(Planted("it", wrong), run, Divergence("output", 0, 0, "forward", 9, 0))
    assert found is not None
    (finding,) = findings("it", found)
    assert finding.message.partition("it differs in its outputs, ")[2] == where
    assert finding.mend == mend


class Infinite(Network):
    """A division by zero, in one unit or in all."""

    units = 1

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        h, *c = super().step(w, p, carry)
        divided = torch.cat([h[:, : self.units] / 0, h[:, self.units :]], -1)
        return (divided, *c)


class InfiniteEverywhere(Infinite):
    units = 6


@pytest.mark.sample(1)
@pytest.mark.parametrize(("wrong", "named"), [(Infinite, "unit 0"), (InfiniteEverywhere, "everywhere")])
def test_what_is_no_number_any_more_is_said_wherever_it_comes_from(wrong: type[Network], named: str) -> None:
    found = diagnose(Planted("it", wrong), replace(scene(Spec(Cell.RNN, hidden_size=6)), lengths=None), None)
    assert found is not None
    first, *others = findings("it", found)
    assert first.slug == "nan-introduced"
    assert "NaN or infinities in its output" in first.message
    assert [each.slug for each in others] == []


def test_a_right_layer_has_nothing_to_be_diagnosed() -> None:
    assert diagnose(Planted("it", Network), scene(Spec(Cell.LSTM)), None) is None


def test_what_looks_alike_on_the_runs_own_data_is_told_apart_on_fresh_data() -> None:
    where = scene(Spec(Cell.RNN))
    zeros = replace(where, state=State(torch.zeros_like(where.state.h)))
    from_zero, from_first = (fault for fault in faults_of(where.spec) if fault.slug == "no-recurrence")
    for fault in (from_zero, from_first):
        assert titles(of(zeros, fault)) == [fault.title]


def test_all_zero_data_is_no_evidence() -> None:
    """Where x, h0 and biases are zero every state is zero: what is named must hold on other data."""
    where = scene(Spec(Cell.RNN))
    blank = replace(where, x=torch.zeros_like(where.x), state=State(torch.zeros_like(where.state.h)))
    found = of(blank, by_name("missing-recurrent-bias", where.spec))
    assert titles(found) == ["missing-recurrent-bias"]


def test_a_layer_that_has_only_float32_is_diagnosed_in_float32() -> None:
    class Only32(Planted):
        def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
            return None if spec.dtype is Dtype.FLOAT32 else "float32 alone"

    spec = Spec(Cell.GRU)
    fault = by_name("gru-update-inverted", spec)
    found = diagnose(Only32("it", fault.network), scene(spec), None)
    assert titles(found) == ["gru-update-inverted"]
    assert found is not None
    assert 1e-9 < found.residual < 1e-5


def exact_names(network: type[Network], spec: Spec, **changes: object) -> list[str]:
    """What is named of a candidate as the same function."""
    found = diagnose(Planted("it", network), replace(scene(spec), **changes), None)  # type: ignore[arg-type]
    return [] if found is None else [each.slug for each in findings("it", found) if each.explains == 1.0]


class Clipped(Network):
    """x beyond 4 is cut off."""

    def project(self, w: LayerWeights, x: Tensor) -> Tensor:
        return super().project(w._replace(b_ih=w.b_ih * 0, b_hh=w.b_hh * 0), x.clamp(-4, 4))


class OneWeightEach(Network):
    """Each unit reads its own past alone, and there is no b_hh."""

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        return (torch.tanh(p - w.b_hh + carry[0] * w.W_hh.diagonal()),)


@pytest.mark.slow
def test_what_only_large_numbers_show_is_no_exact_match() -> None:
    assert exact_names(Clipped, Spec()) == []


def test_what_only_other_weights_show_is_no_exact_match() -> None:
    where = scene(Spec())
    weights = {**where.weights, "weight_hh_l0": 0.5 * torch.eye(4, dtype=torch.float64)}
    assert exact_names(OneWeightEach, Spec(), weights=weights) == []


def test_a_single_timestep_is_told_apart_by_longer_ones() -> None:
    where = scene(Spec(Cell.RNN), seq_len=1)
    found = of(where, by_name("initial-state-ignored", where.spec))
    assert titles(found) == ["initial-state-ignored"]
    assert found is not None
    assert not found.alike


def test_in_half_precision_alone_nothing_is_certain() -> None:
    class OnlyBfloat16(Planted):
        def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
            return None if spec.dtype is Dtype.BFLOAT16 else "bfloat16 alone"

    spec = Spec(Cell.LSTM, dtype=Dtype.BFLOAT16)
    found = diagnose(OnlyBfloat16("it", by_name("forget-bias-added", spec).network), scene(spec), None)
    assert found is not None
    first = findings("it", found)[0]
    assert first.slug == "forget-bias-added"
    assert first.explains is not None
    assert 0.9 < first.explains < 1
    assert "as far as bfloat16 can tell" in first.message


def test_every_input_that_is_counted_was_judged() -> None:
    judged = []

    class Counted(Planted):
        def build(self, spec: Spec, weights: Weights) -> PlantedLayer:
            judged.append(weights)
            return super().build(spec, weights)

    where = scene(Spec())
    found = diagnose(Counted("it", by_name("missing-input-bias", where.spec).network), where, None)
    assert found is not None
    assert found.inputs == len(judged) == 4
    assert len({float(weights.values["weight_hh_l0"].sum()) for weights in judged}) == 2


def test_a_layer_that_fails_when_run_again_is_not_diagnosed() -> None:
    class Fails(Network):
        def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
            raise ValueError("no")

    assert diagnose(Planted("it", Fails), scene(Spec()), None) is None


def test_what_comes_near_but_is_not_it_is_only_likely() -> None:
    spec = Spec(Cell.RNN)

    class Nearly(by_name("no-recurrence", spec).mixin):  # type: ignore[misc]
        def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
            (h,) = super().step(w, p, carry)
            return (h + 1e-4 * h.roll(1, 1) ** 2,)

    found = diagnose(Planted("it", Nearly), scene(spec), None)
    assert found is not None
    assert not found.named
    nearest, unexplained = findings("it", found)
    assert nearest.slug == "no-recurrence"
    assert nearest.explains is not None
    assert 0.9 < nearest.explains < 1
    assert nearest.message.startswith("likely, not certain")
    assert unexplained.slug == "unexplained"
