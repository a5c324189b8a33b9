"""Whatever the style of a candidate and whatever is wrong with it, each of its tensors is found for what it is."""

import random
from dataclasses import replace

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mapping.fake_native import FakeNative, facts
from mapping.generated import Layout, any_layout, native, restored

from rnncheck.faults.catalogue import faults_of
from rnncheck.faults.fault import Fault
from rnncheck.mapping import FoundMapping, MappingError, infer, names
from rnncheck.mapping.expression import GATES
from rnncheck.mapping.probe import zeros
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import draw
from rnncheck.scratch.network import Network

CELLS = [Spec(cell=cell, dtype=Dtype.FLOAT64) for cell in Cell]


def misread(mapping: FoundMapping, layout: Layout, network: type[Network] = Network, *, seed: int = 0) -> list[str]:
    """The canonical weights that the filled candidate does not hold as they were meant."""
    spec = mapping.spec
    made = native(spec, layout, network, seed=seed)
    weights = mapping.restrict(draw(spec, 1))
    with torch.no_grad():
        mapping.fill(made, weights.values)
    held = restored(spec, layout, {name: made.held[own] for name, own in made.renamed.items()})
    wrong = [name for name, value in weights.values.items() if "weight" in name and not torch.equal(held[name], value)]
    for name in held:
        if name.startswith("bias_ih"):
            other = name.replace("ih", "hh")
            found = _separate(spec, held[name], held[other])
            if not torch.allclose(found, _separate(spec, weights.values[name], weights.values[other]), atol=1e-15):
                wrong.append(name)
    return wrong


def _separate(spec: Spec, b_ih: torch.Tensor, b_hh: torch.Tensor) -> torch.Tensor:
    """What of two biases makes a difference: their sum, and for the GRU's n the second alone too."""
    return torch.cat([b_ih + b_hh, b_hh[2 * len(b_hh) // 3 :]]) if spec.cell is Cell.GRU else b_ih + b_hh


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(CELLS), st.integers(0, 10**6))
def test_a_right_layer_of_any_style_is_read_without_an_error(spec: Spec, seed: int) -> None:
    layout = any_layout(spec, random.Random(seed))
    mapping = infer(lambda asked: native(asked, layout, seed=seed), spec)
    assert misread(mapping, layout, seed=seed) == []


@settings(max_examples=20, deadline=None)
@example(CELLS[1], 268)  # where the forget gate, with c0 zero, has no use for x
@given(st.sampled_from(CELLS), st.integers(0, 10**6))
def test_so_is_one_that_takes_no_initial_state(spec: Spec, seed: int) -> None:
    layout = any_layout(spec, random.Random(seed))
    mapping = infer(lambda asked: native(asked, layout, seed=seed, takes_state=False), spec)
    assert misread(mapping, layout, seed=seed) == []


# Faults that, behind names of its own, are another way to store the same layer, and one that makes two gates alike.
RELABELLED = {"gate-order", "recurrent-weight-transposed", "input-and-recurrent-swapped", "gates-share-weights"}


def planted(spec: Spec) -> list[Fault]:
    return [each for each in faults_of(spec) if each.shows_in == "states" and each.slug not in RELABELLED]


@settings(max_examples=4, deadline=None)
@given(st.sampled_from(CELLS), st.integers(0, 10**6))
def test_a_fault_does_not_hide_what_the_tensors_are(spec: Spec, seed: int) -> None:
    choose = random.Random(seed)
    fault = choose.choice([each for each in planted(spec) if each.slug not in UNDECIDABLE])
    layout = replace(any_layout(spec, choose), named=True)
    mapping = infer(lambda asked: native(asked, layout, fault.mixin, seed=seed), spec)
    assert [name for name in misread(mapping, layout, fault.mixin, seed=seed) if name.startswith("weight")] == []


# Where i and g act alike (σ(i) σ(g), tanh(i) tanh(g)), or a weight is cut up anew, nothing tells what was meant.
UNDECIDABLE = {"wrong-nonlinearity", "input-weight-transposed"}


@pytest.mark.parametrize("spec", CELLS[1:], ids=lambda spec: spec.cell)
def test_an_own_order_of_gates_is_a_convention_and_is_told(spec: Spec) -> None:
    order = {Cell.LSTM: ("i", "o", "f", "g"), Cell.GRU: ("z", "n", "r")}[spec.cell]
    mapping = infer(lambda asked: native(asked, Layout(order, named=False)), spec)
    assert mapping.conventions == [f"its gate order is {', '.join(order)}"]


@pytest.mark.parametrize("takes_state", [True, False])
@pytest.mark.parametrize("cell", Cell)
def test_two_layers_in_two_directions_are_told_apart_without_names(cell: Cell, takes_state: bool) -> None:
    spec = Spec(cell=cell, num_layers=2, bidirectional=True, dtype=Dtype.FLOAT64)
    layout = Layout(GATES[cell][::-1], named=False, biases="one")
    mapping = infer(lambda asked: native(asked, layout, takes_state=takes_state), spec)
    assert misread(mapping, layout) == []


@pytest.mark.parametrize("joined", ["", "hx"])
def test_rows_of_gates_dealt_out_in_turn_are_put_in_their_places(joined: str) -> None:
    layout = Layout(("f", "i", "o", "g"), transposed=True, joined=joined, biases="one", interleaved=True)
    assert misread(infer(lambda asked: native(asked, layout), CELLS[1]), layout) == []


def test_torch_s_own_names_are_taken_at_their_word() -> None:
    order = ("i", "o", "f", "g")
    layout = Layout(order)

    def renamed(asked: Spec) -> FakeNative:
        """Reads its gates in another order, behind torch's names."""
        made = native(asked, layout)
        torch_s = dict(zip(made.held, ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"], strict=True))
        made.held = {torch_s[own]: tensor for own, tensor in made.held.items()}
        return made

    mapping = infer(renamed, CELLS[1])
    assert {name: (str(each.expression), each.how) for name, each in mapping.entries.items()} == {
        name: (name, "name") for name in CELLS[1].recurrent_shapes()
    }
    assert mapping.conventions == mapping.notes == []


def test_sizes_that_cannot_be_chosen_are_no_obstacle() -> None:
    spec = Spec(cell=Cell.LSTM, input_size=4, hidden_size=4, dtype=Dtype.FLOAT64)

    def stubborn(asked: Spec) -> FakeNative:
        if (asked.input_size, asked.hidden_size) != (4, 4):
            raise AssertionError("only 4 will do")
        return native(asked, layout)

    layout = Layout(("f", "g", "i", "o"), transposed=True, named=False)
    assert misread(infer(stubborn, spec), layout) == []
    layout = replace(layout, joined="hx")
    assert misread(infer(stubborn, spec), layout) == []


def test_a_gru_with_one_bias_is_compared_without_the_one_it_lacks() -> None:
    spec = CELLS[2]
    mapping = infer(lambda asked: native(asked, Layout(GATES[Cell.GRU], biases="one")), spec)
    weights = draw(spec, 0)
    restricted = mapping.restrict(weights)
    assert restricted.values["bias_hh_l0"][-4:].tolist() == [0, 0, 0, 0]
    assert torch.equal(restricted.values["bias_hh_l0"][:-4], weights.values["bias_hh_l0"][:-4])
    assert all(
        torch.equal(value, restricted.values[name]) for name, value in mapping.restrict(restricted).values.items()
    )
    assert mapping.restrictions == ["it has no tensor for bias_hh_l0[n], which is zero on both sides"]


def test_a_layer_without_a_bias_is_compared_without() -> None:
    mapping = infer(lambda asked: native(asked, Layout((), biases="none")), CELLS[0])
    assert not any(value.any() for name, value in mapping.restrict(draw(CELLS[0], 0)).values.items() if "bias" in name)
    assert mapping.restrictions == ["it has no tensor for any bias, so all biases are zero on both sides"]


def test_a_weight_that_nothing_reads_has_its_place_by_shape_and_name_and_is_told_to_be_dead() -> None:
    mapping = infer(lambda asked: native(asked, Layout(()), fault("no-recurrence", CELLS[0])), CELLS[0])
    dead = mapping.entries["W_h_l0"]
    assert (str(dead.expression), dead.how) == ("weight_hh_l0", "shape")
    assert [(each.slug, each.message) for each in mapping.findings] == [
        ("dead-parameter", "W_h_l0 does not affect the output: other values of weight_hh_l0 change nothing.")
    ]


def fault(slug: str, spec: Spec) -> type[Network]:
    return next(each.mixin for each in faults_of(spec) if each.slug == slug)


def test_a_layer_that_multiplies_nothing_by_its_state_cannot_be_mapped() -> None:
    def made(asked: Spec) -> FakeNative:
        weight = torch.randn(asked.hidden_size, asked.input_size, dtype=torch.float64)

        def run(x: torch.Tensor, state: State) -> Trace:
            output = torch.tanh(x @ weight.t())
            return Trace(output, State(output[-1:]))

        return FakeNative(asked, {"W": weight}, run, facts())

    with pytest.raises(
        MappingError, match="no tensor of the candidate holds weight_hh_l0 in a layout that rnncheck knows: none of"
    ):
        infer(made, CELLS[0])


def test_numpy_arrays_are_differentiated_by_trying() -> None:
    layout = Layout(("g", "i", "o", "f"), transposed=True, named=False)

    def detached(asked: Spec) -> FakeNative:
        made = native(asked, layout)
        run = made.running

        def in_numpy(x: torch.Tensor, state: State) -> Trace:
            with torch.no_grad():
                return run(x, state)

        made.running = in_numpy
        return made

    assert misread(infer(detached, CELLS[1]), layout) == []


def test_gradients_by_the_canonical_weights_pass_through_a_filled_candidate() -> None:
    layout = Layout(("g", "i", "o", "f"), joined="xh", biases="one")
    spec = CELLS[1]
    mapping = infer(lambda asked: native(asked, layout), spec)
    made = native(spec, layout)
    leaves = {name: value.clone().requires_grad_() for name, value in draw(spec, 0).values.items()}
    mapping.fill(made, leaves)
    x = torch.randn(3, 2, 3, dtype=torch.float64)
    made.run(x, zeros(spec, 2)).output.sum().backward()
    gradients = {name: leaf.grad.clone() for name, leaf in leaves.items()}
    for leaf in leaves.values():
        leaf.grad = None
    Network(spec).run(leaves, x).output.sum().backward()
    assert all(torch.allclose(gradients[name], leaf.grad, atol=1e-12) for name, leaf in leaves.items())


def test_the_blocks_of_one_bias_stand_on_one_side_even_where_only_one_is_read() -> None:
    layout = Layout(("i", "g", "o", "f"), biases="one")
    mapping = infer(lambda asked: native(asked, layout, fault("scalar-bias", CELLS[1])), CELLS[1])
    assert str(mapping.entries["b_x_l0"].expression) == "bias_ih_l0[i,g,o,f] + bias_hh_l0[i,g,o,f]"


@pytest.mark.parametrize("cell", list(Cell))
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("takes_state", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_the_output_alone_shows_where_every_weight_of_every_layer_is(
    cell: Cell, layers: int, takes_state: bool, named: bool
) -> None:
    spec = Spec(cell=cell, num_layers=layers, dtype=Dtype.FLOAT64)
    layout = Layout(GATES[cell], named=named)
    mapping = infer(lambda asked: native(asked, layout, takes_state=takes_state, exposes=("output",)), spec)
    assert (misread(mapping, layout), mapping.absent()) == ([], {})


def test_a_gate_before_the_side_is_no_name_of_torchs() -> None:
    assert [names.side(each) for each in ("W_i_h", "W_i_x", "W_ih", "W_hh", "W_x_h")] == ["h", "x", "x", "h", "x"]
