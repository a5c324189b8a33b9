from dataclasses import replace

import pytest
import torch
from envelope_cases import Case, case, used
from torch import nn

from rnncheck.envelope import GradientSet, gradient_envelope, rounding_of
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights

CLASSES = {Cell.RNN: nn.RNN, Cell.LSTM: nn.LSTM, Cell.GRU: nn.GRU}


def projection(run: Case) -> Trace:
    generator = torch.Generator().manual_seed(1)
    exact = run.free().exact
    normal = [
        None if each is None else torch.randn(each.shape, generator=generator, dtype=torch.float64)
        for each in (exact.output, exact.final.h, exact.final.c)
    ]
    return Trace(normal[0], State(normal[1], normal[2]))


def of_torch(run: Case, wanted: Trace, *, detached: bool = False) -> dict[str, torch.Tensor]:
    spec, dtype = run.spec, getattr(torch, run.spec.dtype)
    module = CLASSES[spec.cell](
        spec.input_size, spec.hidden_size, spec.num_layers, bidirectional=spec.bidirectional, dtype=dtype
    )
    module.load_state_dict({name: value.to(dtype) for name, value in run.weights.values.items()})
    given = {"x": run.x, "h": run.state.h} | ({} if run.state.c is None else {"c": run.state.c})
    x, *states = leaves = [each.to(dtype).requires_grad_() for each in given.values()]
    started = [each.detach() * 1 + 0 * each for each in states] if detached else states
    output, final = module(x, started[0] if len(states) == 1 else tuple(started))
    results = [output, final] if len(states) == 1 else [output, *final]
    weights = [wanted.output, wanted.final.h] + ([] if wanted.final.c is None else [wanted.final.c])
    parameters = dict(module.named_parameters())
    found = torch.autograd.grad(results, [*leaves, *parameters.values()], [each.to(dtype) for each in weights])
    return dict(zip([*given, *parameters], found, strict=True))


def named(gradients: GradientSet) -> dict[str, torch.Tensor]:
    found = {"x": gradients.x, "h": gradients.state.h, **gradients.weights}
    return found if gradients.state.c is None else {**found, "c": gradients.state.c}


@pytest.mark.sample(6)
@pytest.mark.parametrize("dtype", Dtype)
@pytest.mark.parametrize("cell", Cell)
def test_torchs_gradients_stay_within_their_envelope(cell, dtype):
    run = case(Spec(cell, hidden_size=12, num_layers=2, bidirectional=True, dtype=dtype))
    wanted = projection(run)
    envelope = gradient_envelope(run.spec, run.weights, run.x, run.state, wanted, rounding=rounding_of(run.spec))
    exact, allowed = named(envelope.exact), named(envelope.allowed)
    for name, value in of_torch(run, wanted).items():
        assert used(value, exact[name], allowed[name]) < 1, name


@pytest.mark.parametrize("cell", Cell)
def test_a_detached_initial_state_is_seen(cell):
    run = case(Spec(cell))
    wanted = projection(run)
    envelope = gradient_envelope(run.spec, run.weights, run.x, run.state, wanted, rounding=rounding_of(run.spec))
    found = of_torch(run, wanted, detached=True)
    assert used(found["h"], envelope.exact.state.h, envelope.allowed.state.h) > 1
    assert used(found["x"], envelope.exact.x, envelope.allowed.x) < 1


def test_gradients_are_exact_in_float64():
    run = case(Spec(Cell.GRU, dtype=Dtype.FLOAT64), lengths=None)
    wanted = projection(run)
    envelope = gradient_envelope(run.spec, run.weights, run.x, run.state, wanted, rounding=rounding_of(run.spec))
    for name, value in of_torch(run, wanted).items():
        torch.testing.assert_close(named(envelope.exact)[name], value, atol=1e-12, rtol=1e-12)


def test_a_layer_may_take_numbers_below_the_smallest_normal_one_for_zero():
    run = case(Spec(nonlinearity="relu", hidden_size=12), lengths=None)
    grown = {name: value.abs() * (9 if "hh" in name else 1) for name, value in run.weights.values.items()}
    scales = torch.tensor([1e-35, 1e-39]).repeat(len(run.x))[: len(run.x), None, None]
    run = replace(run, x=run.x * scales, weights=Weights(grown))
    wanted, rounding = projection(run), rounding_of(run.spec)
    whole, flushed = (
        gradient_envelope(run.spec, run.weights, x, run.state, wanted, rounding=rounding)
        for x in (run.x, run.x * (scales > 1e-36))
    )
    exact, allowed, found = (each.weights["weight_ih_l0"] for each in (whole.exact, whole.allowed, flushed.exact))
    assert (found - exact).abs().max() > 1e3 * torch.finfo(torch.float32).tiny
    assert used(found, exact, allowed) < 1 < used(1.1 * exact, exact, allowed)


def test_padded_rows_give_no_gradient_behind_their_end():
    run = case(Spec(Cell.LSTM), lengths=(9, 4, 2))
    envelope = gradient_envelope(
        run.spec, run.weights, run.x, run.state, projection(run), run.lengths, rounding=rounding_of(run.spec)
    )
    assert (envelope.exact.x[4:, 1] == 0).all()
    assert (envelope.exact.x[:4, 1] != 0).any()


def test_it_works_under_inference_mode():
    run = case(Spec())
    wanted = projection(run)
    with torch.inference_mode():
        envelope = gradient_envelope(run.spec, run.weights, run.x, run.state, wanted, rounding=rounding_of(run.spec))
    assert envelope.allowed.x.isfinite().all()


def test_gradients_behind_a_number_that_overflows_are_not_judged_though_they_are_small():
    """The projection's gradient grows beyond float32 on its way back, and x takes back all of the growth."""
    spec = Spec(Cell.RNN, nonlinearity="relu", input_size=1, hidden_size=1, bias=False)
    weights = Weights({"weight_ih_l0": torch.full((1, 1), 1e-30), "weight_hh_l0": torch.full((1, 1), 1e20)})
    x, state = torch.full((4, 1, 1), 1e-30), State(torch.zeros(1, 1, 1))
    wanted = Trace(torch.ones(4, 1, 1), State(torch.ones(1, 1, 1)))
    for dtype, judged in ((Dtype.FLOAT64, True), (Dtype.FLOAT32, False)):
        spec = replace(spec, dtype=dtype)
        found = gradient_envelope(spec, weights, x, state, wanted, rounding=rounding_of(spec))
        assert 1e29 < float(found.exact.x.amax()) < 1e32
        assert all(bool(each.isfinite().all()) == judged for each in named(found.allowed).values())


def relu_at(a: float) -> tuple[Spec, Weights, torch.Tensor, State, Trace]:
    """Two units, both at the argument `a`."""
    spec = Spec(Cell.RNN, nonlinearity="relu", input_size=1, hidden_size=2, bias=False)
    weights = Weights({"weight_ih_l0": torch.ones(2, 1), "weight_hh_l0": torch.zeros(2, 2)})
    wanted = Trace(torch.ones(1, 1, 2), State(torch.zeros(1, 1, 2)))
    return spec, weights, torch.full((1, 1, 1), a), State(torch.ones(1, 1, 2)), wanted


@pytest.mark.parametrize(("a", "either"), [(0.0, True), (1e-9, False), (-1e-9, False), (1.0, False), (-1.0, False)])
def test_at_a_kink_both_slopes_are_right_and_beside_it_one(a, either):
    spec, weights, x, state, wanted = relu_at(a)
    found = gradient_envelope(spec, weights, x, state, wanted, rounding=rounding_of(spec))
    assert float(found.exact.x) == (2.0 if a > 0 else 0.0)
    assert bool((found.allowed.x >= 2).all()) == either


def test_a_sum_that_cancels_to_less_than_its_rounding_may_have_either_sign():
    spec, weights, x, state, wanted = relu_at(1.0)
    weights = Weights({**weights.values, "weight_hh_l0": torch.full((2, 2), -0.5 + 1e-9)})
    found = gradient_envelope(spec, weights, x, state, wanted, rounding=rounding_of(spec))
    assert bool((found.allowed.x >= 2).all())


def test_over_more_steps_than_rounding_allows_nothing_is_judged():
    run = case(Spec(Cell.RNN, hidden_size=32, dtype=Dtype.BFLOAT16), scale=8.0)
    found = gradient_envelope(run.spec, run.weights, run.x, run.state, projection(run), rounding=rounding_of(run.spec))
    assert found.steady < len(run.x)
    assert all(bool(each.isinf().all()) for each in named(found.allowed).values())


def accumulated(dp: torch.Tensor, weight: torch.Tensor, onto: torch.Tensor) -> torch.Tensor:
    """`onto` + dp @ weight, one term after another: what a kernel does whose output is its accumulator."""
    total = onto.clone()
    for row, each in zip(weight, dp.T, strict=True):
        total.addcmul_(each[:, None], row)
    return total


@pytest.mark.parametrize("hidden_size", [8, 512])
def test_a_product_may_be_accumulated_onto_the_outputs_gradient(hidden_size):
    """Each of its terms is then rounded at the size of that gradient."""
    run = case(Spec(Cell.LSTM, hidden_size=hidden_size), lengths=None)
    wanted = projection(run)
    envelope = gradient_envelope(run.spec, run.weights, run.x, run.state, wanted, rounding=rounding_of(run.spec))
    w = {name.removesuffix("_l0"): value.float() for name, value in run.weights.values.items()}
    x, h, c = run.x.float(), run.state.h[0].float(), run.state.c[0].float()
    kept = []
    for x_t in x:
        gates = x_t @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T + w["bias_hh"]
        i, f, g, o = gates.chunk(4, -1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        kept.append((i, f, g, o, c))
        c = f * c + i * g
        h = o * c.tanh()
    dh, dc = wanted.final.h[0].float(), wanted.final.c[0].float()
    dx = []
    for (i, f, g, o, before), given in zip(kept[::-1], wanted.output.float().flip(0), strict=True):
        tanh_c = (f * before + i * g).tanh()
        dh = dh + given if not dx else dh
        dc = dc + dh * o * (1 - tanh_c**2)
        dp = [dc * g * i * (1 - i), dc * before * f * (1 - f), dc * i * (1 - g**2), dh * tanh_c * o * (1 - o)]
        onto = wanted.output.float()[len(x) - 2 - len(dx)] if len(dx) + 1 < len(x) else torch.zeros_like(dh)
        dx.append(torch.cat(dp, -1) @ w["weight_ih"])
        dh, dc = accumulated(torch.cat(dp, -1), w["weight_hh"], onto), dc * f
    assert used(torch.stack(dx[::-1]), envelope.exact.x, envelope.allowed.x) < 1
    assert used(dh[None], envelope.exact.state.h, envelope.allowed.state.h) < 1
    assert used(dc[None], envelope.exact.state.c, envelope.allowed.state.c) < 1
