"""Gradients that are added up or carried back wrongly: the states are right, and one thing in the gradients is not."""

import pytest
import torch
from faults.scenes import scene

from rnncheck.faults.families import state_gradients, weight_gradients
from rnncheck.faults.families.state_gradients import without_final
from rnncheck.faults.families.weight_gradients import divided, reshaped
from rnncheck.faults.fault import Fault, near, same
from rnncheck.faults.handwritten import HandwrittenProduct
from rnncheck.model.spec import Cell, Spec

SPECS = [
    Spec(Cell.RNN, 4, 4),
    Spec(Cell.GRU),
    Spec(Cell.LSTM, 3, 3, bias=False),
    Spec(Cell.LSTM, num_layers=2, bidirectional=True, proj_size=2),
]


def variants(spec: Spec) -> list[Fault]:
    return [*weight_gradients.variants(spec), *state_gradients.variants(spec)]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_each_leaves_the_states_alone_and_shows_in_the_gradients(spec: Spec) -> None:
    here = scene(spec)
    every = variants(spec)
    assert len({fault.title for fault in every}) == len(every)
    for fault in every:
        assert same(here.run(fault.network(spec)), here.right), fault.title
        found = here.gradients(fault.network(spec))
        wrong = {name for name, right in here.right_gradients.items() if not near(found[name], right)}
        assert wrong, fault.title
        if fault.slug == "weight-gradient-wrong":
            assert not wrong & {"x", "h0", "c0"}, fault.title


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_each_has_gradients_of_its_own(spec: Spec) -> None:
    """Two that give the same gradients would be one fault under two names."""
    here = scene(spec)
    found = {fault.title: here.gradients(fault.network(spec)) for fault in variants(spec)}
    titles = list(found)
    for k, one in enumerate(titles):
        for other in titles[:k]:
            assert not all(near(found[one][name], each) for name, each in found[other].items()), (one, other)


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize(
    "network",
    [
        HandwrittenProduct,
        divided(("W_ih", "W_hh", "b_ih", "b_hh"), lambda steps, rows: 1),
        reshaped(("W_ih", "W_hh", "W_hr"), lambda gradient: gradient),
        without_final(),
    ],
    ids=["recurrent", "divided", "reshaped", "final"],
)
def test_what_changes_nothing_has_the_right_gradients(spec: Spec, network: type) -> None:
    here = scene(spec)
    found = here.gradients(network(spec))
    assert all(near(found[name], right) for name, right in here.right_gradients.items())


def test_weights_are_averaged_over_the_batch_and_inputs_are_not() -> None:
    here, spec = scene(SPECS[0]), SPECS[0]
    fault = next(each for each in variants(spec) if each.variant == "weights and biases: divided by the batch size")
    found = here.gradients(fault.network(spec))
    for name, right in here.right_gradients.items():
        assert torch.allclose(found[name] * (1 if name in ("x", "h0") else here.batch_size), right), name
