import pytest
import torch
from envelope_cases import budget, case

from rnncheck.model.spec import Cell, Dtype, Spec


def test_a_chaotic_run_is_judged_up_to_its_horizon_and_beyond_it_in_lockstep():
    run = case(Spec(hidden_size=64), seq_len=200, batch_size=1, scale=4)
    envelope = run.free()
    starts, lockstep = run.lockstep(envelope)
    assert 20 < envelope.horizon < 200
    assert envelope.growth > 1.05
    assert envelope.allowed.output[: envelope.horizon].isfinite().all()
    assert envelope.allowed.output[envelope.horizon :].isinf().all()
    assert starts.x.shape[1] == 200
    assert lockstep.allowed.final.h.max() < 1e-4
    for name in ("torch", "scratch", "numpy"):
        assert budget(run.run(name, run.x, run.state), envelope) < 1
        assert budget(run.run(name, starts.x, starts.state), lockstep) < 1


def test_a_wrong_layer_in_chaos_is_caught_by_lockstep():
    run = case(Spec(hidden_size=64), seq_len=200, batch_size=1, scale=4)
    weight = run.weights.values["weight_hh_l0"].clone()
    weight[0, 0] *= 1.01
    starts, lockstep = run.lockstep(run.free())
    wrong = run.with_weights(weight_hh_l0=weight)
    assert budget(wrong.run("torch", starts.x, starts.state), lockstep) > 1


def test_a_calm_run_is_judged_to_its_end():
    envelope = case(Spec(Cell.GRU, hidden_size=32), seq_len=100).free()
    assert envelope.horizon == 100
    assert not envelope.lost.any()
    assert envelope.growth == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("dtype", Dtype)
def test_a_relu_layer_that_grows_is_judged_until_it_overflows(dtype):
    run = case(Spec(nonlinearity="relu", hidden_size=16, dtype=dtype), seq_len=400, scale=12)
    envelope = run.free()
    largest = envelope.exact.output[: envelope.horizon].abs().max()
    assert 2 < envelope.horizon < 400
    assert largest < torch.finfo(getattr(torch, dtype)).max
    assert budget(run.run("torch", run.x, run.state), envelope) < 1


def test_what_reads_a_lost_step_is_lost():
    run = case(Spec(hidden_size=64, num_layers=2), seq_len=200, batch_size=1, scale=4)
    below = case(Spec(hidden_size=64), seq_len=200, batch_size=1, scale=4)
    assert run.free().horizon <= below.free().horizon + 5


def test_steps_whose_states_overflow_are_restarted_from_zero():
    spec = Spec(nonlinearity="relu", hidden_size=16, num_layers=2, bidirectional=True, dtype=Dtype.FLOAT16)
    run = case(spec, seq_len=60, scale=12)
    starts, lockstep = run.lockstep(run.free())
    assert starts.x.shape[1] == 60 * 3
    assert budget(run.run("torch", starts.x, starts.state), lockstep) < 1
