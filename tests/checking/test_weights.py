"""Weights by the candidate's own names, and layers compared with weights of their own."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import CannotRun, Report, UsageError, check
from rnncheck.errors import WeightsError

Command = Callable[..., Any]
QUICK = ["--no-witness", "--no-diagnose", "--no-backward", "-q"]
X, H = 3, 4


class PortedGRU(nn.Module):
    """Gates in the order z, r, n, and more tensors than a layer needs."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.read, self.keep = nn.Linear(input_size, 3 * hidden_size), nn.Linear(hidden_size, 3 * hidden_size)
        self.words = nn.Linear(hidden_size, 5)
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        state, rows = h[0], []
        for step in x:
            z, r, n = self.read(step).chunk(3, 1)
            uz, ur, un = self.keep(state).chunk(3, 1)
            z, n = torch.sigmoid(z + uz), torch.tanh(n + torch.sigmoid(r + ur) * un)
            state = (1 - z) * n + z * state
            rows.append(state)
        return torch.stack(rows), state[None]


class Wrapped(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = PortedGRU(input_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.inner(x, h)


def trained() -> tuple[PortedGRU, nn.GRU]:
    """A layer with weights of its own, and torch's that it was ported from."""
    torch.manual_seed(7)
    mine, theirs = PortedGRU(X, H), nn.GRU(X, H)
    with torch.no_grad():
        for side, layer in (("ih", mine.read), ("hh", mine.keep)):
            for kind in ("weight", "bias"):
                r, z, n = getattr(theirs, f"{kind}_{side}_l0").chunk(3)
                getattr(layer, kind).copy_(torch.cat([z, r, n]))
    return mine, theirs


def quick(candidate: object, **options: Any) -> Report:
    return check(candidate, cell="gru", **{"witness": False, "diagnose": False, "backward": False} | options)


@pytest.mark.sample(3)
@pytest.mark.parametrize("prefix", ["", "module.", "model.encoder."])
@pytest.mark.parametrize("entry", [None, "state_dict", "net"])
def test_a_state_dict_of_the_candidate_s_own_gives_both_sides_their_weights(
    tmp_path: Path, prefix: str, entry: str | None
) -> None:
    mine, _ = trained()
    saved: dict[str, Any] = {prefix + name: value for name, value in mine.state_dict().items()}
    torch.save({entry: saved, "epoch": 3} if entry else saved, tmp_path / "own.pt")
    report = quick(PortedGRU, weights=tmp_path / "own.pt")
    assert report.verdict == "equivalent"
    assert f"{tmp_path / 'own.pt'} was read by the names of PortedGRU" in report.notes


def test_the_weights_that_are_read_are_those_of_the_file(tmp_path: Path, rnncheck: Command) -> None:
    mine, theirs = trained()
    shown = tmp_path / "canonical.safetensors"
    torch.save(mine.state_dict(), tmp_path / "own.pt")
    named = f"{__file__}:PortedGRU"
    options = ["--cell", "gru", "--weights", tmp_path / "own.pt", "--save-weights", shown, *QUICK]
    assert rnncheck("compare", named, *options).code == 0
    from safetensors.torch import load_file

    found = load_file(shown)
    assert all(torch.equal(found[name], value.double()) for name, value in theirs.state_dict().items())


def test_the_names_of_a_layer_inside_a_wrapper_are_its_own() -> None:
    mine, _ = trained()
    assert quick(Wrapped, weights=mine.state_dict()).verdict == "equivalent"


def test_other_tensors_beside_those_of_the_candidate_are_said_to_be_left_out() -> None:
    mine, _ = trained()
    saved = {f"encoder.{name}": value for name, value in mine.state_dict().items()} | {"head.weight": torch.ones(2, H)}
    report = quick(PortedGRU, weights=saved)
    assert "weights holds tensors that the candidate does not have: head.weight" in report.notes


def twice(saved: dict[str, Tensor]) -> None:
    """All of it behind two prefixes."""
    for name in list(saved):
        saved[f"a.{name}"] = saved[f"b.{name}"] = saved.pop(name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda saved: saved.pop("keep.bias"), "lacks keep.bias, which the candidate has"),
        (lambda saved: saved.update({"gate": torch.ones(2)}), "has gate, which the candidate does not have"),
        (
            lambda saved: saved.update({"keep.bias": torch.ones(15)}),
            r"keep.bias has shape \(15,\), and the candidate's has shape",
        ),
        (lambda saved: saved["keep.bias"].fill_(torch.nan), "holds NaN or infinity"),
        (lambda saved: twice(saved), "more than once, under 'a.', 'b.'"),
    ],
)
def test_what_is_not_the_candidate_s_is_refused(change: Callable[[dict[str, Tensor]], object], said: str) -> None:
    saved = dict(copy.deepcopy(trained()[0].state_dict()))
    change(saved)
    with pytest.raises(WeightsError, match=said):
        quick(PortedGRU, weights=saved)


def test_torch_s_own_names_may_stand_behind_a_prefix(tmp_path: Path) -> None:
    theirs = trained()[1]
    torch.save({f"module.rnn.{name}": value for name, value in theirs.state_dict().items()}, tmp_path / "torch.pt")
    assert quick("scratch", weights=tmp_path / "torch.pt").verdict == "equivalent"


# Each side with its own


@pytest.mark.explained
def test_two_living_layers_are_compared_as_they_are() -> None:
    mine, theirs = trained()
    report = quick(mine, against=theirs, sync="none", witness=True)
    assert report.verdict == "equivalent"
    assert report.weights.sync == "none"
    assert "each side was compared with its own weights" in report.notes
    assert "compared with its own weights" in report.conventions
    assert report.witness is not None
    assert report.witness.caught > 0


class HalvedRNN(nn.Module):
    """Its weights are half of torch's, which no mapping says."""

    def __init__(self, theirs: nn.RNN) -> None:
        super().__init__()
        self.halves = nn.ParameterList([value.detach() / 2 for value in theirs.parameters()])

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        read, keep, b, c = (2 * half for half in self.halves)
        state, rows = h[0], []
        for step in x:
            state = torch.tanh(step @ read.T + b + state @ keep.T + c)
            rows.append(state)
        return torch.stack(rows), state[None]


@pytest.mark.slow
def test_a_layer_that_keeps_its_weights_need_not_be_mapped() -> None:
    theirs = nn.RNN(X, H)
    options: dict[str, Any] = {"against": theirs, "witness": False, "diagnose": False, "backward": False}
    assert check(HalvedRNN(theirs), cell="rnn", sync="none", **options).verdict == "equivalent"


@pytest.mark.slow  # it is searched for a mapping that it has not
def test_where_it_is_given_weights_it_must_be_mapped() -> None:
    theirs = nn.RNN(X, H)
    options: dict[str, Any] = {"against": theirs, "witness": False, "diagnose": False, "backward": False}
    assert check(HalvedRNN(theirs), cell="rnn", **options).verdict == "mismatch"


def test_one_number_that_was_ported_wrong_is_a_mismatch() -> None:
    mine, theirs = trained()
    with torch.no_grad():
        mine.keep.weight[1, 2] += 1e-3
    assert quick(mine, against=theirs, sync=False).verdict == "mismatch"
    assert quick(mine, against=theirs, sync=True).verdict == "equivalent"


@pytest.mark.explained
def test_a_fault_of_a_layer_that_keeps_its_weights_is_named() -> None:
    theirs = trained()[1]
    wrong = copy.deepcopy(theirs)
    with torch.no_grad():
        wrong.weight_hh_l0.copy_(torch.cat([block.T for block in theirs.weight_hh_l0.chunk(3)]))
    report = quick(wrong, against=theirs, sync="none", diagnose=True)
    assert [finding.slug for finding in report.findings] == ["recurrent-weight-transposed"]


@pytest.mark.slow
@pytest.mark.explained
def test_the_number_that_was_ported_wrong_is_told() -> None:
    mine, theirs = trained()
    with torch.no_grad():
        mine.keep.weight[5, 2] += 0.5
    (finding,) = quick(mine, against=theirs, sync="none", diagnose=True).findings
    assert finding.slug == "weights-differ"
    assert "weight_hh_l0 in 1 of 48 numbers, most at [1, 2], gate r: " in finding.message  # row 5 is unit 1 of r
    assert not quick(mine, against=theirs, sync="none").findings


@pytest.mark.slow
@pytest.mark.explained
def test_other_weights_are_no_reason_where_the_layer_is_wrong_too() -> None:
    mine, theirs = trained()

    class AlsoWrong(PortedGRU):
        def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            output, last = super().forward(x, h)
            return output + 0.1 * output.square(), last

    wrong = AlsoWrong(X, H)
    wrong.load_state_dict(mine.state_dict())
    with torch.no_grad():
        wrong.keep.weight[5, 2] += 0.5
    slugs = [each.slug for each in quick(wrong, against=theirs, sync="none", diagnose=True).findings]
    assert slugs
    assert "weights-differ" not in slugs


@pytest.mark.slow
@pytest.mark.explained
def test_the_files_of_two_layers_are_compared_where_both_are_built_in(tmp_path: Path) -> None:
    theirs = trained()[1]
    torch.save(theirs.state_dict(), tmp_path / "theirs.pt")
    theirs.bias_hh_l0.data[-1] += 0.25
    torch.save(theirs.state_dict(), tmp_path / "mine.pt")
    files: dict[str, Any] = {"weights": tmp_path / "mine.pt", "against_weights": tmp_path / "theirs.pt"}
    (finding,) = quick("scratch", sync="none", diagnose=True, **files).findings
    assert "bias_hh_l0 in 1 of 12 numbers, most at [11], gate n: " in finding.message


def test_weights_may_be_given_to_each_side(tmp_path: Path, rnncheck: Command) -> None:
    mine, theirs = trained()
    torch.save({"model": mine.state_dict()}, tmp_path / "mine.pt")
    torch.save(theirs.state_dict(), tmp_path / "theirs.pt")
    own, against = ["--weights", tmp_path / "mine.pt"], ["--against-weights", tmp_path / "theirs.pt"]
    named = f"{__file__}:PortedGRU"
    assert rnncheck("compare", named, "--cell", "gru", "--sync", "none", *own, *against, *QUICK).code == 0
    both = ["--weights", tmp_path / "theirs.pt", *against]
    assert rnncheck("compare", "scratch", "--cell", "gru", "--sync", "none", *both, *QUICK).code == 0
    theirs.weight_hh_l0.data[0, 0] += 1e-3
    torch.save(theirs.state_dict(), tmp_path / "theirs.pt")
    assert rnncheck("compare", named, "--cell", "gru", "--sync", "none", *own, *against, *QUICK).code == 1


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({}, UsageError, "needs weights for torch: add --against-weights FILE"),
        ({"against": PortedGRU}, CannotRun, "PortedGRU has no weights of its own: each construction draws new ones"),
        ({"against": "living", "weight_scale": 2.0}, UsageError, "so --weight-scale does not apply"),
        ({"sync": "reference", "against_weights": {}}, UsageError, "--against-weights needs --sync none"),
        ({"sync": "some"}, UsageError, "sync is 'some'"),
    ],
)
def test_what_has_no_weights_of_its_own_is_refused(options: dict[str, Any], error: type[Exception], said: str) -> None:
    mine, theirs = trained()
    options = {"sync": "none"} | options | ({"against": theirs} if options.get("against") == "living" else {})
    with pytest.raises(error, match=said):
        quick(mine, **options)


def test_a_class_that_draws_its_weights_has_none_of_its_own() -> None:
    theirs = trained()[1]
    with pytest.raises(WeightsError, match="PortedGRU has no weights of its own: each construction draws new ones"):
        quick(PortedGRU, against=theirs, sync="none")


class SeededGRU(PortedGRU):
    """Draws the same weights each time, but others at another dtype."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        torch.manual_seed(0)
        super().__init__(input_size, hidden_size)


def test_a_class_that_seeds_its_weights_keeps_them_at_every_dtype() -> None:
    report = check(SeededGRU, cell="gru", against=SeededGRU, sync="none", witness=False)
    assert any(each.mode == "backward float64" for each in report.comparisons)  # where it is constructed anew
    assert report.verdict == "equivalent"


def test_a_report_says_that_a_living_layer_s_weights_were_replaced() -> None:
    mine, _ = trained()
    before = copy.deepcopy(mine.state_dict())
    notes = quick(mine).notes
    assert any("rnncheck compared a copy with other weights" in note for note in notes)
    assert all(torch.equal(value, before[name]) for name, value in mine.state_dict().items())
    assert not any("replaced" in note for note in quick(PortedGRU).notes)
