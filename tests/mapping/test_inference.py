"""Whatever the style of a candidate and whatever is wrong with it, each of its tensors is found for what it is."""

import random

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping.generated import Layout, any_layout, native, restored

from rnncheck.mapping import FoundMapping, infer
from rnncheck.scratch.network import Network
from rnncheck.spec import Cell, Dtype, Spec
from rnncheck.weights import draw

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


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(CELLS), st.integers(0, 10**6))
def test_a_right_layer_of_any_style_is_read_without_an_error(spec: Spec, seed: int) -> None:
    layout = any_layout(spec, random.Random(seed))
    mapping = infer(lambda asked: native(asked, layout, seed=seed), spec)
    assert misread(mapping, layout, seed=seed) == []


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(CELLS), st.integers(0, 10**6))
def test_so_is_one_that_takes_no_initial_state(spec: Spec, seed: int) -> None:
    layout = any_layout(spec, random.Random(seed))
    mapping = infer(lambda asked: native(asked, layout, seed=seed, takes_state=False), spec)
    assert misread(mapping, layout, seed=seed) == []
