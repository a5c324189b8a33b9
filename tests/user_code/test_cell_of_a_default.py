"""A parameter whose default names a cell, as a class of torch's or in text, chooses the cell, whatever it is called."""

import inspect
from typing import Any

import pytest
from torch import Tensor, nn

from rnncheck import check
from rnncheck.errors import CannotRun
from rnncheck.model.spec import Cell, Spec
from rnncheck.report import Verdict
from rnncheck.user_code.arguments import mode
from rnncheck.user_code.roles import roles


class RNNOfClass(nn.Module):
    """Its name says RNN, and its default is another cell."""

    def __init__(self, input_size: int, hidden_size: int, rnn_type: type = nn.LSTM) -> None:
        super().__init__()
        self.rnn = rnn_type(input_size, hidden_size)

    def forward(self, x: Tensor) -> Any:
        return self.rnn(x)


class RNNOfText(RNNOfClass):
    def __init__(self, input_size: int, hidden_size: int, rnn_model: str = "LSTM") -> None:
        super().__init__(input_size, hidden_size, {"LSTM": nn.LSTM, "GRU": nn.GRU}[rnn_model])


class EncoderRNN(RNNOfClass):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, nn.GRU)


@pytest.mark.parametrize("candidate", [RNNOfClass, RNNOfText])
@pytest.mark.parametrize(("asked", "cell"), [({}, Cell.LSTM), ({"cell": "gru"}, Cell.GRU)])
def test_the_default_is_its_cell_and_another_may_be_asked_for(
    candidate: type, asked: dict[str, Any], cell: Cell
) -> None:
    report = check(candidate, witness=False, **asked)
    assert report.verdict is Verdict.EQUIVALENT
    assert report.spec.cell is cell


@pytest.mark.slow
def test_a_layer_of_torch_inside_says_which_cell_to_ask_for() -> None:
    with pytest.raises(CannotRun, match=r"It holds torch\.nn's layer of another cell; add --cell gru"):
        check(EncoderRNN, cell="lstm")


@pytest.mark.parametrize(
    ("default", "cell", "given"),
    [
        (nn.LSTM, Cell.GRU, nn.GRU),
        (nn.GRUCell, Cell.LSTM, nn.LSTMCell),
        ("lstm", Cell.GRU, "gru"),
        ("LSTM", Cell.RNN, "RNN"),
        ("GRUCell", Cell.LSTM, "LSTMCell"),
        ("Lstm", Cell.GRU, "Gru"),
    ],
)
def test_it_is_given_the_cell_in_the_form_of_its_default(default: object, cell: Cell, given: object) -> None:
    assert mode(default, Spec(cell=cell)) == given


def test_a_label_is_left_alone() -> None:
    parameters = inspect.signature(lambda input_size, hidden_size, scope="lstm", save_path="gru": None).parameters
    assert "mode" not in roles(parameters).values()
