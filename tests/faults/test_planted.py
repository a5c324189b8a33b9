"""A planted fault is a layer like any other: it holds its weights, runs at its dtype, and can be differentiated."""

import pytest
import torch

from rnncheck.checking.check import check
from rnncheck.checking.examine import build_synced
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.faults.catalogue import by_name
from rnncheck.faults.planted import Planted
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.weights import draw
from rnncheck.report import Verdict
from rnncheck.scratch.network import Network


@pytest.mark.sample(2)
@pytest.mark.parametrize("cell", Cell)
@pytest.mark.parametrize("dtype", [Dtype.FLOAT64, Dtype.BFLOAT16])
def test_a_network_without_a_fault_is_a_right_layer_with_right_gradients(cell: Cell, dtype: Dtype) -> None:
    report = check(
        Plan(
            Spec(cell, num_layers=2, bidirectional=True, dtype=dtype, head="softmax"),
            random_sequences(3, 5, 2),
            Planted("none", Network),
            backward=True,
            witness=False,
        )
    )
    assert report.verdict is Verdict.EQUIVALENT
    assert any(each.quantity == "grad weight_hh_l1_reverse" for each in report.comparisons)


def test_it_holds_the_weights_bit_for_bit_and_offers_them_for_training() -> None:
    spec = Spec(Cell.GRU, head="softmax")
    weights = draw(spec, seed=3)
    layer = build_synced(Planted("none", Network), spec, weights)
    assert set(layer.parameters()) == set(spec.parameter_shapes())
    leaves = layer.leaves()
    assert leaves is not None
    assert set(leaves) == set(spec.recurrent_shapes())
    assert all(leaf.is_leaf and leaf.requires_grad for leaf in leaves.values())
    assert torch.equal(leaves["weight_hh_l0"].double(), weights.values["weight_hh_l0"].float().double())


def test_a_fault_is_a_mismatch_under_its_name() -> None:
    spec = Spec(Cell.LSTM)
    candidate = Planted("no-recurrence", by_name("no-recurrence", spec).network)
    report = check(Plan(spec, random_sequences(3, 5, 2), candidate))
    assert report.verdict is Verdict.MISMATCH
    assert report.candidate.name == "fault:no-recurrence"
