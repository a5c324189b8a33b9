import pytest
import torch
from envelope_cases import budget, case

from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State


def test_a_weight_off_by_a_thousandth_is_seen_free_and_in_lockstep():
    run = case(Spec(Cell.GRU, hidden_size=16))
    weight = run.weights.values["weight_hh_l0"].clone()
    weight[3, 5] *= 1.001
    wrong = run.with_weights(weight_hh_l0=weight)
    envelope = run.free()
    starts, lockstep = run.lockstep(envelope)
    assert budget(wrong.run("torch", run.x, run.state), envelope) > 1
    assert budget(wrong.run("torch", starts.x, starts.state), lockstep) > 1


@pytest.mark.parametrize("dtype", Dtype)
@pytest.mark.parametrize("cell", [Cell.LSTM, Cell.GRU])
def test_swapped_gates_are_seen_in_every_dtype(cell, dtype):
    run = case(Spec(cell, hidden_size=16, dtype=dtype))
    first, second, *others = run.weights.values["weight_ih_l0"].split(16)
    wrong = run.with_weights(weight_ih_l0=torch.cat([second, first, *others]))
    assert budget(wrong.run("torch", run.x, run.state), run.free()) > 1


@pytest.mark.parametrize("cell", Cell)
def test_weights_cut_to_float32_are_seen_in_float64(cell):
    run = case(Spec(cell, dtype=Dtype.FLOAT64))
    wrong = run.with_weights(**{name: value.float().double() for name, value in run.weights.values.items()})
    assert budget(wrong.run("torch", run.x, run.state), run.free()) > 1


def test_a_bias_error_that_a_fixed_tolerance_passes_is_seen():
    run = case(Spec(Cell.LSTM, hidden_size=16), seq_len=20)
    wrong = run.with_weights(bias_hh_l0=run.weights.values["bias_hh_l0"] + 5e-6)
    right_output = run.run("torch", run.x, run.state).output
    wrong_trace = wrong.run("torch", run.x, run.state)
    torch.testing.assert_close(wrong_trace.output, right_output, atol=1e-5, rtol=1.3e-6)
    assert budget(wrong_trace, run.free()) > 1


def test_an_ignored_initial_state_is_seen():
    run = case(Spec(dtype=Dtype.BFLOAT16, hidden_size=16))
    assert budget(run.run("torch", run.x, State(torch.zeros_like(run.state.h))), run.free()) > 1
