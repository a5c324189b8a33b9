"""What a call requires besides x and a state, such as a flag or a mask, is off; a key for random numbers is given."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.errors import CannotRun
from rnncheck.report import Verdict
from rnncheck.user_code.signatures import read


class Flagged(nn.Module):
    """A GRU cell that draws a new mask if it is told to."""

    right = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.of_x, self.of_h = nn.Linear(input_size, 3 * hidden_size), nn.Linear(hidden_size, 3 * hidden_size)

    def forward(self, x: Tensor, h: Tensor, reset_mask: Any) -> Tensor:
        if reset_mask:
            raise ValueError("no mask can be drawn here")
        (p_r, p_z, p_n), (u_r, u_z, u_n) = self.of_x(x).chunk(3, -1), self.of_h(h).chunk(3, -1)
        z = torch.sigmoid(p_z + u_z)
        n = torch.tanh(p_n + torch.sigmoid(p_r + u_r) * u_n)
        return (1 - z) * n + z * h if self.right else n + z * h


class Uneven(Flagged):
    right = False


class Masked(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.LSTM(input_size, hidden_size)

    def forward(self, x: Tensor, hidden: tuple[Tensor, Tensor], mask: Tensor | None, training: bool) -> Any:
        if mask is not None:
            x = x * mask
        return self.inner(x * (2 if training else 1), hidden)


class Halved(Masked):
    def forward(self, x: Tensor, hidden: tuple[Tensor, Tensor], mask: Tensor | None, training: bool) -> Any:
        return super().forward(x if training else x / 2, hidden, mask, training)


@pytest.mark.parametrize("candidate", [Flagged, Masked])
def test_a_flag_is_off_and_told(candidate: type) -> None:
    report = check(candidate, cell="gru" if candidate is Flagged else "lstm", witness=False)
    assert report.verdict is Verdict.EQUIVALENT
    assert any("it is called with" in str(each) for each in report.conventions)


@pytest.mark.slow
@pytest.mark.parametrize("candidate", [Uneven, Halved])
def test_what_is_wrong_with_a_flag_off_may_be_right_with_it_on(candidate: type) -> None:
    with pytest.raises(CannotRun, match=r"its call needs .*, and with .* it is no published layer"):
        check(candidate, cell="gru" if candidate is Uneven else "lstm", witness=False, diagnose=False)


class HalvedInTraining(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.LSTM(input_size, hidden_size)

    def forward(self, x: Tensor, hidden: tuple[Tensor, Tensor], training: bool, keep_prob: float) -> Any:
        return self.inner(x if training else x / 2, hidden)


@pytest.mark.slow
def test_a_flag_for_training_leaves_no_doubt() -> None:
    report = check(HalvedInTraining, cell="lstm", witness=False, diagnose=False)
    assert report.verdict is Verdict.MISMATCH


@pytest.mark.parametrize("name", ["keep_prob", "input_keep_prob", "dropout_keep_prob"])
def test_nothing_is_dropped_by_what_is_kept(name: str) -> None:
    call = read(eval(f"lambda x, h, {name}: None"))
    assert call.settled == ((name, 1.0),)


class Wanting(Masked):
    def forward(self, x: Tensor, hidden: Any, tree: Any, kind: Any) -> Any:  # type: ignore[override]
        return self.inner(x, hidden) if tree.root else kind


@pytest.mark.slow
def test_what_no_name_explains_is_asked_for() -> None:
    with pytest.raises(CannotRun, match="missing 2 required positional arguments: 'tree' and 'kind'"):
        check(Wanting, cell="lstm")


def test_a_state_is_never_a_flag() -> None:
    def call(
        x: Tensor, h_prev: Tensor, c_prev: Tensor, is_last: bool, drop_rate: float, keep_prob: float, masks: Tensor
    ) -> None: ...

    found = read(call)
    assert (found.state, found.cell_state) == ("h_prev", "c_prev")
    assert dict(found.settled) == {"is_last": False, "drop_rate": 0.0, "keep_prob": 1.0, "masks": None}


@pytest.mark.parametrize(
    ("signature", "x", "state", "lengths"),
    [
        ("padded_input, input_lengths", "padded_input", None, "input_lengths"),
        ("text, input_lengths", "text", None, "input_lengths"),
        ("h, message", "message", "h", None),
        ("h, c, message", "message", "h", None),
        ("carry, inputs", "inputs", "carry", None),
        ("batch_x, h", "batch_x", "h", None),
        ("hidden_states, attention_mask=None", "hidden_states", None, None),
        ("state, mask", "state", None, None),
    ],
)
def test_x_is_told_from_states_and_lengths_by_its_name(
    signature: str, x: str, state: str | None, lengths: str | None
) -> None:
    found = read(eval(f"lambda {signature}: None"))
    assert (found.x, found.state, found.lengths) == (x, state, lengths)
