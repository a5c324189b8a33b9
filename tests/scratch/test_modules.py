"""The modules take the place of torch.nn's: constructor, parameters, initial values, dropout, copies."""

import copy
import inspect
import io
import warnings

import pytest
import torch
from scratch.pairs import CELLS, assert_same, pair

from rnncheck import scratch

OPTIONS = [
    {},
    {"num_layers": 2, "bidirectional": True},
    {"bias": False, "batch_first": True},
    {"num_layers": 2, "dropout": 0.5},
]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_parameters_have_torch_s_names_shapes_order_and_initial_values(cell: str, options: dict[str, object]) -> None:
    states = []
    for module in (scratch, torch.nn):
        torch.manual_seed(7)
        states.append(getattr(module, cell)(3, 4, **options).state_dict())
    ours, theirs = states
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_projection_has_torch_s_parameters_too(bidirectional: bool) -> None:
    states = []
    for module in (scratch, torch.nn):
        torch.manual_seed(7)
        states.append(module.LSTM(3, 4, 2, proj_size=2, bidirectional=bidirectional).state_dict())
    ours, theirs = states
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("cell", CELLS)
def test_state_dicts_load_both_ways(cell: str) -> None:
    ours, theirs = getattr(scratch, cell)(3, 4, 2), getattr(torch.nn, cell)(3, 4, 2)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(5, 2, 3)
    torch.testing.assert_close(ours(x)[0], theirs(x)[0])
    again = getattr(scratch, cell)(3, 4, 2)
    again.load_state_dict(theirs.state_dict())
    assert torch.equal(again(x)[0], ours(x)[0])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_layer_prints_as_torch_s(cell: str, options: dict[str, object]) -> None:
    assert repr(getattr(scratch, cell)(3, 4, **options)) == repr(getattr(torch.nn, cell)(3, 4, **options))


@pytest.mark.parametrize("cell", CELLS)
def test_arguments_go_by_position_as_torch_documents_them(cell: str) -> None:
    position = (3, 4, 2, *(["relu"] if cell == "RNN" else []), False, True, 0.25, True)
    ours, theirs = getattr(scratch, cell)(*position), getattr(torch.nn, cell)(*position)
    for name in ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"):
        assert getattr(ours, name) == getattr(theirs, name)
    names = [each.name for each in inspect.signature(getattr(scratch, cell)).parameters.values()]
    assert names[-2:] == ["device", "dtype"]


@pytest.mark.parametrize("cell", CELLS)
def test_dropout_drops_what_torch_drops_when_the_seed_is_the_same(cell: str) -> None:
    both = pair(cell, 3, 8, num_layers=3, dropout=0.5, bidirectional=True)
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    results = []
    for layer in (both.ours, both.theirs):
        torch.manual_seed(1)
        results.append([layer(x)[0].detach()])
    assert_same(*results)
    assert not torch.equal(both.ours(x)[0], both.ours(x)[0])


@pytest.mark.parametrize("cell", CELLS)
def test_dropout_does_nothing_in_eval_mode_and_everything_at_one(cell: str) -> None:
    both = pair(cell, 3, 8, num_layers=2, dropout=0.5)
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    assert_same([both.ours.eval()(x)[0]], [both.theirs.eval()(x)[0]])
    both = pair(cell, 3, 8, num_layers=2, dropout=1.0)
    assert_same([both.ours(x)[0]], [both.theirs(x)[0]])


@pytest.mark.parametrize("cell", CELLS)
def test_dropout_with_one_layer_warns_as_torch_does(cell: str) -> None:
    with warnings.catch_warnings(record=True) as theirs:
        warnings.simplefilter("always")
        getattr(torch.nn, cell)(3, 4, dropout=0.5)
    with warnings.catch_warnings(record=True) as ours:
        warnings.simplefilter("always")
        layer = getattr(scratch, cell)(3, 4, dropout=0.5)
    assert [str(each.message) for each in ours] == [str(each.message) for each in theirs]
    assert ours[0].filename == __file__
    x = torch.randn(5, 2, 3)
    assert torch.equal(layer(x)[0], layer(x)[0])


@pytest.mark.parametrize("cell", CELLS)
def test_a_layer_survives_deepcopy_saving_and_a_change_of_dtype(cell: str) -> None:
    layer, x = getattr(scratch, cell)(3, 4, 2), torch.randn(5, 2, 3)
    assert torch.equal(copy.deepcopy(layer)(x)[0], layer(x)[0])
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    assert torch.equal(torch.load(file, weights_only=False)(x)[0], layer(x)[0])
    torch.testing.assert_close(copy.deepcopy(layer).double()(x.double())[0], layer(x)[0].double())


@pytest.mark.parametrize("cell", CELLS)
def test_weights_can_be_swapped_in_a_functional_call(cell: str) -> None:
    both = pair(cell, 3, 4)
    other = {name: weight + 0.1 for name, weight in both.ours.state_dict().items()}
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    ours, theirs = (torch.func.functional_call(layer, other, (x,))[0] for layer in (both.ours, both.theirs))
    assert_same([ours], [theirs])
