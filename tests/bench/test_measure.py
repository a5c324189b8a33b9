"""Times are of the layer's own call, of layers that are equivalent, and say what could not be timed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rnncheck.bench import measure, timing
from rnncheck.bench.measure import ready
from rnncheck.checking.examine import build_synced
from rnncheck.implementations import load
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights

EXAMPLES = Path(__file__).parents[2] / "examples" / "candidates"
TINY = ("--hidden-size", "5", "--input-size", "3", "--seq-len", "4", "--batch-size", "2", "--seconds", "0.01")


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("torch", Cell.LSTM),
        ("scratch", Cell.GRU),
        ("numpy", Cell.LSTM),
        (f"{EXAMPLES / 'stacked_rnn.py'}:StackedRNN", Cell.RNN),
        (f"{EXAMPLES / 'reordered_lstm.py'}:ReorderedLSTMCell", Cell.LSTM),
        (f"{EXAMPLES / 'numpy_rnn.py'}:rnn_forward", Cell.RNN),
    ],
)
def test_what_is_timed_computes_what_a_run_does(name: str, cell: Cell) -> None:
    spec = Spec(cell, input_size=3, hidden_size=5)
    generator = torch.Generator().manual_seed(0)
    weights = Weights(
        {key: torch.randn(shape, generator=generator).double() / 3 for key, shape in spec.parameter_shapes().items()}
    )
    x = torch.randn(4, 2, 3, generator=generator)
    h = torch.randn(1, 2, 5, generator=generator)
    state = State(h, h / 2 if cell is Cell.LSTM else None)
    layer = build_synced(load(name), spec, weights)
    with torch.no_grad(), ready(layer, x, state) as call:
        once, again = call(), call()
        expected = layer.run(x, state).output
    assert torch.equal(once, expected)
    assert torch.equal(again, expected)


def test_the_slower_of_two_calls_is_found() -> None:
    ours, theirs, speed = timing.race((lambda: None, lambda: sum(range(20_000))), "cpu", 0.02, 1)
    assert speed.low > 1
    assert ours.calls > theirs.calls > 0
    assert theirs.lower <= theirs.median <= theirs.upper


def test_gradients_are_taken_of_every_leaf() -> None:
    weight = torch.ones(3, requires_grad=True)
    found: Any = timing.forward_and_backward(lambda: weight * 2, [weight])()
    assert found[0].shape == weight.shape
    assert timing.first(timing.forward_and_backward(lambda: weight.detach(), [weight]), "cpu") is None


def test_gradients_of_x_are_timed_whatever_its_axes(
    rnncheck: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[Any] = []

    def race(calls: Any, *how: Any) -> Any:
        timed.append([call() for call in calls])
        return timing.race(calls, *how)

    monkeypatch.setattr(measure, "race", race)
    ended = rnncheck("bench", "--cell", "lstm", "--batch-first", *TINY)
    assert ended.code == 0, ended.stderr
    _, gradients = timed
    assert [[tuple(each.shape) for each in side][-1] for side in gradients] == [(4, 2, 3)] * 2


@pytest.mark.slow
def test_every_size_is_compiled_by_itself(rnncheck: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    own, shapes = torch.compile, list[Any]()

    def backend(graph: Any, inputs: Any) -> Any:
        shapes.extend(size for each in inputs if isinstance(each, torch.Tensor) for size in each.shape)
        return graph

    monkeypatch.setattr(torch, "compile", lambda module: own(module, backend=backend))
    name = f"{EXAMPLES / 'stacked_rnn.py'}:StackedRNN"
    ended = rnncheck("bench", name, *TINY, "--batch-size", "7,9,11", "--compile", "--no-backward")
    assert ended.code == 0, ended.stderr
    assert {7, 9, 11} <= {each for each in shapes if type(each) is int}
    assert all(type(each) is int for each in shapes), "a size that was compiled for any size"


def test_the_memory_of_a_call_is_counted() -> None:
    size = 64 * 2**20
    found = timing.peak(lambda: torch.ones(size, dtype=torch.uint8), "cpu")
    if found is None:
        pytest.skip("this system does not say how much memory a call holds")
    assert 0.8 * size < found < 3 * size


def test_every_format_is_written(rnncheck: Callable[..., Any], tmp_path: Path) -> None:
    names = {"json": "t.json", "csv": "t.csv", "markdown": "t.md"}
    reports = [word for name, file in names.items() for word in ("--report", f"{name}={tmp_path / file}")]
    ended = rnncheck("bench", "numpy", "--cell", "gru", *TINY, *reports)
    assert ended.code == 0, ended.stderr
    assert "forward and backward was not timed: numpy has no gradients" in " ".join(ended.stdout.split())
    told = json.loads((tmp_path / "t.json").read_text())
    assert [(each["size"]["hidden_size"], each["run"]) for each in told["rows"]] == [(5, "forward")]
    assert all((tmp_path / file).stat().st_size for file in names.values())

    again = rnncheck("bench", "numpy", "--cell", "gru", *TINY, "--baseline", tmp_path / "t.json", "--fail-below", "1e9")
    assert again.code == 6
    assert "since the baseline" in again.stdout
    quiet = rnncheck("bench", "numpy", "--cell", "gru", *TINY, "-q")
    assert quiet.stdout.startswith("numpy and torch compute the same GRU")
    assert quiet.stdout.count("\n") == 1
    other = rnncheck("bench", "numpy", "--cell", "rnn", *TINY, "--baseline", tmp_path / "t.json")
    assert (other.code, "cell gru, not rnn" in other.stderr) == (4, True)
    sized = rnncheck("bench", "numpy", "--cell", "gru", *TINY, "--seq-len", "7", "--baseline", tmp_path / "t.json")
    assert (sized.code, "has none of these sizes" in sized.stderr) == (4, True)


def test_a_wrong_layer_is_not_timed(rnncheck: Callable[..., Any], tmp_path: Path) -> None:
    files = {name: tmp_path / f"t.{name}" for name in ("json", "csv", "markdown")}
    reports = [word for name, path in files.items() for word in ("--report", f"{name}={path}")]
    ended = rnncheck("bench", "fault:no-recurrence", *TINY, *reports)
    assert ended.code == 1
    assert "no-recurrence" in ended.stdout
    assert "fault:no-recurrence was not timed, because the verdict is mismatch" in ended.stderr
    assert json.loads(files["json"].read_text())["verdict"] == "mismatch"
    assert len(files["csv"].read_text().splitlines()) == 1
    assert "no-recurrence" in files["markdown"].read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--hidden-size", "4,x"], 2, "--hidden-size is 4,x; it must be whole numbers from 1"),
        (["--batch-size", "0"], 2, "--batch-size is 0"),
        (["--batch-size", "1" * 5000], 2, "--batch-size is 111"),
        (["--seconds", "nan"], 2, "--seconds is nan; it must be a finite number"),
        (["--fail-below", "inf"], 2, "--fail-below is inf"),
        (["--report", "junit=x.xml"], 2, "with json, csv, markdown, html"),
        (["--report", "csv=a.csv", "--report", "json=a.csv"], 2, "two reports would be written to a.csv"),
        (["--quiet", "--format", "json"], 2, "needs a file"),
        (["--baseline", "no-such.json"], 4, "cannot read no-such.json"),
        (["exec:true {inputs} {outputs}"], 4, "it starts a process for each call"),
    ],
)
def test_what_cannot_be_timed_is_told(arguments: list[str], code: int, said: str, rnncheck: Callable[..., Any]) -> None:
    ended = rnncheck("bench", *arguments)
    assert (ended.code, ended.stdout) == (code, "")
    assert said in ended.stderr
