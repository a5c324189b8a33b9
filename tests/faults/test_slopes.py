"""Gradients that lack one factor: the states are right, the gradients are wrong, and without it they are right."""

import pytest
from faults.scenes import scene

from rnncheck.faults.families import slopes
from rnncheck.faults.fault import near, same
from rnncheck.model.spec import Cell, Spec

SPECS = [
    Spec(Cell.RNN),
    Spec(Cell.RNN, nonlinearity="relu"),
    Spec(Cell.GRU),
    Spec(Cell.LSTM, num_layers=2, bidirectional=True, proj_size=2),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_each_leaves_the_states_alone_and_shows_in_the_gradients(spec: Spec) -> None:
    here = scene(spec)
    every = list(slopes.variants(spec))
    assert len({fault.title for fault in every}) == len(every)
    for fault in every:
        assert same(here.run(fault.network(spec)), here.right), fault.title
        found = here.gradients(fault.network(spec))
        assert not all(near(found[name], right) for name, right in here.right_gradients.items()), fault.title


@pytest.mark.parametrize(("spec", "method"), [(SPECS[3], "new_cell"), (SPECS[3], "new_hidden"), (SPECS[2], "mix")])
def test_products_that_lack_nothing_have_the_right_gradients(spec: Spec, method: str) -> None:
    here = scene(spec)
    found = here.gradients(slopes.multiplying(method, {})(spec))
    assert all(near(found[name], right) for name, right in here.right_gradients.items())
