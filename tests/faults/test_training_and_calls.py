"""Faults that the states of one call do not show."""

from dataclasses import replace

import pytest
import torch
from faults.scenes import SPECS, scene

from rnncheck.faults.catalogue import by_name, faults_of
from rnncheck.faults.fault import same
from rnncheck.model.spec import Cell, Dtype, Spec


@pytest.mark.parametrize("spec", [SPECS[0], SPECS[3], SPECS[6]], ids=lambda spec: str(spec.cell))
def test_faults_of_gradients_and_calls_leave_the_states_of_the_first_call_alone(spec: Spec) -> None:
    here = scene(spec)
    for fault in faults_of(spec):
        if fault.shows_in != "states" and fault.slug != "nondeterministic":
            assert same(here.copied().run(fault.network(spec)), here.right), fault.title


def test_a_detached_recurrence_has_no_gradient_beyond_its_last_step() -> None:
    here = scene(SPECS[0])
    wrong = here.gradients(by_name("gradient-detached", here.spec).network(here.spec))
    assert wrong["h0"] is None
    assert wrong["x"] is not None
    assert wrong["x"].any()


@pytest.mark.parametrize("name", ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
def test_a_detached_parameter_is_the_only_one_without_a_gradient(name: str) -> None:
    here = scene(SPECS[3])
    wrong = here.gradients(by_name(f"gradient-missing:{name}", here.spec).network(here.spec))
    assert [found for found, value in wrong.items() if value is None] == [f"{name}_l0"]
    for other, value in wrong.items():
        if value is not None:
            torch.testing.assert_close(value, here.right_gradients[other])


def test_a_kept_state_is_where_the_next_call_starts() -> None:
    here = scene(SPECS[7])
    network = by_name("state-leaks-between-calls", here.spec).network(here.spec)
    first, second = here.run(network), here.run(network)
    assert same(second, replace(here, state=first.final).right)


@pytest.mark.parametrize("variant", ["x", "h0"])
def test_what_is_given_is_written_to(variant: str) -> None:
    here = scene(SPECS[0])
    own = here.copied()
    own.run(by_name(f"input-mutated:{variant}", here.spec).network(here.spec))
    assert torch.equal(own.x, here.x) == (variant == "h0")
    assert torch.equal(own.state.h, here.state.h) == (variant == "x")


def test_two_calls_differ() -> None:
    here = scene(SPECS[0])
    network = by_name("nondeterministic", here.spec).network(here.spec)
    assert not same(here.run(network), here.run(network))


def test_dropout_in_evaluation_hides_some_of_what_is_passed_on_and_scales_the_rest() -> None:
    spec = Spec(Cell.RNN, 3, 4, num_layers=2, dropout=0.5)
    network = by_name("dropout-in-eval", spec).network(spec)
    passed = network.drop(torch.ones(50, 20, 4), 0.0)
    assert set(passed.unique().tolist()) == {0.0, 2.0}
    assert abs(float(passed.mean()) - 1) < 0.1


@pytest.mark.parametrize("coarse", [torch.float32, torch.bfloat16, torch.float16])
def test_low_precision_is_torchs_own_in_that_precision(coarse: torch.dtype) -> None:
    here = scene(Spec(Cell.GRU, 3, 4, dtype=Dtype.FLOAT64))
    name = str(coarse).removeprefix("torch.")
    found = here.run(by_name(f"low-precision-compute:{name}", here.spec).network(here.spec)).output
    layer = torch.nn.GRU(3, 4, dtype=coarse)
    layer.load_state_dict({key: value.to(coarse) for key, value in here.weights.items()})
    with torch.no_grad():
        right = layer(here.x.to(coarse), here.state.h.to(coarse))[0].double()
    few = 16 * torch.finfo(coarse).eps
    torch.testing.assert_close(found, right, rtol=0, atol=few)
    assert not torch.allclose(found, here.right.output, rtol=0, atol=torch.finfo(coarse).eps / 16)


def test_tf32_products_keep_eleven_bits() -> None:
    here = scene(Spec(Cell.RNN, 3, 4, nonlinearity="relu", dtype=Dtype.FLOAT64), seq_len=1)
    network = by_name("low-precision-compute:TF32 products", here.spec).network(here.spec)
    bits = network.layer_weights(here.weights, 0, 0).W_ih.frexp().mantissa * 2**11
    assert torch.equal(bits, bits.round())
