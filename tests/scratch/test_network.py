"""The network as a pure function, with lengths, states of every step, and a head; and as a template to override."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scratch.pairs import assert_same
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State
from rnncheck.scratch import InPlaceNetwork, Network
from rnncheck.scratch.network import Carry

NETWORKS = [Network, InPlaceNetwork]
SPECS = [
    Spec(Cell.RNN, 3, 4, 2, bidirectional=True),
    Spec(Cell.RNN, 3, 4, nonlinearity="relu", bias=False),
    Spec(Cell.LSTM, 3, 4, 2, bidirectional=True, proj_size=2),
    Spec(Cell.LSTM, 3, 4),
    Spec(Cell.GRU, 3, 4, 2, bidirectional=True),
]


def weights_of(spec: Spec, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(shape, generator=draw, dtype=torch.float64).to(dtype) / 2
        for name, shape in spec.parameter_shapes().items()
    }


def start_of(spec: Spec, rows: int) -> State:
    draw = torch.Generator().manual_seed(1)
    k = spec.num_layers * spec.directions
    h, c = (torch.randn(k, rows, n, generator=draw, dtype=torch.float64) for n in (spec.state_size, spec.hidden_size))
    return State(h, c if spec.cell is Cell.LSTM else None)


def x_of(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def torch_layer(spec: Spec, weights: dict[str, Tensor]) -> torch.nn.Module:
    options = {"nonlinearity": spec.nonlinearity} if spec.cell is Cell.RNN else {}
    if spec.proj_size:
        options["proj_size"] = spec.proj_size
    layer = getattr(torch.nn, spec.cell.upper())(
        spec.input_size, spec.hidden_size, spec.num_layers, bias=spec.bias, bidirectional=spec.bidirectional,
        dtype=torch.float64, **options,
    )  # fmt: skip
    layer.load_state_dict(weights)
    return layer


def tensors(state: State) -> list[Tensor]:
    return [state.h] if state.c is None else [state.h, state.c]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("spec", SPECS, ids=str)
@settings(max_examples=15, deadline=None)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_lengths_give_what_packing_and_padding_give(network: type[Network], spec: Spec, lengths: list[int]) -> None:
    weights, x, start = weights_of(spec), x_of(6, len(lengths), 3), start_of(spec, len(lengths))
    trace = network(spec).run(weights, x, start, lengths)
    hx = start.h if start.c is None else (start.h, start.c)
    with torch.no_grad():
        packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
        output, final = torch_layer(spec, weights)(packed, hx)
    padded, _ = pad_packed_sequence(output, total_length=6)
    assert_same([trace.output, *tensors(trace.final)], [padded, *([final] if isinstance(final, Tensor) else final)])


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_row_of_length_zero_ends_as_it_started(spec: Spec) -> None:
    start = start_of(spec, 2)
    trace = Network(spec).run(weights_of(spec), x_of(5, 2, 3), start, torch.tensor([0, 5]))
    assert torch.equal(trace.output[:, 0], torch.zeros_like(trace.output[:, 0]))
    assert all(torch.equal(a[:, 0], b[:, 0]) for a, b in zip(tensors(trace.final), tensors(start), strict=True))


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_nan_in_the_padding_reaches_neither_states_nor_gradients(spec: Spec) -> None:
    weights = {name: weight.requires_grad_() for name, weight in weights_of(spec).items()}
    x = x_of(5, 2, 3)
    x[3:, 0] = torch.nan
    trace = Network(spec).run(weights, x.requires_grad_(), None, [3, 5])
    gradients = torch.autograd.grad(trace.output.square().sum() + trace.final.h.sum(), [x, *weights.values()])
    assert all(bool(tensor.isfinite().all()) for tensor in (trace.output, trace.final.h, *gradients))


@pytest.mark.parametrize("lengths", [[3], [3, 6], [-1, 2], [2.0, 3.0], [[1, 2]]], ids=str)
def test_lengths_that_do_not_fit_are_refused(lengths: Sequence[int]) -> None:
    with pytest.raises(ValueError, match="they must be 2 whole numbers, one per row, from 0 to 5"):
        Network(SPECS[0]).run(weights_of(SPECS[0]), x_of(5, 2, 3), None, lengths)


@pytest.mark.parametrize("shape", [(5, 3), (5, 2, 4), (0, 2, 3)], ids=str)
def test_an_x_that_does_not_fit_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"it must be \(T, B, 3\), with T at least 1"):
        Network(SPECS[0]).run(weights_of(SPECS[0]), x_of(*shape))


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("lengths", [None, [3, 5]])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_states_of_every_step_hold_the_outputs_and_the_final_states(
    spec: Spec, lengths: list[int] | None, network: type[Network]
) -> None:
    weights, x, start = weights_of(spec), x_of(5, 2, 3), start_of(spec, 2)
    states, trace = network(spec).states(weights, x, start, lengths), Network(spec).run(weights, x, start, lengths)
    for every, final in zip(tensors(states), tensors(trace.final), strict=True):
        assert every.shape == (len(final), 5, *final.shape[1:])
        for k in range(len(final)):
            assert torch.equal(every[k, 0 if k % spec.directions else -1], final[k])
    top = torch.cat(list(states.h[-spec.directions :]), -1)
    for row, length in enumerate(lengths or [5, 5]):
        assert torch.equal(top[:length, row], trace.output[:length, row])


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("cell", Cell)
def test_the_head_is_a_softmax_of_its_own_product(cell: Cell, network: type[Network]) -> None:
    spec = Spec(cell, 3, 4, bidirectional=True, head="softmax")
    weights = weights_of(spec)
    trace = network(spec).run(weights, x_of(5, 2, 3))
    scores = torch.exp(trace.output @ weights["weight_hy"].t() + weights["bias_y"])
    assert trace.y is not None
    assert trace.y.shape == (5, 2, 4)
    assert_same([trace.y], [scores / scores.sum(-1, keepdim=True)])


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_graph_grows_by_the_same_few_nodes_with_every_timestep(spec: Spec) -> None:
    """An index into time would cost a whole (T, B, G*H) of zeros for every t: quadratic."""

    def nodes(timesteps: int) -> list[str]:
        weights = {name: weight.requires_grad_() for name, weight in weights_of(spec).items()}
        found, todo = set(), [Network(spec).run(weights, x_of(timesteps, 2, 3)).output.grad_fn]
        while todo:
            node = todo.pop()
            if node is not None and node not in found:
                found.add(node)
                todo += [following for following, _ in node.next_functions]
        return [node.name() for node in found]

    four, eight, twelve = nodes(4), nodes(8), nodes(12)
    assert len(eight) - len(four) == len(twelve) - len(eight)
    assert not [name for name in twelve if "Select" in name or "Slice" in name or "Index" in name]


def test_one_overridden_step_changes_every_layer_direction_and_timestep() -> None:
    class NoRecurrence(Network):
        def step(self, w: object, p: Tensor, carry: Carry) -> Carry:
            return super().step(w, p, tuple(torch.zeros_like(each) for each in carry))

    spec = SPECS[0]
    weights, x = weights_of(spec), x_of(5, 2, 3)
    together = NoRecurrence(spec).run(weights, x).output
    alone = torch.cat([Network(spec).run(weights, x[t : t + 1]).output for t in range(5)])
    assert_same([together], [alone])


def test_weights_that_lack_a_layer_are_refused_by_name() -> None:
    weights = weights_of(SPECS[0])
    del weights["weight_hh_l1"]
    with pytest.raises(KeyError, match="weight_hh_l1"):
        Network(SPECS[0]).run(weights, x_of(5, 2, 3))
