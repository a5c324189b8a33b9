"""A mapping read backwards gives torch's weights back, or says what torch's layer cannot hold."""

import pytest
import torch

from rnncheck.errors import WeightsError
from rnncheck.mapping.expression import evaluate
from rnncheck.mapping.inverse import inverse
from rnncheck.mapping.toml_file import parse
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.weights import draw

H, X = 4, 3
LSTM, GRU, RNN = (Spec(cell=cell, input_size=X, hidden_size=H) for cell in (Cell.LSTM, Cell.GRU, Cell.RNN))
PROJECTED = Spec(cell=Cell.LSTM, input_size=X, hidden_size=H, proj_size=2, bias=False)
Tensors = dict[str, tuple[str, tuple[int, ...]]]

WHOLE: dict[str, tuple[Spec, Tensors]] = {
    "by gate, transposed": (
        LSTM,
        {
            **{f"Wx{g}": (f"weight_ih_l0[{g}].T", (X, H)) for g in "ifgo"},
            "Wh": ("weight_hh_l0[o,g,f,i]", (4 * H, H)),
            **{f"b{g}": (f"bias_ih_l0[{g}]", (H,)) for g in "ifgo"},
            "c": ("bias_hh_l0", (4 * H,)),
        },
    ),
    "side by side, with a bias as a column": (
        RNN,
        {
            "W": ("cat(weight_hh_l0, weight_ih_l0, column(bias_ih_l0), dim=1)", (H, H + X + 1)),
            "b": ("reshape(bias_hh_l0)", (1, H)),
        },
    ),
    "in turn, and stacked": (
        GRU,
        {
            "W": ("interleaved(weight_ih_l0)", (3 * H, X)),
            "U": ("reshape(weight_hh_l0[z,r,n])", (3, H, H)),
            "b": ("interleaved(bias_ih_l0[r,n])", (2 * H,)),
            "bz": ("bias_ih_l0[z]", (H,)),
            "c": ("bias_hh_l0", (3 * H,)),
        },
    ),
    "with a gate of the opposite sign": (
        GRU,
        {
            "W": ("cat(weight_ih_l0[r], -weight_ih_l0[z], weight_ih_l0[n])", (3 * H, X)),
            "U": ("weight_hh_l0", (3 * H, H)),
            "b": ("cat(bias_ih_l0[r], -bias_ih_l0[z], bias_ih_l0[n])", (3 * H,)),
            "c": ("-bias_hh_l0", (3 * H,)),
        },
    ),
    "with a projection": (
        PROJECTED,
        {
            "W": ("weight_ih_l0", (4 * H, X)),
            "U": ("weight_hh_l0.T", (2, 4 * H)),
            "P": ("weight_hr_l0.T", (H, 2)),
            "dead": ("unused", (7,)),
        },
    ),
}


def held(spec: Spec, tensors: Tensors, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    found = {name: (parse(text, spec), torch.Size(shape)) for name, (text, shape) in tensors.items()}
    return {
        name: torch.ones(shape) if tensors[name][0] == "unused" else evaluate(each, weights, spec.cell, shape)
        for name, (each, shape) in found.items()
    }


def back(spec: Spec, tensors: Tensors, values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return inverse({name: parse(text, spec) for name, (text, _) in tensors.items()}, values, spec)


@pytest.mark.parametrize("how", WHOLE)
def test_weights_come_back_bit_for_bit(how: str) -> None:
    spec, tensors = WHOLE[how]
    weights = dict(draw(spec, 0).values)
    found = back(spec, tensors, held(spec, tensors, weights))
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weights[name]) for name in weights)


def test_a_sum_of_biases_goes_whole_to_the_input_side_except_where_the_gru_keeps_them_apart() -> None:
    tensors: Tensors = {
        "W": ("weight_ih_l0", (3 * H, X)),
        "U": ("weight_hh_l0", (3 * H, H)),
        "b": ("cat(bias_hh_l0[r,z] + bias_ih_l0[r,z], bias_ih_l0[n], dim=0)", (3 * H,)),
        "bn": ("bias_hh_l0[n]", (H,)),
    }
    weights = dict(draw(GRU, 0).values)
    values = held(GRU, tensors, weights)
    found = back(GRU, tensors, values)
    assert torch.equal(found["bias_ih_l0"], values["b"])
    assert torch.equal(found["bias_hh_l0"], torch.cat([torch.zeros(2 * H), weights["bias_hh_l0"][2 * H :]]).double())
    assert all(torch.equal(value, values[name]) for name, value in held(GRU, tensors, found).items())


def test_a_bias_that_stands_nowhere_is_zero() -> None:
    tensors: Tensors = {"W": ("weight_ih_l0", (H, X)), "U": ("weight_hh_l0", (H, H)), "b": ("bias_ih_l0", (H,))}
    found = back(RNN, tensors, held(RNN, tensors, dict(draw(RNN, 0).values)))
    assert not found["bias_hh_l0"].any()
    assert found["bias_ih_l0"].all()


BOTH: Tensors = {"W": ("weight_ih_l0", (H, X)), "U": ("weight_hh_l0", (H, H))}


@pytest.mark.parametrize(
    ("more", "value", "said"),
    [
        ({"p": ("zeros", (H,))}, torch.full((H,), 0.5), "p holds numbers that torch's layer has no weight for"),
        ({"p": ("ones", (H,))}, torch.zeros(H), "p holds numbers that torch's layer has no weight for"),
        (
            {"V": ("weight_hh_l0.T", (H, H))},
            torch.ones(H, H),
            "V and an earlier tensor hold different values of weight_hh_l0",
        ),
        ({"b": ("first(bias_ih_l0)", (1,))}, torch.ones(1), "b holds only the first number of bias_ih_l0"),
    ],
)
def test_what_torch_s_layer_cannot_hold_is_refused(more: Tensors, value: torch.Tensor, said: str) -> None:
    values = held(RNN, BOTH, dict(draw(RNN, 0).values))
    with pytest.raises(WeightsError, match=said):
        back(RNN, BOTH | more, values | {next(iter(more)): value})


def test_zeros_where_there_is_no_place_are_no_problem() -> None:
    values = held(RNN, BOTH, dict(draw(RNN, 0).values)) | {"p": torch.zeros(H)}
    assert back(RNN, BOTH | {"p": ("zeros", (H,))}, values)["weight_hh_l0"].any()


def test_a_weight_that_stands_nowhere_is_refused() -> None:
    with pytest.raises(WeightsError, match="none of its tensors holds weight_hh_l0"):
        back(RNN, {"W": BOTH["W"]}, held(RNN, BOTH, dict(draw(RNN, 0).values)))
