"""A mismatch that is a known variant says so, and gives the command; any other does not."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.faults.variants import variant
from rnncheck.model.spec import Cell

pytestmark = pytest.mark.explained

FAST = {"backward": False, "lockstep": False}


@pytest.mark.sample(1)
@pytest.mark.parametrize(("slug", "cell"), [("gru-reset-before", Cell.GRU), ("lstm-janet", Cell.LSTM)])
def test_a_variant_is_told_with_the_command_that_checks_it(slug: str, cell: Cell) -> None:
    report = check(f"variant:{slug}", cell=cell, **FAST)
    assert report.verdict == "mismatch"
    command = f"rnncheck compare variant:{slug} --against variant:{slug} --cell {cell}"
    said = [*report.notes, *(f"{finding.message} {finding.mend}" for finding in report.findings)]
    assert [each for each in said if command in each]


@pytest.mark.sample(1)
@pytest.mark.parametrize("slug", ["indrnn", "lstm-peephole", "lstm-layer-norm"])
def test_a_variant_with_weights_of_its_own_is_told_by_its_name(slug: str) -> None:
    report = check(f"variant:{slug}", cell=variant(slug).cell, **FAST)
    assert report.findings[0].slug == (variant(slug).fault or slug)
    assert f"equals {slug}, a known variant" in report.findings[0].message


@pytest.mark.sample(1)
@pytest.mark.parametrize(("slug", "cell"), [("gru-reset-before", Cell.GRU), ("lstm-coupled", Cell.LSTM)])
def test_torchs_layer_beside_a_variant_is_told_to_be_torchs(slug: str, cell: Cell) -> None:
    report = check("torch", against=f"variant:{slug}", cell=cell, **FAST)
    assert report.verdict == "mismatch"
    assert [each.slug for each in report.findings] == ["reference-is-variant"]
    assert f"torch equals torch.nn's {cell.upper()}, and variant:{slug} is another layer" in report.findings[0].message


@pytest.mark.slow
def test_one_variant_beside_another_is_told_by_its_name() -> None:
    report = check("variant:lstm-coupled", against="variant:lstm-without-forget", cell=Cell.LSTM, **FAST)
    assert [each.slug for each in report.findings] == ["lstm-coupled"]


class LeakyMemory(nn.Module):
    """Two matrices for two gates, in an order of its own: torch's GRU has three."""

    def __init__(self, input_size: int, hidden_size: int, act: Callable[[Tensor], Tensor] = torch.relu) -> None:
        super().__init__()
        self.below, self.before = nn.Linear(input_size, 2 * hidden_size), nn.Linear(hidden_size, 2 * hidden_size, False)
        self.act = act

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        new, keep = (self.below(x) + self.before(h)).chunk(2, 1)
        keep = keep.sigmoid()
        return keep * h + (1 - keep) * self.act(new)


class NoForgetting(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.gates = nn.ModuleList(nn.Linear(input_size + hidden_size, hidden_size) for _ in range(3))

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = state
        write, new, show = (gate(torch.cat([h, x], 1)) for gate in self.gates)
        c = c + write.sigmoid() * new.tanh()
        return show.sigmoid() * c.tanh(), c


class StateIsMemory(nn.Module):
    """It takes h and c, and returns the same numbers as both."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.keep, self.new = (nn.Linear(input_size + hidden_size, hidden_size) for _ in range(2))

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = state
        both = torch.cat([x, h], 1)
        kept = self.keep(both)
        c = kept.sigmoid() * c + (1 - (kept - 1).sigmoid()) * self.new(both).tanh()
        return c, c


def updated_alone(input_size: int, hidden_size: int) -> nn.Module:
    return LeakyMemory(input_size, hidden_size, torch.tanh)


class KeepsOrReplaces(nn.Module):
    """Named by its forget gate, of which the input gate is the rest; a matrix and a bias for each of three gates."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        for gate in "fco":
            setattr(self, f"W_{gate}", nn.Parameter(torch.randn(hidden_size, hidden_size + input_size)))
            setattr(self, f"b_{gate}", nn.Parameter(torch.randn(hidden_size)))

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = state
        both = torch.cat([h, x], 1)
        forget = (both @ self.W_f.T + self.b_f).sigmoid()
        c = forget * c + (1 - forget) * (both @ self.W_c.T + self.b_c).tanh()
        return (both @ self.W_o.T + self.b_o).sigmoid() * c.tanh(), c


class GatesFromTheState(nn.Module):
    """A GRU with torch's names, of which x reaches the proposal alone."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        for name, shape in {"weight_ih": (1, input_size), "weight_hh": (3, hidden_size)}.items():
            setattr(self, name, nn.Parameter(torch.randn(shape[0] * hidden_size, shape[1])))
            setattr(self, name.replace("weight", "bias"), nn.Parameter(torch.randn(shape[0] * hidden_size)))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        r, z, n = (h @ self.weight_hh.T + self.bias_hh).chunk(3, 1)
        new = (x @ self.weight_ih.T + self.bias_ih + r.sigmoid() * n).tanh()
        return new + z.sigmoid() * (h - new)


@pytest.mark.slow
def test_a_gate_may_be_the_rest_of_the_variants_own() -> None:
    report = check(KeepsOrReplaces, cell="lstm", witness=False)
    assert [finding.slug for finding in report.findings] == ["coupled-gates"]
    right = check(KeepsOrReplaces, against="variant:lstm-coupled", cell="lstm", witness=False)
    assert (right.verdict, right.mapping[0].from_) == ("equivalent", "cat(-weight_hh_l0[i], -weight_ih_l0[i], dim=1)")


@pytest.mark.slow
@pytest.mark.patient
def test_gates_that_read_the_state_alone_are_named() -> None:
    report = check(GatesFromTheState, cell="gru", witness=False)
    assert [finding.slug for finding in report.findings] == ["gate-ignores-input"]
    assert "(r, z)" in report.findings[0].message


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("layer", "cell", "slug"),
    [
        (LeakyMemory, Cell.GRU, "ligru"),
        (updated_alone, Cell.GRU, "gru-ugrnn"),
        (NoForgetting, Cell.LSTM, "lstm-without-forget"),
        (StateIsMemory, Cell.LSTM, "lstm-janet"),
    ],
)
def test_a_layer_with_fewer_gates_is_the_variant_that_it_computes(layer: object, cell: Cell, slug: str) -> None:
    report = check(layer, cell=cell, witness=False)
    assert report.verdict == "mismatch"
    said = [*report.notes, *(f"{finding.slug} {finding.mend}" for finding in report.findings)]
    assert [each for each in said if f"--against variant:{slug} " in each]
    assert check(layer, against=f"variant:{slug}", cell=cell, witness=False).verdict == "equivalent"


def test_faults_explains_a_variant(rnncheck: Callable[..., Any]) -> None:
    shown = rnncheck("faults", "lstm-janet")
    assert (shown.code, "forget gate" in shown.stdout) == (0, True)


def test_a_fault_is_told_to_be_none() -> None:
    report = check("fault:forget-bias-added", cell="lstm", **FAST)
    assert report.verdict == "mismatch"
    assert not [note for note in report.notes if "variant:" in note]
