import pytest
import torch
from envelope_cases import budget, case

from rnncheck.envelope import exact_and_envelope, restarts, rounding_of
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State


@pytest.mark.parametrize("cell", Cell)
def test_exact_is_torch_in_float64(cell):
    run = case(Spec(cell, num_layers=2, bidirectional=True, dtype=Dtype.FLOAT64), lengths=(9, 4, 6))
    trace, exact = run.run("torch", run.x, run.state, run.lengths), run.free().exact
    torch.testing.assert_close(exact.output, trace.output, atol=1e-14, rtol=0)
    torch.testing.assert_close(exact.final.h, trace.final.h, atol=1e-14, rtol=0)


def test_exact_starts_from_what_both_sides_are_given():
    run = case(Spec(dtype=Dtype.BFLOAT16))
    rounded = run.with_weights(**{name: value.bfloat16().double() for name, value in run.weights.values.items()})
    assert torch.equal(run.free().exact.output, rounded.free().exact.output)


def test_the_same_seed_allows_the_same():
    run = case(Spec(Cell.LSTM))
    assert torch.equal(run.free().allowed.output, run.free().allowed.output)


def test_another_seed_allows_nearly_the_same():
    run = case(Spec(Cell.LSTM, hidden_size=32))
    other = exact_and_envelope(run.spec, run.weights, run.x, run.state, rounding=rounding_of(run.spec), seed=7)
    ratio = other.allowed.output / run.free().allowed.output
    assert 0.4 < ratio.min() < ratio.max() < 2.5


def test_torchs_global_generator_is_left_alone():
    before = torch.get_rng_state()
    case(Spec()).free()
    assert torch.equal(torch.get_rng_state(), before)


def test_behind_a_rows_end_only_zero_is_allowed():
    run = case(Spec(), lengths=(9, 4, 1))
    allowed = run.free().allowed.output
    assert (allowed[4:, 1] == 0).all()
    assert (allowed[:4, 1] > 0).all()


def test_a_finer_dtype_is_allowed_less():
    sizes = [case(Spec(hidden_size=16, dtype=dtype)).free().allowed.output.mean() for dtype in Dtype]
    float64, float32, bfloat16, float16 = sizes
    assert float64 < 1e-6 * float32
    assert float32 < 1e-2 * float16
    assert float16 < 0.3 * bfloat16


def test_blocks_of_rows_are_put_together(monkeypatch):
    run = case(Spec(Cell.LSTM, hidden_size=8, head="softmax", bidirectional=True), batch_size=7)
    whole = run.free()
    monkeypatch.setattr("rnncheck.envelope.envelope.BLOCK", 4096)
    parts = run.free()
    torch.testing.assert_close(parts.exact.output, whole.exact.output)
    assert parts.allowed.output.shape == whole.allowed.output.shape
    assert parts.before.h.shape == whole.before.h.shape == (9, 2, 7, 8)
    assert budget(run.run("torch", run.x, run.state), parts) < 1


def test_restarts_are_the_steps_that_have_data():
    run = case(Spec(Cell.LSTM, num_layers=2, bidirectional=True), lengths=(9, 4, 1))
    starts = restarts(run.x, run.free(), run.lengths)
    assert starts.x.shape == (1, 14, 3)
    assert starts.state.h.shape == (4, 14, 4)
    assert starts.places.tolist()[:4] == [[0, 0], [0, 1], [0, 2], [1, 0]]
    assert torch.equal(starts.x[0, 3], run.x[1, 0])


@pytest.mark.parametrize("scale", [1e-20, 1e-12])
@pytest.mark.parametrize("cell", [Cell.RNN, Cell.GRU])
def test_sums_too_small_to_be_squared_in_float32_are_allowed_their_share(cell, scale):
    run = case(Spec(cell, hidden_size=8, bias=False))
    zero = State(torch.zeros_like(run.state.h))
    quiet = 1e-6  # so small that the layer is as good as linear, and a tanh is allowed a share of its size
    ordinary, tiny = (
        exact_and_envelope(run.spec, run.weights, factor * run.x, zero, rounding=rounding_of(run.spec))
        for factor in (quiet, scale)
    )
    ratio = (tiny.allowed.output / scale) / (ordinary.allowed.output / quiet)
    assert 0.99 < ratio.min() < ratio.max() < 1.01


def test_the_error_of_c_reaches_h_through_an_output_gate_that_is_nearly_closed():
    run = case(Spec(Cell.LSTM, hidden_size=1), seq_len=1)
    nothing = {name: torch.zeros_like(value) for name, value in run.weights.values.items()}
    biases = nothing | {"bias_ih_l0": torch.tensor([-60.0, -60.0, 0.0, -24.0], dtype=torch.float64)}
    run = run.with_weights(**biases)
    state = State(torch.zeros_like(run.state.h), torch.ones_like(run.state.h))
    allowed = exact_and_envelope(run.spec, run.weights, run.x, state, rounding=rounding_of(run.spec)).allowed
    error_of_c = torch.finfo(torch.float32).eps / 4  # (1 + tanh(-60 / 2)) / 2 may be off by so much
    expected = torch.tensor(-24.0).double().sigmoid() * error_of_c
    assert (expected < allowed.output).all()
    assert (allowed.output < 100 * expected).all()
