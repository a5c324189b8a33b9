"""What torch.nn refuses is refused with the same kind of error, and the message says what, got and allowed."""

import pytest
import torch
from scratch.pairs import CELLS
from torch.nn.utils.rnn import pack_sequence

from rnncheck import scratch

ARGUMENTS = [
    ({"input_size": 0}, ValueError, "input_size is 0; it must be at least 1"),
    ({"input_size": 2.0}, TypeError, "input_size is 2.0, of type float; it must be an int"),
    ({"hidden_size": -1}, ValueError, "hidden_size is -1; it must be at least 1"),
    ({"num_layers": 0}, ValueError, "num_layers is 0; it must be at least 1"),
    ({"bias": 1}, TypeError, "bias is 1, of type int; it must be a bool"),
    ({"batch_first": None}, TypeError, "batch_first is None, of type NoneType; it must be a bool"),
    ({"dropout": 1.5}, ValueError, "dropout is 1.5; it must be a number from 0 to 1"),
    ({"dropout": True}, ValueError, "dropout is True; it must be a number from 0 to 1"),
]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("options", "error", "message"), ARGUMENTS, ids=str)
def test_an_impossible_argument_is_refused_as_torch_refuses_it(
    cell: str, options: dict[str, object], error: type[Exception], message: str
) -> None:
    arguments = {"input_size": 3, "hidden_size": 4} | options
    with pytest.raises(error):
        getattr(torch.nn, cell)(**arguments)
    with pytest.raises(error, match=message):
        getattr(scratch, cell)(**arguments)


@pytest.mark.parametrize("size", [-1, 4, 9])
def test_a_projection_must_be_smaller_than_the_state(size: int) -> None:
    with pytest.raises(ValueError, match=f"proj_size is {size}; it must be smaller than hidden_size, 4"):
        scratch.LSTM(3, 4, proj_size=size)


def test_a_nonlinearity_is_tanh_or_relu() -> None:
    with pytest.raises(ValueError, match="nonlinearity is 'sin'; it must be 'tanh' or 'relu'"):
        scratch.RNN(3, 4, nonlinearity="sin")


INPUTS = [
    (torch.zeros(3), None, ValueError, r"input is 1-D, of shape \(3,\); it must be 2-D or 3-D"),
    (torch.zeros(1, 5, 2, 3), None, ValueError, "input is 4-D, .*; it must be 2-D or 3-D"),
    (torch.zeros(5, 2, 4), None, RuntimeError, r"input has 4 features, shape \(5, 2, 4\); input_size is 3"),
    (torch.zeros(0, 2, 3), None, RuntimeError, "input has no timesteps; a recurrent layer needs .* longer than 0"),
    (torch.zeros(5, 2, 3).double(), None, ValueError, "input is torch.float64 and the weights are torch.float32"),
    (torch.zeros(5, 2, 3), (1, 3, 4), RuntimeError, r"h0 has shape \(1, 3, 4\); .* it must be \(1, 2, 4\)"),
    (torch.zeros(5, 2, 3), (1, 4), RuntimeError, r"h0 has shape \(1, 4\); .* it must be \(1, 2, 4\)"),
    (torch.zeros(5, 3), (1, 1, 4), RuntimeError, r"h0 has shape \(1, 1, 4\); .* it must be \(1, 4\)"),
]


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("x", "state", "error", "message"), INPUTS, ids=str)
def test_an_input_or_state_that_does_not_fit_is_refused_as_torch_refuses_it(
    cell: str, x: torch.Tensor, state: tuple[int, ...], error: type[Exception], message: str, gradients: bool
) -> None:
    hx = None if state is None else torch.zeros(state)
    if hx is not None and cell == "LSTM":
        hx = hx, hx
    with torch.set_grad_enabled(gradients):
        with pytest.raises((ValueError, RuntimeError)):
            getattr(torch.nn, cell)(3, 4)(x, hx)
        with pytest.raises(error, match=message):
            getattr(scratch, cell)(3, 4)(x, hx)


def test_batch_first_reads_the_first_axis_as_the_batch_when_it_refuses() -> None:
    with pytest.raises(RuntimeError, match=r"h0 has shape \(1, 5, 4\); .* it must be \(1, 2, 4\)"):
        scratch.RNN(3, 4, batch_first=True)(torch.zeros(2, 5, 3), torch.zeros(1, 5, 4))


def test_a_state_in_another_precision_is_refused() -> None:
    with pytest.raises(ValueError, match=r"h0 is torch.float64 and the input is torch.float32; convert it"):
        scratch.GRU(3, 4)(torch.zeros(5, 2, 3), torch.zeros(1, 2, 4).double())


def test_an_lstm_wants_both_its_states_and_the_others_only_one() -> None:
    h0 = torch.zeros(1, 2, 4)
    with pytest.raises(ValueError, match="hx has 1 tensors; it must have 2: h0 and c0"):
        scratch.LSTM(3, 4)(torch.zeros(5, 2, 3), h0)
    with pytest.raises(ValueError, match="hx has 2 tensors; it must have 1: h0"):
        scratch.GRU(3, 4)(torch.zeros(5, 2, 3), (h0, h0))


def test_a_projected_lstm_s_states_differ_in_width() -> None:
    h0 = torch.zeros(1, 2, 4)
    with pytest.raises(RuntimeError, match=r"h0 has shape \(1, 2, 4\); .* it must be \(1, 2, 2\)"):
        scratch.LSTM(3, 4, proj_size=2)(torch.zeros(5, 2, 3), (h0, h0))


def test_packed_sequences_are_checked_too() -> None:
    packed = pack_sequence([torch.zeros(5, 2), torch.zeros(3, 2)])
    with pytest.raises(RuntimeError, match="input has 2 features"):
        scratch.RNN(3, 4)(packed)
    with pytest.raises(RuntimeError, match=r"h0 has shape \(1, 3, 4\); .* it must be \(1, 2, 4\)"):
        scratch.RNN(2, 4)(packed, torch.zeros(1, 3, 4))
