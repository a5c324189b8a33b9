"""Final states of several layers and directions: in another order, of another layer, or not returned at all."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.errors import CannotRun
from rnncheck.report import Verdict

ORDERS: dict[str, Callable[[Tensor, int], Tensor]] = {  # of (L * D, B, H), with D
    "layers": lambda states, d: states.view(-1, d, *states.shape[1:]).flip(0).reshape(states.shape),
    "directions": lambda states, d: states.view(-1, d, *states.shape[1:]).flip(1).reshape(states.shape),
    "direction before layer": lambda states, d: states.view(-1, d, *states.shape[1:]).transpose(0, 1).flatten(0, 1),
    "the first for all": lambda states, d: states[:d].repeat(len(states) // d, 1, 1),
}


class Ordered(nn.Module):
    order: str
    parts: tuple[int, ...] = (0, 1)
    layer: Callable[..., nn.RNNBase] = nn.LSTM
    layers, both = 2, False

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = self.layer(input_size, hidden_size, self.layers, bidirectional=self.both)

    def forward(self, x: Tensor, state: Any) -> Any:
        output, final = self.inner(x, state)
        if isinstance(final, Tensor):
            return output, ORDERS[self.order](final, 1 + self.both)
        put = (
            ORDERS[self.order](each, 1 + self.both) if part in self.parts else each for part, each in enumerate(final)
        )
        return output, tuple(put)


def ordered(**said: Any) -> type[Ordered]:
    return type("Candidate", (Ordered,), said)


CASES = [
    (order, {"layer": layer, "layers": layers, "both": both, "parts": parts})
    for layer in (nn.LSTM, nn.GRU)
    for layers, both in ((2, False), (3, False), (1, True), (2, True))
    for order in ORDERS
    for parts in ((0, 1), (0,), (1,))
    if (layers > 1 or order == "directions")
    and (both or not order.startswith("direction"))
    and (layer is nn.LSTM or len(parts) > 1)
]


@pytest.mark.explained
@pytest.mark.sample(1)
@pytest.mark.parametrize(("order", "said"), CASES, ids=str)
def test_final_states_of_another_layer_or_direction_are_named(order: str, said: dict[str, Any]) -> None:
    report = check(ordered(order=order, **said), witness=False, paths="none")
    assert report.verdict is Verdict.MISMATCH
    found = report.findings[0]
    part = f", {'hc'[said['parts'][0]]}_n alone" if len(said["parts"]) == 1 else ""
    slug = "final-state-wrong" if order.endswith("all") else "final-state-swapped"
    assert (found.slug, found.variant) == (slug, f"{order}{part}")


class Forgetting(nn.Module):
    """Its forward ends without a return statement."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.GRU(input_size, hidden_size)
        self.head = nn.Linear(hidden_size, 1)

    def forward(self, x: Tensor, h: Tensor) -> None:
        output, h = self.inner(x, h)
        self.head(output)


@pytest.mark.slow
def test_a_forward_without_a_return_statement_is_refused_by_that() -> None:
    with pytest.raises(CannotRun, match="returned None when it was called"):
        check(Forgetting)


class Gated(nn.Module):
    """Returns its gates at every step, and the last state."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.of_x, self.of_h = nn.Linear(input_size, 3 * hidden_size), nn.Linear(hidden_size, 3 * hidden_size)

    def steps(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        gates = []
        for x_t in x:
            (r_x, z_x, n_x), (r_h, z_h, n_h) = self.of_x(x_t).chunk(3, -1), self.of_h(h).chunk(3, -1)
            r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
            n = torch.tanh(n_x + r * n_h)
            h = (1 - z) * n + z * h
            gates.append(z)
        return torch.stack(gates), h


class ReturnsGates(Gated):
    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        z_gates, h = self.steps(x, h)
        return z_gates, h


class CallsThemOutput(Gated):
    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        output, h = self.steps(x, h)
        return output, h


@pytest.mark.explained
@pytest.mark.parametrize(("layer", "slugs"), [(ReturnsGates, []), (CallsThemOutput, ["output-is-not-h"])])
def test_gates_in_the_outputs_place_are_that_where_the_code_calls_them_so(
    layer: type[nn.Module], slugs: list[str]
) -> None:
    report = check(layer, cell="gru", witness=False, paths="none")
    assert [each.slug for each in report.findings] == slugs
    assert report.verdict is (Verdict.MISMATCH if slugs else Verdict.EQUIVALENT)


class KeptAside(nn.Module):
    """Holds its recurrent weight once more, as a parameter that is not trained, before the one that is used."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        used = nn.Parameter(torch.randn(hidden_size, hidden_size))
        self.kept = nn.ParameterList([nn.Parameter(used.data, requires_grad=False)])
        self.inner = nn.RNN(input_size, hidden_size)
        self.inner.weight_hh_l0 = used

    def forward(self, x: Tensor, h: Tensor | None = None) -> Any:
        return self.inner(x, h)


@pytest.mark.parametrize("layer", [KeptAside, KeptAside(3, 4)], ids=["class", "instance"])
def test_of_two_parameters_over_the_same_numbers_the_trained_one_counts(layer: Any) -> None:
    assert check(layer, witness=False, paths="none").verdict is Verdict.EQUIVALENT


class LastOfTwo(nn.Module):
    """Returns the last state of the upper layer alone."""

    layer, factor = -1, 1.0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.GRU(input_size, hidden_size, num_layers=2)

    def forward(self, x: Tensor, h0: Tensor) -> Any:
        output, final = self.inner(x, h0)
        return output, final[self.layer] * self.factor


class FirstOfTwo(LastOfTwo):
    layer = 0


class ScaledLastOfTwo(LastOfTwo):
    factor = 0.9


def test_one_state_of_several_is_compared_with_that_of_the_last_layer() -> None:
    found = [
        check(each, cell="gru", num_layers=2, paths="none", witness=False).verdict
        for each in (LastOfTwo, FirstOfTwo, ScaledLastOfTwo)
    ]
    assert found == [Verdict.EQUIVALENT, Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE]


class HeadOnMixedRows(nn.Module):
    """Wrong: the final states of both directions are flattened so that rows of the batch are mixed, before a head."""

    transposed = False

    def __init__(self, input_size: int, hidden_size: int, num_classes: int) -> None:
        super().__init__()
        self.inside = nn.LSTM(input_size, hidden_size, bidirectional=True)
        self.head = nn.Linear(2 * hidden_size, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        h = self.inside(x)[1][0]
        return self.head((h.transpose(0, 1) if self.transposed else h).reshape(x.shape[1], -1))


class HeadOnRows(HeadOnMixedRows):
    transposed = True


@pytest.mark.explained
def test_rows_that_are_mixed_before_a_head_are_told() -> None:
    assert [each.slug for each in check(HeadOnMixedRows, cell="lstm", witness=False).findings] == ["batch-mixed"]
    assert check(HeadOnRows, cell="lstm", witness=False).verdict is Verdict.EQUIVALENT
