"""A user's class that is a variant: its gains, shifts and peepholes are found, and a wrong one is a mismatch."""

import pytest
import torch
from torch import Tensor, nn

import rnncheck
from rnncheck.errors import RnncheckError
from rnncheck.report import Report


class Peephole(nn.Module):
    """The peepholes of the gates f, i and o are the rows of one parameter, behind gates in the order f, i, o, g."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.of_x = nn.Linear(input_size, 4 * hidden_size)
        self.of_h = nn.Linear(hidden_size, 4 * hidden_size)
        self.peep = nn.Parameter(torch.zeros(3, hidden_size))

    def seen_by_output(self, before: Tensor, after: Tensor) -> Tensor:
        return after

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        zeros = x.new_zeros(x.shape[1], self.hidden_size)
        h, c = state or (zeros, zeros)
        outputs = []
        for step in x:
            f, i, o, g = (self.of_x(step) + self.of_h(h)).chunk(4, -1)
            before = c
            c = torch.sigmoid(f + self.peep[0] * c) * c + torch.sigmoid(i + self.peep[1] * c) * torch.tanh(g)
            h = torch.sigmoid(o + self.peep[2] * self.seen_by_output(before, c)) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs), (h, c)


class LateByOne(Peephole):
    """Its output gate sees the cell state before the step."""

    def seen_by_output(self, before: Tensor, after: Tensor) -> Tensor:
        return before


class Scaled(Peephole):
    """It has one more weight, which no variant has, and which has no effect while it is one."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.scale = nn.Parameter(torch.ones(2, hidden_size))

    def seen_by_output(self, before: Tensor, after: Tensor) -> Tensor:
        return after * self.scale[1].square()


class WithoutOutput(Peephole):
    """Its output gate has no peephole."""

    def seen_by_output(self, before: Tensor, after: Tensor) -> Tensor:
        return torch.zeros_like(after)


class FourRows(Peephole):
    """On the last row of its peepholes nothing depends; they are made as ones."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.peep = nn.Parameter(torch.ones(4, hidden_size))


class FourRowsScaled(FourRows):
    def seen_by_output(self, before: Tensor, after: Tensor) -> Tensor:
        return after * (1 + self.peep[0] * self.peep[1])


class WithBuffer(Peephole):
    """It has a buffer of zeros, which no optimizer changes."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.register_buffer("alpha", torch.zeros(hidden_size))

    def seen_by_output(self, before: Tensor, after: Tensor) -> Tensor:
        return after + self.alpha * before


class Normalised(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.of_x = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.of_h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.norm_x, self.norm_h = nn.LayerNorm(4 * hidden_size), nn.LayerNorm(4 * hidden_size)
        self.norm_c = nn.LayerNorm(hidden_size)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        zeros = x.new_zeros(x.shape[1], self.hidden_size)
        h, c = state or (zeros, zeros)
        outputs = []
        for step in x:
            i, f, g, o = (self.norm_x(self.of_x(step)) + self.norm_h(self.of_h(h))).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(self.norm_c(c))
            outputs.append(h)
        return torch.stack(outputs), (h, c)


class SmallGains(Normalised):
    """Its gains start small, and its norm of c has no weights."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        nn.init.constant_(self.norm_x.weight, 0.1)
        nn.init.normal_(self.norm_h.weight)
        self.norm_c = nn.LayerNorm(hidden_size, elementwise_affine=False)


class NormalisedCell(Normalised):
    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return super().forward(x[None], state)[1]


class Independent(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.of_x = nn.Linear(input_size, hidden_size)
        self.own = nn.Parameter(torch.rand(hidden_size))

    def forward(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = x.new_zeros(x.shape[1], len(self.own)) if h is None else h
        outputs = []
        for step in x:
            h = torch.relu(self.of_x(step) + self.own * h)
            outputs.append(h)
        return torch.stack(outputs), h


def beside(variant: str, candidate: type[nn.Module], **options: object) -> Report:
    cell = "rnn" if variant == "indrnn" else "lstm"
    return rnncheck.check(candidate, against=f"variant:{variant}", cell=cell, witness=False, paths="none", **options)  # type: ignore[arg-type]


def held(report: Report) -> dict[str, str]:
    return {each.candidate: each.from_ for each in report.mapping}


def test_peepholes_are_found_in_the_rows_of_one_parameter() -> None:
    report = beside("lstm-peephole", Peephole)
    assert report.verdict == "equivalent"
    assert held(report)["peep"] == "reshape(cat(peephole_f_l0, peephole_i_l0, peephole_o_l0, dim=0))"


@pytest.mark.slow
def test_a_peephole_of_the_wrong_cell_state_is_a_mismatch_in_h_alone() -> None:
    report = beside("lstm-peephole", LateByOne)
    assert report.verdict == "mismatch"
    assert "peephole_f_l0, peephole_i_l0, peephole_o_l0" in held(report)["peep"]
    steps = {each.quantity: each.agrees for each in report.comparisons if each.mode == "lockstep"}
    assert steps == {"h": False, "c": True}


@pytest.mark.slow
def test_a_weight_that_no_variant_has_is_not_hidden_at_rest() -> None:
    assert beside("lstm-peephole", Scaled, read_seconds=1).verdict != "equivalent"


def restrictions(report: Report) -> str:
    return " ".join(report.restrictions)


def test_a_weight_of_the_variant_that_the_class_lacks_is_a_restriction() -> None:
    report = beside("lstm-peephole", WithoutOutput)
    assert report.verdict == "equivalent"
    assert "it has no tensor for peephole_o_l0, which is zero on both sides" in restrictions(report)


@pytest.mark.slow
def test_a_row_without_effect_does_not_keep_the_others_at_rest() -> None:
    report = beside("lstm-peephole", FourRows)
    assert report.verdict == "equivalent"
    assert "peephole_f_l0, peephole_i_l0, peephole_o_l0" in held(report)["peep"]
    assert beside("lstm-peephole", FourRowsScaled, read_seconds=1).verdict != "equivalent"


def test_a_buffer_keeps_its_value_beside_a_variant() -> None:
    report = beside("lstm-peephole", WithBuffer)
    assert report.verdict == "equivalent"
    assert held(report)["alpha"] == "unused"


def test_gains_may_start_anywhere() -> None:
    report = beside("lstm-layer-norm", SmallGains)
    assert report.verdict == "equivalent"
    assert held(report)["norm_x.weight"] == "gain_ih_l0"
    assert "it has no tensor for gain_c_l0, which is one on both sides" in restrictions(report)


def test_gains_and_shifts_are_found() -> None:
    report = beside("lstm-layer-norm", Normalised)
    assert report.verdict == "equivalent"
    assert {name: held(report)[name] for name in ("norm_x.weight", "norm_h.weight", "norm_c.bias")} == {
        "norm_x.weight": "gain_ih_l0",
        "norm_h.weight": "gain_hh_l0",
        "norm_c.bias": "shift_c_l0",
    }


def test_one_weight_in_place_of_the_recurrent_matrix() -> None:
    report = beside("indrnn", Independent, nonlinearity="relu")
    assert report.verdict == "equivalent"
    assert held(report)["own"] == "recurrent_l0"


@pytest.mark.slow
def test_what_lacks_a_matrix_of_torch_is_told_as_the_variant_that_it_is() -> None:
    with pytest.raises(RnncheckError, match="add --against variant:indrnn --cell rnn --nonlinearity relu"):
        rnncheck.check(Independent, cell="rnn")


@pytest.mark.slow
def test_a_mismatch_beside_torch_names_the_variant() -> None:
    report = rnncheck.check(NormalisedCell, cell="lstm", witness=False, paths="none")
    assert report.verdict == "mismatch"
    assert [each.slug for each in report.findings] == ["layer-normalised"]
    assert "layer normalisation is applied" in report.findings[0].message
    assert "--against variant:lstm-layer-norm --cell lstm" in str(report.findings[0].mend)


class NamedPeepholes(nn.Module):
    """Each peephole is a parameter of H, as a bias is."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.of_x = nn.Linear(input_size, 4 * hidden_size)
        self.of_h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.p_i, self.p_f, self.p_o = (nn.Parameter(torch.randn(hidden_size)) for _ in range(3))

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = state
        outputs = []
        for step in x:
            i, f, g, o = (self.of_x(step) + self.of_h(h)).chunk(4, -1)
            c = torch.sigmoid(f + self.p_f * c) * c + torch.sigmoid(i + self.p_i * c) * torch.tanh(g)
            h = torch.sigmoid(o + self.p_o * c) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs), (h, c)


@pytest.mark.explained
@pytest.mark.patient
@pytest.mark.slow
def test_peepholes_that_could_be_read_as_biases_are_recognised() -> None:
    report = rnncheck.check(NamedPeepholes, cell="lstm", witness=False, paths="none")
    assert report.verdict == "mismatch"
    assert "--against variant:lstm-peephole" in str(report.findings[0].mend)


class ScaledSkip(nn.Module):
    """A GRU cell with a skip connection that begins at zero: training changes the factor."""

    start = 0.0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.GRUCell(input_size, hidden_size)
        self.alpha = nn.Parameter(torch.full((1,), self.start))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return self.cell(x, h) + self.alpha * h * h


class ScaledSkipFromOne(ScaledSkip):
    """Its factor begins where it has its full effect."""

    start = 1.0


class FixedSkip(ScaledSkip):
    """The factor is no parameter, so that nothing changes it."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        del self.alpha
        self.register_buffer("alpha", torch.zeros(1))


@pytest.mark.explained
@pytest.mark.parametrize("layer", [ScaledSkip, ScaledSkipFromOne])
def test_a_parameter_that_begins_where_it_has_no_effect_is_still_another_layer(layer: type[nn.Module]) -> None:
    report = rnncheck.check(layer, cell="gru", witness=False, paths="none")
    assert (report.verdict, report.findings[0].slug) == ("mismatch", "own-weights")


@pytest.mark.slow
@pytest.mark.explained
def test_peepholes_that_begin_at_zero_are_named() -> None:
    report = rnncheck.check(Peephole, cell="lstm", witness=False, paths="none")
    assert (report.verdict, report.findings[0].slug) == ("mismatch", "peephole")


def test_a_buffer_at_the_value_without_effect_is_no_other_layer() -> None:
    report = rnncheck.check(FixedSkip, cell="gru", witness=False, paths="none")
    assert report.verdict == "equivalent"
