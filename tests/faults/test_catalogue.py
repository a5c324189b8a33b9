"""Every fault of a spec, and finding one by its name."""

from itertools import combinations

import pytest
from faults.scenes import SPECS, scene, scenes
from hypothesis import HealthCheck, given, settings
from torch import Tensor

from rnncheck.errors import RefusedError, UsageError
from rnncheck.faults.catalogue import by_name, faults_of
from rnncheck.faults.fault import Fault, combined, same
from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Cell, Spec

STEPS, LENGTHS = 13, (13, 2, 7, 5)
BEYOND_RANDOM = "nan-introduced"  # needs a state of exactly zero, or a huge one


def visible_at_random(spec: Spec, lengths: bool = True) -> list[Fault]:
    return [fault for fault in faults_of(spec, lengths=lengths) if fault.slug != BEYOND_RANDOM]


def called(spec: Spec) -> str:
    sides = "bidirectional" if spec.bidirectional else "forward"
    return f"{spec.cell}-{spec.num_layers}-{sides}-I{spec.input_size}-P{spec.proj_size}"


@pytest.mark.sample(1)
@pytest.mark.parametrize("spec", SPECS, ids=called)
def test_no_two_faults_are_the_same_function(spec: Spec) -> None:
    here = scene(spec, STEPS, lengths=LENGTHS)
    faults = [fault for fault in visible_at_random(spec) if fault.shows_in == "states"]
    traces = [(fault.title, here.run(fault.network(spec))) for fault in faults]
    twins = [(one, other) for (one, a), (other, b) in combinations(traces, 2) if same(a, b)]
    assert twins == []


@pytest.mark.sample(3)
@pytest.mark.parametrize("spec", SPECS, ids=called)
def test_every_fault_shows_on_random_numbers(spec: Spec) -> None:
    here = scene(spec, STEPS, lengths=LENGTHS)
    hidden = {fault.title: fault.visible_in(here) for fault in visible_at_random(spec)}
    assert {title: why for title, why in hidden.items() if why} == {}


@pytest.mark.sample(4)
@pytest.mark.parametrize("spec", SPECS, ids=called)
def test_what_shows_is_far_beyond_rounding_unless_it_is_a_matter_of_precision(spec: Spec) -> None:
    here = scene(spec, lengths=(6, 2, 4, 3))
    for fault in visible_at_random(spec):
        if fault.shows_in == "states" and fault.slug != "low-precision-compute" and fault.visible_in(here) is None:
            found, right = here.run(fault.network(spec)), here.right
            pairs = ((found.output, right.output), (found.final.h, right.final.h), (found.final.c, right.final.c))
            assert any(a is not None and b is not None and apart(a, b) > 1e-6 for a, b in pairs), fault.title


def apart(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max()) if a.shape == b.shape else float("inf")


@pytest.mark.sample(4)
@pytest.mark.parametrize("spec", SPECS, ids=called)
def test_titles_are_unique_and_name_their_fault(spec: Spec) -> None:
    faults = faults_of(spec, lengths=True)
    assert len({fault.title for fault in faults}) == len(faults)
    for fault in faults[::5]:  # each lookup makes all of them anew
        name = f"{fault.slug}:{fault.variant}" if fault.variant else fault.slug
        assert by_name(name, spec, lengths=True).title == fault.title


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(scenes())
def test_what_is_said_to_be_hidden_computes_the_same_numbers(scene: Scene) -> None:
    for fault in faults_of(scene.spec, lengths=scene.lengths is not None):
        if fault.shows_in == "states" and fault.visible_in(scene):
            assert same(scene.run(fault.network(scene.spec)), scene.right), fault.title


def test_a_name_is_found_however_it_is_spaced() -> None:
    assert by_name("gate-order:i,f,o,g", Spec(Cell.LSTM)).title == "gate-order (i, f, o, g)"


def test_a_slug_alone_is_its_first_variant() -> None:
    assert by_name("no-recurrence", Spec()).title == "no-recurrence"


def test_an_unknown_name_is_refused_with_those_near_it() -> None:
    with pytest.raises(UsageError, match="did you mean gate-order"):
        by_name("gates-order", Spec(Cell.LSTM))


@pytest.mark.parametrize(
    ("name", "spec", "why"),
    [
        ("padding-not-zeroed", Spec(), "add --lengths 7,5,2"),
        ("dropout-in-eval", Spec(Cell.GRU), "add --num-layers 2 --dropout 0.5"),
        ("gate-order", Spec(Cell.RNN), "gate-order is not a fault of the rnn layer; add --cell lstm"),
        ("unexplained", Spec(), "unexplained cannot be planted"),
    ],
)
def test_a_fault_that_this_layer_cannot_have_is_refused_with_the_option_it_needs(
    name: str, spec: Spec, why: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        by_name(name, spec)
    assert why in str(refused.value)


def test_an_unknown_variant_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="there are i, f, o, g"):
        by_name("gate-order:i,i,i,i", Spec(Cell.LSTM))


def test_a_fault_and_the_same_in_one_layer_are_not_two() -> None:
    faults = {fault.title: fault for fault in faults_of(SPECS[2])}
    with pytest.raises(ValueError, match="overlap"):
        combined(faults["missing-input-bias"], faults["missing-input-bias (layer 1)"])


def test_a_fault_in_every_layer_by_itself_is_the_fault() -> None:
    spec = SPECS[2]
    here = scene(spec)
    for slug in ("missing-input-bias", "no-recurrence", "initial-state-ignored", "recurrent-weight-transposed"):
        both = combined(by_name(f"{slug}:layer 0", spec), by_name(f"{slug}:layer 1", spec))
        assert same(here.run(both(spec)), here.run(by_name(slug, spec).network(spec)))


def test_two_faults_are_committed_together() -> None:
    spec = SPECS[7]
    here = scene(spec)
    first, second = by_name("gru-update-inverted", spec), by_name("gru-reset-before-matmul", spec)
    both = here.run(combined(first, second)(spec))
    assert not any(same(both, here.run(fault.network(spec))) for fault in (first, second))
    assert same(both, here.run(combined(second, first)(spec)))
