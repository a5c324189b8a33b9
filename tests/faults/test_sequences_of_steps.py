"""The faults around the cell do what their names say: each against torch.nn, given other things or put together so."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations

import pytest
import torch
from faults.scenes import scene
from torch import Tensor

from rnncheck.faults.catalogue import by_name
from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import Trace


def torchs(here: Scene, weights: Mapping[str, Tensor] | None = None, **options: int) -> torch.nn.RNNBase:
    spec = here.spec
    options = {"num_layers": spec.num_layers, "bidirectional": spec.bidirectional} | options
    layer = getattr(torch.nn, spec.cell.upper())(spec.input_size, spec.hidden_size, dtype=torch.float64, **options)
    layer.load_state_dict(dict(here.weights if weights is None else weights))
    assert isinstance(layer, torch.nn.RNNBase)
    return layer


def run(
    here: Scene, layer: torch.nn.RNNBase, x: Tensor | None = None, h: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The output and h_n."""
    h, c = here.state.h if h is None else h, here.state.c
    with torch.no_grad():
        output, final = layer(here.x if x is None else x, h if c is None else (h, c))
    return output, final if isinstance(final, Tensor) else final[0]


def faulty(name: str, here: Scene) -> Trace:
    return here.run(by_name(name, here.spec, lengths=here.lengths is not None).network(here.spec))


def assert_equal(found: Tensor, right: Tensor) -> None:
    torch.testing.assert_close(found, right, rtol=1e-12, atol=1e-12)


@pytest.fixture(params=Cell)
def one_way(request: pytest.FixtureRequest) -> Scene:
    return scene(Spec(request.param, 3, 4, dtype=Dtype.FLOAT64))


@pytest.fixture(params=Cell)
def two_ways(request: pytest.FixtureRequest) -> Scene:
    return scene(Spec(request.param, 3, 4, bidirectional=True, dtype=Dtype.FLOAT64))


RIGHT = {Cell.LSTM: "ifgo", Cell.GRU: "rzn"}
ORDERS = [(cell, "".join(order)) for cell, right in RIGHT.items() for order in list(permutations(right))[1:]]


@pytest.mark.parametrize(("cell", "order"), ORDERS)
def test_gates_in_another_order_are_torchs_with_its_rows_moved(cell: Cell, order: str) -> None:
    here = scene(Spec(cell, 3, 4, dtype=Dtype.FLOAT64))
    blocks = {name: dict(zip(order, value.split(4), strict=True)) for name, value in here.weights.items()}
    moved = {name: torch.cat([block[gate] for gate in RIGHT[cell]]) for name, block in blocks.items()}
    assert_equal(faulty(f"gate-order:{','.join(order)}", here).output, run(here, torchs(here, moved))[0])


def test_data_read_backwards(one_way: Scene) -> None:
    backwards, _ = run(one_way, torchs(one_way), one_way.x.flip(0))
    assert_equal(faulty("time-reversed", one_way).output, backwards)
    assert_equal(faulty("time-reversed:output put back", one_way).output, backwards.flip(0))


def test_outputs_in_reverse_order(one_way: Scene) -> None:
    output, final = run(one_way, torchs(one_way))
    assert_equal(faulty("output-reversed", one_way).output, output.flip(0))
    assert_equal(faulty("output-reversed", one_way).final.h, final)


def test_outputs_off_by_one(one_way: Scene) -> None:
    output, _ = run(one_way, torchs(one_way))
    assert_equal(faulty("output-off-by-one", one_way).output, torch.cat([one_way.state.h, output[:-1]]))
    assert_equal(faulty("output-off-by-one:one step early", one_way).output, torch.cat([output[1:], output[-1:]]))


def test_the_last_or_the_first_state_stands_at_every_timestep(one_way: Scene) -> None:
    output, h_n = run(one_way, torchs(one_way))
    aliased = faulty("output-aliases-state", one_way)
    assert_equal(aliased.output, output[-1:].expand_as(output))
    assert_equal(aliased.final.h, h_n)
    repeated = faulty("return-inside-loop:its state as every output", one_way)
    assert_equal(repeated.output, output[:1].expand_as(output))
    assert_equal(repeated.final.h[0], output[0])


def test_a_return_inside_the_loop_gives_one_timestep(one_way: Scene) -> None:
    output, _ = run(one_way, torchs(one_way))
    found = faulty("return-inside-loop", one_way)
    assert_equal(found.output, output[:1])
    assert_equal(found.final.h, output[:1])


def test_final_states_of_another_step(one_way: Scene) -> None:
    output, _ = run(one_way, torchs(one_way))
    assert_equal(faulty("final-state-wrong:one step early", one_way).final.h[0], output[-2])
    assert_equal(faulty("final-state-wrong:the initial state", one_way).final.h, one_way.state.h)
    assert_equal(faulty("final-state-wrong:at the first timestep", one_way).final.h[0], output[0])


def test_a_final_state_at_the_first_timestep_beside_a_cell_that_is_right() -> None:
    here = scene(Spec(Cell.LSTM, 3, 4, bidirectional=True, dtype=Dtype.FLOAT64))
    found, right = faulty("final-state-wrong:forward at the first timestep, h_n alone", here).final, here.right.final
    assert_equal(found.h, torch.stack([here.right.output[0, :, :4], right.h[1]]))
    assert found.c is not None
    assert right.c is not None
    assert_equal(found.c, right.c)


def test_a_reverse_direction_put_together_wrongly(two_ways: Scene) -> None:
    forward, reverse = run(two_ways, torchs(two_ways))[0].chunk(2, -1)
    together = {
        "directions-swapped": torch.cat([reverse, forward], -1),
        "reverse-not-flipped": torch.cat([forward, reverse.flip(0)], -1),
        "directions-summed": forward + reverse,
        "directions-summed:the mean": (forward + reverse) / 2,
    }
    for name, output in together.items():
        assert_equal(faulty(name, two_ways).output, output)


def test_a_reverse_direction_that_reads_forward_is_reversed_data_seen_backwards(two_ways: Scene) -> None:
    forward, _ = run(two_ways, torchs(two_ways))[0].chunk(2, -1)
    _, reverse = run(two_ways, torchs(two_ways), two_ways.x.flip(0))[0].chunk(2, -1)
    output = faulty("reverse-reads-forward", two_ways).output
    assert_equal(output, torch.cat([forward, reverse.flip(0)], -1))


def test_a_reverse_direction_with_the_forward_ones_weights(two_ways: Scene) -> None:
    shared = {name: two_ways.weights[name.removesuffix("_reverse")] for name in two_ways.weights}
    assert_equal(faulty("reverse-shares-weights", two_ways).output, run(two_ways, torchs(two_ways, shared))[0])


def test_a_reverse_final_state_taken_at_the_last_timestep(two_ways: Scene) -> None:
    _, reverse = run(two_ways, torchs(two_ways))[0].chunk(2, -1)
    assert_equal(faulty("final-state-wrong:reverse at the last timestep", two_ways).final.h[1], reverse[-1])


def test_stacks_that_pass_on_something_else() -> None:
    here = scene(Spec(Cell.GRU, 4, 4, num_layers=2, dtype=Dtype.FLOAT64))
    layers = []
    for k in range(2):
        own = {name.replace(f"_l{k}", "_l0"): value for name, value in here.weights.items() if name.endswith(f"_l{k}")}
        layers.append(torchs(here, own, num_layers=1))
    first, _ = run(here, layers[0], h=here.state.h[:1])
    late = torch.cat([torch.zeros_like(first[:1]), first[:-1]])
    read = {"layer-input-wrong": here.x, "layer-input-wrong:one step late": late}
    for name, x in read.items():
        assert_equal(faulty(name, here).output, run(here, layers[1], x, here.state.h[1:])[0])
    upper, _ = run(here, layers[1], first + here.x, here.state.h[1:])
    assert_equal(faulty("residual-connection", here).output, upper + first + here.x)
    shared = {name: here.weights[name.replace("_l1", "_l0")] for name in here.weights}
    assert_equal(faulty("layers-share-weights", here).output, run(here, torchs(here, shared))[0])
    assert_equal(faulty("option-ignored:num_layers", here).output, first)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_an_upper_layer_that_reads_the_state_below_before_its_step(bidirectional: bool) -> None:
    here = scene(Spec(Cell.RNN, 3, 4, num_layers=2, bidirectional=bidirectional, dtype=Dtype.FLOAT64))
    layers = []
    for k in range(2):
        own = {name.replace(f"_l{k}", "_l0"): value for name, value in here.weights.items() if f"_l{k}" in name}
        size = own["weight_ih_l0"].shape[1]
        one = replace(here, spec=replace(here.spec, num_layers=1, input_size=size), weights=own)
        layers.append(torchs(one))
    first, last = here.state.h.chunk(2)
    forward, *reverse = run(here, layers[0], h=first)[0].chunk(len(first), -1)
    before = [torch.cat([first[:1], forward[:-1]]), *(torch.cat([each[1:], first[1:]]) for each in reverse)]
    found = faulty("layer-input-wrong:the state before the step", here)
    assert_equal(found.output, run(here, layers[1], torch.cat(before, -1), last)[0])
    assert_equal(found.final.h[: len(first)], here.right.final.h[: len(first)])


def test_the_last_layers_outputs_alone_off_by_one() -> None:
    here = scene(Spec(Cell.GRU, 3, 4, num_layers=2, dtype=Dtype.FLOAT64))
    found = faulty("output-off-by-one:of the last layer alone", here)
    assert_equal(found.output, torch.cat([here.state.h[1:], here.right.output[:-1]]))
    assert_equal(found.final.h, here.right.final.h)


def test_upper_layers_that_are_one() -> None:
    here = scene(Spec(Cell.GRU, 3, 4, num_layers=3, dtype=Dtype.FLOAT64))
    shared = {name: here.weights[name.replace("_l2", "_l1")] for name in here.weights}
    found = faulty("layers-share-weights:the upper layers", here)
    assert_equal(found.output, run(here, torchs(here, shared))[0])


def test_states_given_to_the_wrong_layer() -> None:
    here = scene(Spec(Cell.RNN, 3, 4, num_layers=2, bidirectional=True, dtype=Dtype.FLOAT64))
    orders = {"layers": [2, 3, 0, 1], "directions": [1, 0, 3, 2], "direction before layer": [0, 2, 1, 3]}
    _, final = run(here, torchs(here))
    for name, order in orders.items():
        output, _ = run(here, torchs(here), h=here.state.h[order])
        assert_equal(faulty(f"layer-state-swapped:{name}", here).output, output)
        assert_equal(faulty(f"final-state-swapped:{name}", here).final.h, final[order])


def test_a_layer_that_begins_where_the_one_below_ended() -> None:
    here = scene(Spec(Cell.GRU, 3, 4, num_layers=2, dtype=Dtype.FLOAT64))
    _, final = run(here, torchs(here))
    output, _ = run(here, torchs(here), h=torch.stack([here.state.h[0], final[0]]))
    assert_equal(faulty("layer-state-swapped:where the layer below ended", here).output, output)


def test_a_reverse_direction_that_begins_where_the_forward_one_ended(two_ways: Scene) -> None:
    _, final = run(two_ways, torchs(two_ways))
    if two_ways.state.c is None:
        output, _ = run(two_ways, torchs(two_ways), h=torch.stack([two_ways.state.h[0], final[0]]))
        assert_equal(faulty("layer-state-swapped:reverse where forward ended", two_ways).output, output)


def test_batch_and_time(one_way: Scene) -> None:
    seq_len, batch_size, size = one_way.x.shape
    reshaped = one_way.x.transpose(0, 1).contiguous().view(seq_len, batch_size, size)
    assert_equal(faulty("batch-time-swapped:x reshaped", one_way).output, run(one_way, torchs(one_way), reshaped)[0])
    with torch.no_grad():
        swapped, _ = torchs(one_way, batch_first=True)(one_way.x)  # from zero states: those given do not fit
    assert_equal(faulty("batch-time-swapped", one_way).output, swapped)


def test_a_batch_whose_rows_are_mixed_after_every_step(one_way: Scene) -> None:
    h, c, layer = one_way.state.h, one_way.state.c, torchs(one_way)
    with torch.no_grad():
        for x in one_way.x:
            h, c = h.roll(1, 1), None if c is None else c.roll(1, 1)
            output, final = layer(x[None], h if c is None else (h, c))
            h, c = (final, None) if isinstance(final, Tensor) else final
    assert_equal(faulty("batch-mixed:the row above", one_way).output[-1:], output)


@pytest.mark.parametrize("cell", Cell)
def test_rows_that_end_early(cell: Cell) -> None:
    here = scene(Spec(cell, 3, 4, dtype=Dtype.FLOAT64), lengths=(3, 6, 2, 4))
    output, final = run(here, torchs(here))
    right = here.right
    assert_equal(faulty("option-ignored:lengths", here).output, output)
    advanced = faulty("padding-advances-state", here)
    assert_equal(advanced.output, right.output)
    assert_equal(advanced.final.h, final)
    unsorted = faulty("order-not-restored", here)
    order = [1, 3, 0, 2]
    assert_equal(unsorted.output, right.output[:, order])
    assert_equal(unsorted.final.h, right.final.h[:, order])
    assert_equal(faulty("final-state-at-padding", here).final.h[0], right.output[-1])
    assert_equal(faulty("padding-not-zeroed", here).output[-1], right.final.h[0])
