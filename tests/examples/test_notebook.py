"""The notebook, honoured: its printed numbers come out of ours, and its class is told from what it was meant to be."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from check_notebook import ELMAN, check_notebook
from make_inputs import make_inputs
from notebook_rnn import NotebookRNN
from safetensors.torch import load_file
from torch import Tensor, nn

from rnncheck import scratch
from rnncheck.data.open import FileOptions, open_data
from rnncheck.data.random import random_sequences
from rnncheck.errors import ExitCode
from rnncheck.report import Verdict

FOLDER = Path(__file__).parents[2] / "examples" / "notebook"
GOLDEN = json.loads((FOLDER / "golden.json").read_text())
AS_PRINTED = {"atol": 1e-4, "rtol": 0.0}  # the notebook shows four decimals, of its weights too


def data() -> Tensor:
    return torch.from_numpy(next(open_data(str(FOLDER / "data.csv"), FileOptions()).chunks(30))).float().squeeze(1)


def printed(states: list[float]) -> Tensor:
    return torch.tensor(states).unsqueeze(1)


def assert_as_printed(states: Tensor, expected: list[float]) -> None:
    torch.testing.assert_close(states, printed(expected), **AS_PRINTED)


def torch_layer() -> nn.RNN:
    layer = nn.RNN(2, 1)
    layer.load_state_dict(load_file(FOLDER / "weights.safetensors"))
    return layer


def notebook_class() -> NotebookRNN:
    layer = NotebookRNN(2, 1)
    with torch.no_grad():
        for name in ("waa", "baa", "wax", "bax"):
            getattr(layer, name).copy_(torch.tensor(GOLDEN["notebook_scratch"][name]))
    return layer


def test_the_committed_inputs_are_what_the_script_writes(tmp_path: Path) -> None:
    make_inputs(tmp_path)
    assert (tmp_path / "data.csv").read_text() == (FOLDER / "data.csv").read_text()
    for name in ("weights.safetensors", "notebook_weights.safetensors"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


def test_the_data_file_holds_the_draws_the_notebook_printed() -> None:
    torch.manual_seed(GOLDEN["data_seed"])
    assert torch.equal(data(), torch.rand(*GOLDEN["data_shape"]))
    torch.testing.assert_close(data()[:3], torch.tensor(GOLDEN["data_first_rows"]), **AS_PRINTED)
    torch.testing.assert_close(data()[-1], torch.tensor(GOLDEN["data_last_row"]), **AS_PRINTED)


def test_uniform_sequences_of_seed_42_are_that_very_data() -> None:
    x = next(random_sequences(2, 30, 1, seed=42, init="uniform").chunks(30))
    assert torch.equal(torch.from_numpy(x).float().squeeze(1), data())


def test_the_compare_command_draws_that_data(rnncheck: Callable[..., Any]) -> None:
    of_the_notebook = ("--hidden-size", 1, "--h0", "zeros", "--weights", FOLDER / "weights.safetensors")
    asked = ("--seed", 42, "--init", "uniform", "--input-size", 2, "--batch-size", 1, "--seq-len", 30)
    outcome = rnncheck("compare", *asked, *of_the_notebook, "--format", "json", "--rows", "all")
    assert outcome.code == ExitCode.EQUIVALENT
    assert_states_of_the_report(json.loads(outcome.stdout))


def test_torch_gives_the_printed_states_and_final_state() -> None:
    output, h_n = torch_layer()(data())
    assert_as_printed(output.detach(), GOLDEN["nn_rnn"]["states"])
    assert h_n.item() == pytest.approx(GOLDEN["nn_rnn"]["final"], abs=1e-4)


def test_the_run_command_gives_the_printed_states_on_both_sides(rnncheck: Callable[..., Any]) -> None:
    of_the_notebook = ("--weights", FOLDER / "weights.safetensors", "--hidden-size", 1, "--h0", "zeros")
    outcome = rnncheck("run", FOLDER / "data.csv", *of_the_notebook, "--format", "json", "--rows", "all")
    assert outcome.code == ExitCode.EQUIVALENT
    assert_states_of_the_report(json.loads(outcome.stdout))


def assert_states_of_the_report(report: dict[str, Any]) -> None:
    output, final = (
        next(each for each in report["comparisons"] if each["quantity"] == name) for name in ("output", "h_n")
    )
    assert [step["t"] for step in output["per_timestep"]] == list(range(30))
    for side in ("candidate", "reference"):
        assert_as_printed(torch.tensor([step[side] for step in output["per_timestep"]]), GOLDEN["nn_rnn"]["states"])
        assert output["per_timestep"][-1][side] == pytest.approx([GOLDEN["nn_rnn"]["final"]], abs=1e-4)
    assert final["compared"] == 1
    assert final["exceeded"] == 0


def test_our_scratch_layer_gives_the_printed_states_and_those_of_torch() -> None:
    layer = scratch.RNN(2, 1)
    layer.load_state_dict(torch_layer().state_dict())
    output, h_n = layer(data())
    assert_as_printed(output.detach(), GOLDEN["nn_rnn"]["states"])
    torch.testing.assert_close((output, h_n), torch_layer()(data()))


def test_the_class_gives_the_states_the_notebook_printed_for_it() -> None:
    states, last = notebook_class()(data())
    assert_as_printed(states.detach(), GOLDEN["notebook_scratch"]["states"])
    assert last.item() == pytest.approx(GOLDEN["notebook_scratch"]["states"][-1], abs=1e-4)


def test_the_class_is_a_mismatch_from_t_1_on_and_agrees_at_t_0() -> None:
    report = check_notebook()
    assert report.spec == ELMAN
    assert report.verdict is Verdict.MISMATCH
    assert report.exit_code == ExitCode.MISMATCH
    assert report.first_divergence is not None
    assert report.first_divergence.t == 1
    output = report.comparisons[0]
    assert [step.t for step in output.per_timestep if step.exceeded] == list(range(1, 30))
    assert_as_printed(
        torch.tensor([step.candidate for step in output.per_timestep]), GOLDEN["notebook_scratch"]["states"]
    )


def test_its_script_prints_the_report_and_ends_with_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(FOLDER / "check_notebook.py"), run_name="__main__")
    assert ended.value.code == ExitCode.MISMATCH
    assert "mismatch" in capsys.readouterr().out.lower()


def test_the_recurrent_weight_of_the_class_never_enters() -> None:
    layer = notebook_class()
    before = layer(data())[0]
    with torch.no_grad():
        layer.waa.mul_(100)
    assert torch.equal(layer(data())[0], before)


def test_the_head_of_the_class_is_never_trained() -> None:
    layer = notebook_class()
    layer(data())[0].sum().backward()
    assert layer.wax.grad is not None
    assert layer.way.grad is None
    assert layer.bay.grad is None


def test_the_biases_of_the_class_are_one_number_however_many_units_there_are() -> None:
    layer = NotebookRNN(2, 5)
    assert layer.baa.shape == layer.bax.shape == (1,)


def test_parameters_of_the_class_are_empty_as_soon_as_moving_it_means_something() -> None:
    # "meta" stands for any device that is not where the parameters were made; no GPU is needed to see this.
    assert list(NotebookRNN(2, 3, device="meta").parameters()) == []
    assert NotebookRNN(2, 3, device="meta").state_dict() == {}


def test_on_the_cpu_moving_returns_the_parameter_itself_which_hides_that_bug() -> None:
    assert len(list(NotebookRNN(2, 3, device="cpu").parameters())) == 6


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")
def test_on_a_gpu_parameters_of_the_class_are_empty() -> None:
    assert list(NotebookRNN(2, 3, device="cuda").parameters()) == []


def test_a_given_hidden_state_crashes_the_class_for_more_than_one_unit() -> None:
    with pytest.raises(RuntimeError, match="more than one value is ambiguous"):
        NotebookRNN(2, 3)(data(), torch.rand(1, 3))
