"""`check` and `assert_equivalent`: the command line's verdicts and defaults, on objects, without a trace outside."""

import inspect
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rnncheck import CannotRun, Report, UsageError, Verdict, assert_equivalent, check
from rnncheck.api import OF_A_LAYER
from rnncheck.checking.check import check as check_plan
from rnncheck.checking.plan import Plan
from rnncheck.cli.options import DEFAULT_SIZES, CompareOptions
from rnncheck.data.random import random_sequences
from rnncheck.implementations.fault import Faulty
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.reporters.terminal import render
from rnncheck.user_code.blame import CandidateError


class OwnLSTM(nn.Module):
    """Right; all gates in one Linear, in an order of its own."""

    def __init__(self, input_size: int, hidden_size: int, scale: float = 1.0) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.scale = input_size, hidden_size, scale
        self.gates = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = state
        outputs = []
        for x_t in x:
            f, i, o, g = self.gates(torch.cat([x_t, h], 1)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh() * self.scale
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs), (h, c)


class ForgetfulRNN(nn.Module):
    """Wrong: the state is not carried along."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.x2h, self.h2h = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def forward(self, x: Tensor, h0: Tensor) -> Tensor:
        return torch.stack([torch.tanh(self.x2h(x_t) + self.h2h(h0)) for x_t in x])


def make_gru(input_size: int, hidden_size: int) -> nn.Module:
    return nn.GRU(input_size, hidden_size)


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("candidate", "cell", "sizes"),
    [
        (OwnLSTM, "lstm", (3, 4)),
        (OwnLSTM(6, 5), "lstm", (6, 5)),
        (make_gru, "gru", (3, 4)),
        (nn.GRU(2, 7, num_layers=2, bidirectional=True), "gru", (2, 7)),
        ("scratch", "rnn", (3, 4)),
        (Faulty("no-recurrence"), "rnn", (3, 4)),
    ],
    ids=["class", "instance", "factory", "torch's", "name", "implementation"],
)
def test_whatever_can_be_a_candidate_is_checked_as_the_cell_and_the_sizes_that_it_is(
    candidate: object, cell: str, sizes: tuple[int, int]
) -> None:
    report = check(candidate, witness=False)
    wrong = isinstance(candidate, Faulty)
    assert report.verdict is (Verdict.MISMATCH if wrong else Verdict.EQUIVALENT)
    assert (report.spec.cell, report.spec.input_size, report.spec.hidden_size) == (cell, *sizes)


@pytest.mark.slow
def test_a_living_layer_says_its_layers_and_directions_and_what_is_given_goes_before() -> None:
    layer = nn.GRU(2, 7, num_layers=2, bidirectional=True)
    spec = check(layer, witness=False, backward=False, lockstep=False).spec
    assert (spec.num_layers, spec.bidirectional) == (2, True)
    with pytest.raises(CannotRun, match="it has the states of 2 layers"):
        check(layer, num_layers=1)


def test_the_numbers_are_those_of_the_same_plan() -> None:
    report = check("torch", cell="lstm", dtype="float64", seed=5, seq_len=7, lengths=[7, 2])
    spec = Spec(Cell.LSTM, dtype=Dtype.FLOAT64)
    plan = Plan(spec, random_sequences(3, 7, 2, lengths=(7, 2), seed=5), "torch", seed=5)
    other = check_plan(plan)
    assert report.sequences == other.sequences
    mine = {(each.quantity, each.mode): each.compared for each in report.comparisons}
    assert mine == {(each.quantity, each.mode): each.compared for each in other.comparisons}
    assert [each.reference for each in report.comparisons[0].per_timestep] == [
        each.reference for each in other.comparisons[0].per_timestep
    ]


def test_its_defaults_are_the_command_lines() -> None:
    options = CompareOptions()
    parameters = inspect.signature(check).parameters
    mine = {name: each.default for name, each in parameters.items() if name not in ("candidate", "arguments", "data")}
    for name in OF_A_LAYER:
        assert mine.pop(name) is None
    assert {name: str(value) for name, value in mine.items()} == {name: str(getattr(options, name)) for name in mine}
    spec = check(witness=False).spec
    assert spec == Spec(**DEFAULT_SIZES)


def test_two_classes_of_one_name_are_held_against_each_other() -> None:
    def pair() -> tuple[type[nn.Module], type[nn.Module]]:
        made = []
        for order in ("ifog", "ofig"):

            class Twin(nn.Module):
                letters = order

                def __init__(self, input_size: int, hidden_size: int) -> None:
                    super().__init__()
                    self.gates = nn.Linear(input_size + hidden_size, 4 * hidden_size)

                def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
                    h, c = state
                    blocks = self.gates(torch.cat([x, h], 1)).chunk(4, 1)
                    i, f, o, g = (blocks[self.letters.index(gate)] for gate in "ifog")
                    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                    return o.sigmoid() * c.tanh(), c

            made.append(Twin)
        return made[0], made[1]

    first, second = pair()
    report = check(first, against=second, cell="lstm")
    assert report.candidate.name == report.reference.name
    assert report.verdict is Verdict.EQUIVALENT


@pytest.mark.parametrize("kind", ["tensor", "array", "one sequence", "file"])
def test_data_of_ones_own(kind: str, tmp_path: Path) -> None:
    x = torch.randn(6, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    if kind == "file":
        np.save(tmp_path / "x.npy", x.numpy())
    forms: dict[str, Any] = {
        "tensor": x.clone().requires_grad_(),
        "array": x.numpy(),
        "one sequence": x[:, 0].tolist(),
        "file": tmp_path / "x.npy",
    }
    reference = nn.RNN(3, 4).double()
    state = reference.state_dict()
    report = check("scratch", data=forms[kind], weights=state, h0="zeros", dtype="float64", witness=False)
    assert report.verdict is Verdict.EQUIVALENT
    rows = 1 if kind == "one sequence" else 2
    assert report.sequences.shape == (6, rows, 3)
    with torch.no_grad():
        expected = reference(x[:, :rows])[0]
    shown = report.comparisons[0]
    torch.testing.assert_close(
        torch.tensor([each.reference for each in shown.per_timestep], dtype=torch.float64),
        expected[:, shown.shown_batch],
        rtol=1e-12,
        atol=1e-12,
    )


def test_the_rows_of_an_array_have_lengths_and_the_array_stays_as_it_is() -> None:
    x = torch.ones(5, 2, 3)
    report = check("scratch", data=x, lengths=[5, 2], witness=False)
    assert (report.verdict, report.sequences.lengths) == (Verdict.EQUIVALENT, (5, 2))
    assert bool((x == 1).all())


@pytest.mark.slow
def test_what_its_constructor_is_given() -> None:
    assert check(OwnLSTM, arguments={"scale": 1.0}, witness=False).verdict is Verdict.EQUIVALENT
    assert check(OwnLSTM, arguments={"scale": 0.5}, cell="lstm", diagnose=False).verdict is Verdict.MISMATCH
    with pytest.raises(CannotRun, match="did you mean scale"):
        check(OwnLSTM, arguments={"scales": 0.5})
    with pytest.raises(UsageError, match="neither side is one"):
        check(arguments={"scale": 0.5})


def world() -> list[Any]:
    return [
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),
        random.getstate(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.get_num_threads(),
    ]


@pytest.mark.parametrize("grad", [True, False])
def test_nothing_outside_is_changed(grad: bool) -> None:
    layer = nn.LSTM(3, 4).train()
    layer(torch.zeros(2, 1, 3))[0].sum().backward()
    held = {name: (value.clone(), value.grad.clone()) for name, value in layer.named_parameters()}  # type: ignore[union-attr]
    with torch.set_grad_enabled(grad):
        before = world()
        assert check(layer, dtype="float64").verdict is Verdict.EQUIVALENT
        assert world() == before
    assert layer.training
    for name, value in layer.named_parameters():
        assert value.dtype is torch.float32
        assert value.requires_grad
        assert torch.equal(value, held[name][0])
        assert value.grad is not None
        assert torch.equal(value.grad, held[name][1])


def test_an_equivalence_is_returned() -> None:
    report = assert_equivalent(OwnLSTM, witness=False)
    assert isinstance(report, Report)
    assert report.exit_code == 0


@pytest.mark.sample(1)
@pytest.mark.explained
@pytest.mark.parametrize(
    ("candidate", "options", "verdict"),
    [(ForgetfulRNN, {}, Verdict.MISMATCH), (OwnLSTM, {"strict": True, "atol": 0.01}, Verdict.INCONCLUSIVE)],
    ids=["mismatch", "inconclusive"],
)
def test_anything_else_fails_with_the_report_as_on_the_screen(
    candidate: object, options: dict[str, Any], verdict: Verdict
) -> None:
    report = check(candidate, **options)
    assert report.verdict is verdict
    with pytest.raises(AssertionError) as raised:
        assert_equivalent(candidate, **options)
    text = str(raised.value)
    assert text == render(report).rstrip()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.slow
def test_pytest_shows_the_line_of_the_test_and_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        "from rnncheck import assert_equivalent\n"
        "def test_mine():\n    assert_equivalent('fault:no-recurrence', diagnose=False, backward=False)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no", str(tmp_path / "test_mine.py")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    assert ended.returncode == 1, ended.stderr
    assert "first difference at t = 0" in ended.stdout
    assert "test_mine.py:3: AssertionError" in ended.stdout
    assert "api.py" not in ended.stdout


@pytest.mark.slow
def test_a_mistake_in_the_candidate_is_told_at_its_line() -> None:
    class BrokenRNN(ForgetfulRNN):
        def forward(self, x: Tensor, h0: Tensor) -> Tensor:
            raise ValueError("broken on purpose")

    with pytest.raises(CandidateError, match=r"test_api\.py:\d+ in forward: ValueError: broken on purpose"):
        check(BrokenRNN)


def test_a_stated_tolerance_and_gradients_are_the_options_of_the_command_line() -> None:
    report = check(OwnLSTM, atol=1e-5, witness=False)
    assert (report.tolerance.kind, report.tolerance.atol) == ("stated", 1e-5)
    assert {each.mode for each in report.comparisons} == {"free"}
    modes = {
        each.mode for each in check(OwnLSTM, backward=False, lockstep=False, paths="none", witness=False).comparisons
    }
    assert modes == {"free"}


@pytest.mark.slow
def test_a_mapping_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(
        'schema = "rnncheck/mapping/1"\ncell = "rnn"\n\n[tensors]\n'
        '"x2h.weight" = "weight_ih_l0"\n"x2h.bias" = "bias_ih_l0"\n'
        '"h2h.weight" = "weight_hh_l0.T"\n"h2h.bias" = "bias_hh_l0"\n'
    )
    report = check(ForgetfulRNN, mapping=path, diagnose=False)
    assert {each.candidate: each.from_ for each in report.mapping}["h2h.weight"] == "weight_hh_l0.T"


def test_a_spec_of_the_report_can_be_asked_again() -> None:
    spec = check(OwnLSTM, witness=False).spec
    again = check(OwnLSTM, cell=spec.cell, hidden_size=spec.hidden_size, dtype=spec.dtype, witness=False)
    assert again.spec == replace(spec)
