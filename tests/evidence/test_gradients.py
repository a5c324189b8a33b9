from dataclasses import replace

import pytest
import torch

from rnncheck.evidence.tolerance import Tolerance
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State
from rnncheck.report import Entry, Place
from tests.backward_cases import LENGTHS, RIGHT, B, backward, of, slugs, wrong
from tests.differentiable import (
    Detaches,
    DetachesAbove,
    Differentiable,
    FlipsAGate,
    Truncates,
    WritesOverItsStates,
    scaled,
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# Right layers.


@pytest.mark.sample(7)
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
@pytest.mark.parametrize("dtype", Dtype)
@pytest.mark.parametrize("cell", Cell)
def test_right_layers_have_right_gradients_at_every_dtype(cell, dtype, lengths):
    spec = Spec(cell, hidden_size=6, num_layers=2, bidirectional=True, dtype=dtype)
    found = backward("scratch", spec, lengths, in_float64=True)
    assert not wrong(found)
    assert not wrong(found, "backward float64")
    assert found.findings == []
    assert found.note is None
    assert all(each.compared and each.budget_used <= 1 for each in found.comparisons)


@pytest.mark.parametrize(
    "spec",
    [
        Spec(bias=False),
        Spec(nonlinearity="relu"),
        Spec(Cell.LSTM, proj_size=2, num_layers=2, bidirectional=True),
        Spec(Cell.GRU, hidden_size=1, input_size=1),
        Spec(Cell.LSTM, num_layers=3, bias=False, head="softmax", batch_first=True),
        Spec(Cell.GRU, num_layers=2, dropout=0.5),
    ],
    ids=str,
)
def test_right_layers_pass_whatever_the_spec(spec):
    assert not wrong(backward("scratch", spec))
    assert not wrong(backward(RIGHT, spec, LENGTHS))


def test_every_gradient_is_compared_at_both_precisions():
    found = backward("scratch", Spec(Cell.LSTM), in_float64=True)
    names = ["x", "h0", "c0", "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    assert [(each.quantity, each.mode) for each in found.comparisons] == [
        (f"grad {name}", mode) for mode in ("backward", "backward float64") for name in names
    ]


def test_float64_is_not_judged_twice():
    found = backward("scratch", Spec(dtype=Dtype.FLOAT64), in_float64=True)
    assert {each.mode for each in found.comparisons} == {"backward"}


def test_a_stated_tolerance_replaces_the_envelope():
    almost = Differentiable(read=lambda values, x: {**values, "bias_hh_l0": scaled(values["bias_hh_l0"], 1.0001)})
    strict = backward(almost, held=Tolerance(1e-6, 1e-5), in_float64=True)
    loose = backward(almost, held=Tolerance(1e-4, 1e-3), in_float64=True)
    assert wrong(strict) == wrong(strict, "backward float64") == ["grad bias_hh_l0"]
    assert not wrong(loose)
    assert of(loose, "grad x").envelope_at_max >= 1e-4


# Wrong gradients. Every one of these layers computes the right values.


@pytest.mark.parametrize("cell", Cell)
@pytest.mark.parametrize(("network", "seq_len", "reach"), [(Detaches, 9, 1), (Truncates, 11, 3)])
def test_states_detached_between_timesteps_are_named(cell, network, seq_len, reach):
    found = backward(Differentiable(network), Spec(cell), shape=(seq_len, B))
    assert "grad x" in wrong(found)
    assert slugs(found) == ["gradient-detached"]
    assert f"go back only {reach} of {seq_len} timesteps" in found.findings[0].message


def test_a_truncated_way_back_is_measured_from_the_end_of_a_row():
    found = backward(Differentiable(Truncates), lengths=(3, 7, 2), shape=(7, 3))
    assert "go back only 3 of 7 timesteps" in found.findings[0].message


def test_a_state_detached_behind_the_end_of_its_row_reaches_nothing():
    found = backward(Differentiable(Truncates), lengths=(3, 7, 2), shape=(9, 3))
    assert "go back only 0 of 7 timesteps" in found.findings[0].message


def test_the_reverse_direction_is_measured_from_its_own_end():
    class InReverse(Truncates):
        def side(self, weights, layer, direction, *arguments):
            self.every = 4 if direction else 10**9
            return super().side(weights, layer, direction, *arguments)

    found = backward(Differentiable(InReverse), Spec(Cell.GRU, bidirectional=True))
    assert slugs(found) == ["gradient-detached"]
    assert "(layer 0, reverse)" in found.findings[0].message
    assert "go back only 1 of 9 timesteps" in found.findings[0].message


def test_the_layer_whose_states_are_detached_is_named():
    found = backward(Differentiable(DetachesAbove), Spec(Cell.GRU, num_layers=2))
    assert slugs(found) == ["gradient-detached"]
    assert "layer 1, forward" in found.findings[0].message


@pytest.mark.parametrize("cell", Cell)
def test_a_missing_input_gradient_is_named(cell):
    found = backward(Differentiable(given=lambda x, state: (x.detach(), state)), Spec(cell))
    assert wrong(found) == ["grad x"]
    assert of(found, "grad x").problem == "no gradient reaches x"
    assert slugs(found) == ["gradient-missing"]


def test_a_detached_initial_state_is_missing_and_not_a_truncated_way_back():
    def given(x, state):
        return x, State(state.h.detach(), state.c.detach())

    found = backward(Differentiable(given=given), Spec(Cell.LSTM, num_layers=2))
    assert wrong(found) == ["grad h0", "grad c0"]
    assert slugs(found) == ["gradient-missing"]
    assert "h0 and c0" in found.findings[0].message


def test_a_parameter_used_through_its_data_is_missing():
    def read(values, x):
        return {**values, "weight_hh_l0": values["weight_hh_l0"].data}

    found = backward(Differentiable(read=read))
    assert wrong(found) == ["grad weight_hh_l0"]
    assert of(found, "grad weight_hh_l0").problem == "no gradient reaches weight_hh_l0"
    assert slugs(found) == ["gradient-missing"]


def test_a_parameter_that_is_not_registered_is_named():
    found = backward(Differentiable(unregistered=("bias_hh_l0", "weight_hh_l0")), in_float64=True)
    assert wrong(found) == ["grad weight_hh_l0", "grad bias_hh_l0"]
    assert slugs(found) == ["parameter-not-registered"]
    assert "weight_hh_l0 and bias_hh_l0" in found.findings[0].message


def test_a_detached_result_is_named():
    def yields(trace):
        return replace(trace, final=State(trace.final.h.detach()))

    found = backward(Differentiable(yields=yields))
    assert "grad x" in wrong(found)
    assert slugs(found) == ["gradient-detached"]
    assert found.findings[0].message.startswith("h_n carries no gradient")


def test_a_layer_that_switches_autograd_off_has_no_gradient_at_all():
    def yields(trace):
        return replace(trace, output=trace.output.detach(), final=State(trace.final.h.detach()))

    found = backward(Differentiable(yields=yields))
    assert len(wrong(found)) == len(found.comparisons)
    assert "gradient-detached" in slugs(found)


@pytest.mark.parametrize("cell", Cell)
def test_one_gate_with_the_wrong_sign_is_caught(cell):
    found = backward(Differentiable(FlipsAGate), Spec(cell), in_float64=True)
    assert "grad weight_ih_l0" in wrong(found)
    assert "grad weight_ih_l0" in wrong(found, "backward float64")
    assert found.findings == []


@pytest.mark.parametrize("name", ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "weight_hr_l0"])
def test_a_gradient_off_by_a_thousandth_is_caught(name):
    found = backward(
        Differentiable(read=lambda values, x: {**values, name: scaled(values[name], 1.001)}),
        Spec(Cell.LSTM, proj_size=2),
    )
    assert wrong(found) == [f"grad {name}"]


@pytest.mark.parametrize("dtype", Dtype)
def test_gradients_divided_by_the_batch_size_are_caught(dtype):
    def read(values, x):
        return {name: scaled(value, 1 / x.shape[1]) for name, value in values.items()}

    assert len(wrong(backward(Differentiable(read=read), Spec(Cell.LSTM, dtype=dtype)))) == 4


def test_in_half_precision_float64_sees_what_rounding_hides():
    def read(values, x):
        return {name: scaled(value.double(), 1.001).to(value.dtype) for name, value in values.items()}

    found = backward(Differentiable(read=read), Spec(Cell.GRU, dtype=Dtype.BFLOAT16), in_float64=True)
    assert not wrong(found)
    assert len(wrong(found, "backward float64")) == 4


def test_a_backward_run_that_raises_is_a_mismatch_with_its_reason():
    found = backward(Differentiable(WritesOverItsStates), Spec())
    assert len(wrong(found)) == len(found.comparisons) == 6
    assert slugs(found) == ["gradient-missing"]
    assert "modified by an inplace operation" in found.findings[0].message


def test_a_reference_without_gradients_agrees_with_nothing():
    found = backward(RIGHT, Spec(), against=Differentiable(WritesOverItsStates))
    assert wrong(found) == ["gradients"]
    assert "in the reference" in found.comparisons[0].problem


def test_results_of_another_shape_have_no_gradients():
    found = backward(Differentiable(yields=lambda trace: replace(trace, output=trace.output[:-1])))
    assert len(wrong(found)) == 6
    assert "output in another shape" in of(found, "grad x").problem


# Where.


def test_a_wrong_gradient_of_x_is_at_its_timestep_and_feature():
    def given(x, state):
        factors = torch.ones(x.shape)
        factors[5, 1, 2] = 2.0
        return scaled(x, factors), state

    at = of(backward(Differentiable(given=given)), "grad x")
    assert at.at == Place(t=5, batch=1, unit=2, layer=0, direction="forward")
    assert at.exceeded == 1
    assert at.first_divergence.t == 5


def test_a_wrong_gradient_of_an_initial_state_is_where_its_row_begins():
    def given(x, state):
        factors = torch.ones(state.h.shape)
        factors[3, 1, 2] = 2.0
        return x, State(scaled(state.h, factors))

    spec = Spec(Cell.GRU, num_layers=2, bidirectional=True)
    found = backward(Differentiable(given=given), spec, LENGTHS)
    assert of(found, "grad h0").at == Place(t=3, batch=1, unit=2, layer=1, direction="reverse")


def test_a_wrong_gradient_of_a_weight_is_at_its_entry_and_at_no_time():
    def read(values, x):
        factors = torch.ones(12, 4)
        factors[7, 2] = 2.0
        return {**values, "weight_hh_l1_reverse": scaled(values["weight_hh_l1_reverse"], factors)}

    spec = Spec(Cell.GRU, num_layers=2, bidirectional=True)
    found = of(backward(Differentiable(read=read), spec), "grad weight_hh_l1_reverse")
    assert found.entry == Entry(row=7, column=2, layer=1, direction="reverse")
    assert (found.at, found.first_divergence, found.exceeded) == (None, None, 1)
