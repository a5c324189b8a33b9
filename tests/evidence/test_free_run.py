"""Both sides run chunk by chunk, each from its own states, and everything they yield is compared."""

from collections.abc import Sequence

import pytest
import torch
from fakes import Fake, changing, with_output
from torch import Tensor

from rnncheck.data.random import initial_state
from rnncheck.evidence.allowance import Stated
from rnncheck.evidence.free_run import SideBySide
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.implementations import load
from rnncheck.implementations.protocol import Implementation, Layer
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import draw
from rnncheck.report import Comparison, Place

SPEC = Spec(cell=Cell.LSTM, num_layers=2, head="softmax", dtype=Dtype.FLOAT64)


def compared(
    candidate: Implementation, spec: Spec = SPEC, chunks: Sequence[int] = (5, 7), lengths: Sequence[int] | None = None
) -> dict[str, Comparison]:
    weights, state = draw(spec, 0), initial_state(spec, 2)
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        layers = (side.build(spec, weights) for side in (candidate, load("numpy")))
        both = SideBySide(spec, *layers, state, lengths, Stated(Tolerance(1e-12, 0.0)), 30)
        for steps in chunks:
            both.run(torch.randn(steps, 2, 3, dtype=torch.float64, generator=generator))
        return {each.quantity: each for each in both.comparisons()}


def test_everything_a_layer_yields_is_compared() -> None:
    found = compared(load("scratch"))
    assert {quantity: each.compared for quantity, each in found.items()} == {
        "output": 12 * 2 * 4,
        "h_n": 2 * 2 * 4,
        "c_n": 2 * 2 * 4,
        "y": 12 * 2 * 4,
    }
    assert all(each.agrees for each in found.values())


@pytest.mark.parametrize("cell", [Cell.RNN, Cell.GRU])
def test_a_cell_without_c_has_no_c_n(cell: Cell) -> None:
    assert list(compared(load("scratch"), Spec(cell=cell, dtype=Dtype.FLOAT64))) == ["output", "h_n"]


@pytest.mark.parametrize("wrong", ["output", "h_n", "c_n", "y"])
def test_a_wrong_quantity_is_the_one_that_is_named(wrong: str) -> None:
    def change(trace: Trace) -> Trace:
        one = {quantity: 1.0 if quantity == wrong else 0.0 for quantity in ("output", "h_n", "c_n", "y")}
        final = State(trace.final.h + one["h_n"], trace.final.c + one["c_n"])
        return Trace(trace.output + one["output"], final, trace.y + one["y"])

    found = compared(changing(change), chunks=(12,))
    assert [quantity for quantity, each in found.items() if not each.agrees] == [wrong]


@pytest.mark.parametrize(("quantity", "size"), [("c_n", "(2, 2, 4)"), ("y", "(12, 2, 4)")])
def test_a_quantity_that_the_candidate_lacks_is_a_problem(quantity: str, size: str) -> None:
    def change(trace: Trace) -> Trace:
        if quantity == "y":
            return Trace(trace.output, trace.final)
        return Trace(trace.output, State(trace.final.h), trace.y)

    found = compared(changing(change), chunks=(12,))
    assert found[quantity].problem == f"the candidate has none; the reference's has shape {size}"


def test_a_candidate_goes_on_from_its_own_states() -> None:
    """An error in the state that ends the first chunk is carried into the second."""

    def run(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        trace = layer.run(x, state, lengths)
        return Trace(trace.output, State(trace.final.h + 0.5, trace.final.c), trace.y)

    found = compared(Fake(run), chunks=(5, 7))
    assert found["output"].first_divergence is not None
    assert found["output"].first_divergence.t == 5


def test_a_candidate_that_writes_into_what_it_is_given_harms_no_reference() -> None:
    def run(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        trace = layer.run(x, State(state.h.clone(), state.c.clone()), lengths)
        for given in (x, state.h, state.c):
            given.fill_(9.0)
        return trace

    assert all(each.agrees for each in compared(Fake(run)).values())


def test_rows_with_lengths_end_where_they_end() -> None:
    spec = Spec(dtype=Dtype.FLOAT64)
    found = compared(changing(lambda trace: Trace(trace.output, State(trace.final.h + 1))), spec, (12,), (12, 3))
    assert found["output"].agrees
    assert found["h_n"].first_divergence is not None
    assert found["h_n"].first_divergence.t in (11, 2)
    assert compared(load("scratch"), spec, (12,), (12, 3))["h_n"].agrees


def test_before_the_first_chunk_there_is_nothing_to_compare() -> None:
    assert {each.compared for each in compared(load("scratch"), chunks=()).values()} == {0}


def test_an_error_in_the_reverse_direction_is_placed_there() -> None:
    spec = Spec(bidirectional=True, num_layers=2, dtype=Dtype.FLOAT64)

    def change(output: Tensor) -> Tensor:
        output = output.clone()
        output[3, 1, 6] += 1.0
        return output

    found = compared(with_output(change), spec, (12,))
    assert found["output"].at == Place(t=3, batch=1, unit=2, layer=1, direction="reverse")


def test_a_state_is_cast_to_a_copy() -> None:
    state = initial_state(SPEC, 2)
    copy = state.to(SPEC.device, getattr(torch, SPEC.dtype))
    copy.h.zero_()
    assert state.h.all()
    assert state.to("cpu", torch.bfloat16).h.dtype == torch.bfloat16
