"""Faults of what goes in, comes out or is kept, and of single equations: each against torch.nn or its equation."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from faults.equations import Array, Given, Step, gru, lstm, rnn, sigmoid
from faults.scenes import scene
from faults.test_sequences_of_steps import assert_equal, faulty, run, torchs
from faults.test_steps import assert_is
from torch import Tensor

from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State

Change = Callable[[Tensor], Tensor]


def centred(axes: tuple[int, ...], correction: int, small: float = 0.0) -> Change:
    return lambda v: (
        (v - v.mean(axes, keepdim=True)) / (v.var(axes, correction=correction, keepdim=True) + small).sqrt()
    )


CHANGES: dict[str, Change] = {
    "tanh": lambda v: 2 / (1 + (-2 * v).exp()) - 1,
    "relu": lambda v: v.clamp(min=0),
    "sigmoid": lambda v: 1 / (1 + (-v).exp()),
    "softmax": lambda v: v.exp() / v.exp().sum(-1, keepdim=True),
    "log_softmax": lambda v: v - v.exp().sum(-1, keepdim=True).log(),
    "layer normalisation": centred((-1,), 0, 1e-5),
    "layer normalisation, with the variance over n - 1": centred((-1,), 1, 1e-5),
    "divided by its length": lambda v: v / v.square().sum(-1, keepdim=True).sqrt(),
    "+ 0.5": lambda v: v + 0.5,
}
STANDARDISED = {
    f"standardised over {over}, with the variance over {by}": centred(axes, correction)
    for over, axes in {
        "the features": (2,),
        "time": (0,),
        "batch and time": (0, 1),
        "all of it": (0, 1, 2),
    }.items()
    for by, correction in {"n - 1": 1, "n": 0}.items()
}


@pytest.fixture(params=Cell)
def stacked(request: pytest.FixtureRequest) -> Scene:
    return scene(Spec(request.param, 3, 4, num_layers=2, dtype=Dtype.FLOAT64))


def test_x_passes_through_one_more_function_before_the_first_layer(stacked: Scene) -> None:
    for name, change in {**CHANGES, **STANDARDISED}.items():
        assert_equal(
            faulty(f"input-changed:{name}", stacked).output, run(stacked, torchs(stacked), change(stacked.x))[0]
        )


def test_the_output_passes_through_one_more_function_and_the_states_do_not(stacked: Scene) -> None:
    output, final = run(stacked, torchs(stacked))
    for name, change in {**CHANGES, "times 0.5": lambda v: v / 2}.items():
        found = faulty(f"output-changed:{name}", stacked)
        assert_equal(found.output, change(output))
        assert_equal(found.final.h, final)


STEPS: dict[str, Callable[[Tensor, Tensor], list[Tensor]]] = {  # of x and a zero
    "one step late": lambda x, zero: [zero, *x[:-1]],
    "the last comes first": lambda x, zero: [x[-1], *x[:-1]],
    "one step early": lambda x, zero: [*x[1:], zero],
    "one step early, the first comes last": lambda x, zero: [*x[1:], x[0]],
    "one step early, the last twice": lambda x, zero: [*x[1:], x[-1]],
    "the first for all": lambda x, zero: [x[0]] * len(x),
    "the last for all": lambda x, zero: [x[-1]] * len(x),
}


def test_every_step_reads_the_x_of_another_one(stacked: Scene) -> None:
    for name, steps in STEPS.items():
        x = torch.stack(steps(stacked.x, torch.zeros_like(stacked.x[0])))
        slug = "input-off-by-one" if name == "one step late" else f"input-off-by-one:{name}"
        assert_equal(faulty(slug, stacked).output, run(stacked, torchs(stacked), x)[0])


@pytest.fixture(params=Cell)
def single(request: pytest.FixtureRequest) -> Scene:
    return scene(Spec(request.param, 3, 4, dtype=Dtype.FLOAT64), seq_len=9)


def test_a_step_is_left_out_at_either_end(single: Scene) -> None:
    output, final = run(single, torchs(single), single.x[:-1])
    zero = torch.zeros_like(output[:1])
    assert_equal(faulty("step-skipped:the last", single).output, torch.cat([output, zero]))
    kept = faulty("step-skipped:the last, the output repeats the state", single)
    assert_equal(kept.output, torch.cat([output, output[-1:]]))
    assert_equal(kept.final.h, final)
    output, _ = run(single, torchs(single), single.x[1:])
    assert_equal(faulty("step-skipped:the first", single).output, torch.cat([zero, output]))
    kept = faulty("step-skipped:the first, the output repeats the state", single)
    assert_equal(kept.output, torch.cat([single.state.h, output]))


RESETS = {
    "every 4 steps": (4, 8),
    "every 2 steps": (2, 4, 6, 8),
    "every 3 steps": (3, 6),
    "before t = 1": (1,),
    "before t = 5": (5,),
}


@pytest.mark.parametrize("variant", RESETS)
def test_the_state_is_set_to_zero_on_the_way(single: Scene, variant: str) -> None:
    layer = torchs(single)
    for part in ("", ", c alone", ", h alone") if single.state.c is not None else ("",):
        state, outputs = single.state, []
        for t in range(single.seq_len):
            if t in RESETS[variant]:
                h = state.h if part == ", c alone" else 0 * state.h
                c = state.c if state.c is None or part == ", h alone" else 0 * state.c
                state = State(h, c)
            output, state = stepped(layer, single.x[t : t + 1], state)
            outputs.append(output)
        found = faulty(f"state-reset:{variant}{part}", single)
        assert_equal(found.output, torch.cat(outputs))
        assert_equal(found.final.h, state.h)


def stepped(layer: torch.nn.RNNBase, x: Tensor, state: State) -> tuple[Tensor, State]:
    with torch.no_grad():
        output, final = layer(x, state.h if state.c is None else (state.h, state.c))
    return output, State(final) if isinstance(final, Tensor) else State(*final)


def test_every_step_reads_the_state_before_the_previous_one(single: Scene) -> None:
    layer, states, outputs = torchs(single), [single.state, single.state], []
    for t in range(single.seq_len):
        output, after = stepped(layer, single.x[t : t + 1], states[-2])
        states.append(after)
        outputs.append(output)
    found = faulty("stale-state", single)
    assert_equal(found.output, torch.cat(outputs))
    assert_equal(found.final.h, states[-1].h)


ROWS = {
    "the last first": [3, 0, 1, 2],
    "the first last": [1, 2, 3, 0],
    "in reverse": [3, 2, 1, 0],
    "the first for all": [0, 0, 0, 0],
}


def test_the_rows_of_one_tensor_come_in_another_order(single: Scene) -> None:
    output, final = run(single, torchs(single))
    for name, order in ROWS.items():
        assert_equal(faulty(f"batch-mixed:the output's rows, {name}", single).output, output[:, order])
        assert_equal(faulty(f"batch-mixed:the final state's rows, {name}", single).final.h, final[:, order])
        start = replace(single, state=single.state.map(lambda each, order=order: each[:, order]))
        assert_equal(faulty(f"batch-mixed:the initial state's rows, {name}", single).output, start.right.output)


@pytest.mark.parametrize("cell", Cell)
def test_rows_end_one_timestep_late_or_early(cell: Cell) -> None:
    here = scene(Spec(cell, 3, 4, dtype=Dtype.FLOAT64), lengths=(3, 6, 2, 4))
    late, early = (replace(here, lengths=ends).right for ends in ((4, 6, 3, 5), (2, 5, 1, 3)))
    found = faulty("row-end-off-by-one:one timestep late", here)
    assert_equal(found.output, late.output)
    assert_equal(found.final.h, late.final.h)
    assert_equal(faulty("row-end-off-by-one:one timestep early", here).output, early.output)


def test_ones_stand_in_the_place_of_the_initial_state() -> None:
    for cell in Cell:
        here = scene(Spec(cell, 3, 4, dtype=Dtype.FLOAT64))
        ones = replace(here, state=here.state.map(torch.ones_like))
        assert_equal(faulty("initial-state-ignored:ones in its place", here).output, ones.right.output)
    assert here.state.c is None
    here = scene(Spec(Cell.LSTM, 3, 4, dtype=Dtype.FLOAT64))
    h, c = here.state.tensors()
    for name, state in {"h0": State(torch.ones_like(h), c), "c0": State(h, torch.ones_like(c))}.items():
        found = faulty(f"initial-state-ignored:{name}, ones in its place", here)
        assert_equal(found.output, replace(here, state=state).right.output)


def test_one_part_of_the_state_comes_from_or_stands_at_another_place() -> None:
    here = scene(Spec(Cell.LSTM, 3, 4, num_layers=2, dtype=Dtype.FLOAT64))
    h, c = here.state.tensors()
    for part, state in {"h0": State(h.flip(0), c), "c0": State(h, c.flip(0))}.items():
        found = faulty(f"layer-state-swapped:layers, {part} alone", here)
        assert_equal(found.output, replace(here, state=state).right.output)
    final = here.right.final
    both = faulty("final-state-swapped:h_n in place of c_n", here).final
    assert_equal(torch.stack(both.tensors()), torch.stack([final.h, final.h]))
    both = faulty("final-state-swapped:c_n in place of h_n", here).final
    assert final.c is not None
    assert_equal(torch.stack(both.tensors()), torch.stack([final.c, final.c]))


@pytest.mark.parametrize("cell", [Cell.LSTM, Cell.GRU])
def test_a_gate_that_ignores_one_side_has_rows_of_zeros_there(cell: Cell) -> None:
    here = scene(Spec(cell, 3, 4, dtype=Dtype.FLOAT64))
    order, every = {Cell.LSTM: ("ifgo", ("i", "f", "o", "g", "ifo")), Cell.GRU: ("rzn", ("r", "z", "n", "rz"))}[cell]
    for slug, name in {"gate-ignores-input": "weight_ih_l0", "gate-ignores-state": "weight_hh_l0"}.items():
        for gates in every:
            value = here.weights[name].clone()
            for gate in gates:
                value[order.index(gate) * 4 :][:4] = 0
            right, _ = run(here, torchs(here, {**here.weights, name: value}))
            assert_equal(faulty(f"{slug}:{', '.join(gates)}", here).output, right)


def changed(step: Step, h: Callable[[Array], Array] = lambda h: h, c: Callable[[Array], Array] = lambda c: c) -> Step:
    def after(given: Given) -> tuple[Array, Array]:
        new_h, new_c = step(given)
        return h(new_h), c(new_c)

    return after


def early_peephole(given: Given) -> tuple[Array, Array]:
    seen = {gate: value + given.c * (gate != "g") for gate, value in given.p.items()}
    return lstm()(replace(given, p=seen))


OF_LSTM: dict[str, Step] = {
    "wrong-equation:c' = f c - i g": lstm(new_cell=lambda i, f, g, c: f * c - i * g),
    "wrong-equation:c' = f c + i": lstm(new_cell=lambda i, f, g, c: f * c + i),
    "wrong-equation:c' = f c + i + g": lstm(new_cell=lambda i, f, g, c: f * c + i + g),
    "wrong-equation:c' = f + i g": lstm(new_cell=lambda i, f, g, c: f + i * g),
    "wrong-equation:c' = f c i g": lstm(new_cell=lambda i, f, g, c: f * c * i * g),
    "wrong-equation:h' = o + tanh(c')": lstm(new_hidden=lambda o, new, c: o + np.tanh(new)),
    "wrong-equation:h' = o + c'": lstm(new_hidden=lambda o, new, c: o + new),
    "wrong-equation:h' = (1 - o) tanh(c')": lstm(new_hidden=lambda o, new, c: (1 - o) * np.tanh(new)),
    "peephole:of the cell before the step for every gate": early_peephole,
    "state-changed:h through sigmoid": changed(lstm(), h=sigmoid),
    "state-changed:c through relu": changed(lstm(), c=lambda c: np.maximum(c, 0)),
    "state-changed:c times 0.5": changed(lstm(), c=lambda c: c / 2),
    "state-changed:c + 0.5": changed(lstm(), c=lambda c: c + 0.5),
    "state-changed:c clipped at 0.25": changed(lstm(), c=lambda c: c.clip(-0.25, 0.25)),
    "state-changed:c, before h reads it, clipped at 0.25": lstm(
        new_cell=lambda i, f, g, c: (f * c + i * g).clip(-0.25, 0.25)
    ),
}


@pytest.mark.parametrize("name", OF_LSTM)
def test_lstm(name: str) -> None:
    assert_is(name, Cell.LSTM, OF_LSTM[name])


def mixed(mix: Callable[[Array, Array, Array, Array], Array]) -> Step:
    """The GRU's h' of r, z, n and h."""

    def step(s: Given) -> tuple[Array, Array]:
        r, z = sigmoid(s.sum("r")), sigmoid(s.sum("z"))
        h = mix(r, z, np.tanh(s.p["n"] + s.b_ih["n"] + r * (s.u["n"] + s.b_hh["n"])), s.h)
        return h, h

    return step


def reset_by_update(s: Given) -> tuple[Array, Array]:
    return gru(lambda s, r: s.p["n"] + s.b_ih["n"] + sigmoid(s.sum("z")) * (s.u["n"] + s.b_hh["n"]))(s)


def update_of_reset(s: Given) -> tuple[Array, Array]:
    return gru()(replace(s, u=s.u | {"z": s.W_hh["z"] @ (sigmoid(s.sum("r")) * s.h)}))


OF_GRU: dict[str, Step] = {
    "wrong-equation:h' = (1 - z) n + z r h": mixed(lambda r, z, n, h: (1 - z) * n + z * r * h),
    "wrong-equation:h' = (1 - r) n + z h": mixed(lambda r, z, n, h: (1 - r) * n + z * h),
    "wrong-equation:h' = (1 - r) n + r h": mixed(lambda r, z, n, h: (1 - r) * n + r * h),
    "wrong-equation:h' = (1 - z) n - z h": mixed(lambda r, z, n, h: (1 - z) * n - z * h),
    "wrong-equation:h' = (1 - z) h + z r n": mixed(lambda r, z, n, h: (1 - z) * h + z * r * n),
    "wrong-equation:n reads z h instead of r h": reset_by_update,
    "wrong-equation:z reads r h instead of h": update_of_reset,
    "state-changed:h times 0.5": changed(gru(), h=lambda h: h / 2),
}


@pytest.mark.parametrize("name", OF_GRU)
def test_gru(name: str) -> None:
    assert_is(name, Cell.GRU, OF_GRU[name])


def in_sums(equation: Callable[[Array, Array], Array], *, apart: bool) -> Step:
    """The RNN's h' of p and u; `apart` says that b_hh is with u."""

    def step(s: Given) -> tuple[Array, Array]:
        p, u, b = s.p["h"] + s.b_ih["h"], s.u["h"], s.b_hh["h"]
        h = equation(p, u + b) if apart else equation(p + b, u)
        return h, h

    return step


EQUATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "h' = f(p) + u": lambda p, u: np.tanh(p) + u,
    "h' = p + f(u)": lambda p, u: p + np.tanh(u),
    "h' = f(p) + f(u)": lambda p, u: np.tanh(p) + np.tanh(u),
}


def bias_after(s: Given) -> tuple[Array, Array]:
    h = np.tanh(s.p["h"] + s.u["h"]) + s.b_ih["h"] + s.b_hh["h"]
    return h, h


def state_added(s: Given) -> tuple[Array, Array]:
    h = s.h + np.tanh(s.sum("h"))
    return h, h


OF_RNN: dict[str, Step] = {
    **{f"wrong-equation:{name}, u with b_hh": in_sums(each, apart=True) for name, each in EQUATIONS.items()},
    **{f"wrong-equation:{name}, p with both biases": in_sums(each, apart=False) for name, each in EQUATIONS.items()},
    "wrong-equation:h' = h + f(p + u)": state_added,
    "wrong-equation:h' = f(p + u) + b, without biases in p and u": bias_after,
    "state-changed:h + 0.5": changed(rnn(np.tanh), h=lambda h: h + 0.5),
}


@pytest.mark.parametrize("name", OF_RNN)
def test_rnn(name: str) -> None:
    assert_is(name, Cell.RNN, OF_RNN[name])
