"""The canonical weights are torch's own at float32, with digits beyond."""

import pytest
import torch

from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.weights import Weights, draw

LAYERS = {Cell.RNN: torch.nn.RNN, Cell.LSTM: torch.nn.LSTM, Cell.GRU: torch.nn.GRU}
WIDE = Spec(cell=Cell.LSTM, input_size=7, hidden_size=6, num_layers=2, bidirectional=True, proj_size=2, head="softmax")


@pytest.mark.parametrize("cell", Cell)
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("proj_size", [0, 2])
def test_weights_are_torchs_own_at_float32(
    cell: Cell, num_layers: int, bidirectional: bool, bias: bool, proj_size: int
) -> None:
    projection = {"proj_size": proj_size} if cell is Cell.LSTM else {}
    spec = Spec(cell, 3, 5, num_layers, bias=bias, bidirectional=bidirectional, **projection)
    with torch.random.fork_rng():
        torch.manual_seed(11 + 1)
        layer = LAYERS[cell](3, 5, num_layers, bias=bias, bidirectional=bidirectional, **projection)
    drawn = draw(spec, 11).cast(spec)
    assert list(drawn) == list(layer.state_dict())
    for name, value in layer.state_dict().items():
        assert torch.equal(drawn[name], value), name


def test_a_head_is_the_linear_layer_that_torch_makes_after_it() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        torch.nn.LSTM(7, 6, 2, bidirectional=True, proj_size=2)
        head = torch.nn.Linear(4, 6)
    drawn = draw(WIDE, 0).cast(WIDE)
    assert torch.equal(drawn["weight_hy"], head.weight)
    assert torch.equal(drawn["bias_y"], head.bias)


def test_the_master_copy_has_digits_that_float32_lacks_in_every_parameter() -> None:
    for name, value in draw(WIDE, 0).values.items():
        assert value.dtype is torch.float64
        assert (value != value.float().double()).float().mean() > 0.8, name


def test_drawing_leaves_torchs_global_generator_alone() -> None:
    before = torch.get_rng_state()
    draw(WIDE, 0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", Dtype)
def test_a_cast_is_a_copy_even_where_nothing_needs_converting(dtype: Dtype) -> None:
    spec = Spec(dtype=dtype)
    weights = draw(spec, 0)
    cast, again = weights.cast(spec), weights.cast(spec)
    for name, value in cast.items():
        assert value.dtype is getattr(torch, dtype)
        value.zero_()
        assert again[name].any(), name
        assert weights.values[name].any(), name


def test_scaling_multiplies_the_recurrent_weights_and_nothing_else() -> None:
    weights = draw(WIDE, 0)
    scaled = weights.scaled(4)
    assert list(scaled.values) == list(weights.values)
    for name, value in weights.values.items():
        assert torch.equal(scaled.values[name], value * (4 if name.startswith("weight_hh") else 1)), name


def test_scaling_leaves_the_original_as_it_was() -> None:
    weights = draw(WIDE, 0)
    weights.scaled(4)
    assert torch.equal(weights.values["weight_hh_l0"], draw(WIDE, 0).values["weight_hh_l0"])
    assert weights.scaled(1) is weights


def test_no_parameter_can_be_put_in_another_ones_place() -> None:
    values = {"weight_ih_l0": torch.ones(1, dtype=torch.float64)}
    weights = Weights(values)
    with pytest.raises(TypeError):
        weights.values["weight_ih_l0"] = torch.zeros(1)  # type: ignore[index]
    values.clear()
    assert list(weights.values) == ["weight_ih_l0"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_parameters_that_are_not_finite_are_named(value: float) -> None:
    values = dict(draw(Spec(), 0).values)
    assert Weights(values).nonfinite() == []
    values["bias_hh_l0"] = torch.tensor([0.0, 0.0, 0.0, value], dtype=torch.float64)
    assert Weights(values).nonfinite() == ["bias_hh_l0"]
