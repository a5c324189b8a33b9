"""Weights come back from a file bit for bit, or the reader is told in a line or two why they cannot."""

import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from safetensors.torch import save as safetensors_bytes

from rnncheck.errors import ExitCode, OutputError, WeightsError
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.weights import Weights, draw
from rnncheck.model.weights_file import load, save

RNN = Spec()  # 3 inputs, 4 hidden units
WIDE = Spec(cell=Cell.LSTM, input_size=7, hidden_size=6, num_layers=2, bidirectional=True, proj_size=3, head="softmax")


def parameters(spec: Spec = RNN) -> dict[str, torch.Tensor]:
    return dict(draw(spec, 0).values)


def torch_bytes(content: object, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def refusal(path: Path | str, spec: Spec = RNN) -> str:
    """What the reader is told: one or two lines, that name the file and end with exit code 4."""
    with pytest.raises(WeightsError) as error:
        load(path, spec)
    message = str(error.value)
    assert error.value.exit_code is ExitCode.CANNOT_RUN
    assert error.value.__suppress_context__ or error.value.__context__ is None
    assert message.count("\n") <= 1
    return message


def refusal_of(tmp_path: Path, content: object, spec: Spec = RNN, name: str = "weights.pt") -> str:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else torch_bytes(content))
    message = refusal(path, spec)
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


# What is written and read


@pytest.mark.parametrize("spec", [RNN, WIDE, Spec(cell=Cell.GRU, bias=False)])
def test_saved_weights_come_back_bit_for_bit_and_in_order(tmp_path: Path, spec: Spec) -> None:
    saved = draw(spec, 3)
    save(tmp_path / "w.safetensors", saved)
    loaded = load(tmp_path / "w.safetensors", spec)
    assert list(loaded.values) == list(spec.parameter_shapes())
    for name, value in loaded.values.items():
        assert value.dtype is torch.float64
        assert torch.equal(value, saved.values[name])


def test_a_saved_file_loads_into_torchs_own_layer(tmp_path: Path) -> None:
    spec = Spec(cell=Cell.LSTM)
    save(tmp_path / "w.safetensors", draw(spec, 0))
    layer = torch.nn.LSTM(3, 4)
    layer.load_state_dict(load_file(tmp_path / "w.safetensors"))
    assert torch.equal(layer.weight_hh_l0, draw(spec, 0).cast(spec)["weight_hh_l0"])


def test_the_same_weights_make_the_same_file(tmp_path: Path) -> None:
    save(tmp_path / "a", draw(WIDE, 0))
    save(tmp_path / "b", draw(WIDE, 0))
    save(tmp_path / "c", draw(WIDE, 1))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


def test_transposed_views_and_tied_parameters_are_saved_by_value(tmp_path: Path) -> None:
    square = torch.arange(16, dtype=torch.float64).reshape(4, 4)
    bias = torch.arange(4, dtype=torch.float64)
    spec = Spec(input_size=4)
    tied = {"weight_ih_l0": square, "weight_hh_l0": square.T, "bias_ih_l0": bias, "bias_hh_l0": bias}
    save(tmp_path / "w.safetensors", Weights(tied))
    loaded = load(tmp_path / "w.safetensors", spec).values
    assert all(torch.equal(loaded[name], value) for name, value in tied.items())


def test_weights_that_cannot_be_written_are_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        save(tmp_path / "nowhere" / "w.safetensors", draw(RNN, 0))


@pytest.mark.parametrize("dtype", Dtype)
@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.bin", "w"])
def test_every_float_widens_exactly_whatever_the_file_is_called(
    tmp_path: Path, dtype: Dtype, kind: str, name: str
) -> None:
    stored = {key: value.to(getattr(torch, dtype)) for key, value in parameters().items()}
    writers = {
        "safetensors": safetensors_bytes,
        "zip": torch_bytes,
        "legacy": lambda tensors: torch_bytes(tensors, _use_new_zipfile_serialization=False),
    }
    (tmp_path / name).write_bytes(writers[kind](stored))
    loaded = load(tmp_path / name, RNN).values
    for key, value in loaded.items():
        assert value.dtype is torch.float64
        assert torch.equal(value.to(stored[key].dtype), stored[key])
        assert torch.equal(value, stored[key].double())


def test_a_state_dict_on_file_is_read_as_torch_wrote_it(tmp_path: Path) -> None:
    layer = torch.nn.GRU(3, 4, 2, bidirectional=True)
    spec = Spec(cell=Cell.GRU, num_layers=2, bidirectional=True)
    torch.save(layer.state_dict(), tmp_path / "w.pth")
    loaded = load(tmp_path / "w.pth", spec).cast(spec)
    assert all(torch.equal(loaded[name], value) for name, value in layer.state_dict().items())


def test_parameters_lose_their_gradients_and_strides_on_the_way(tmp_path: Path) -> None:
    stored = parameters(Spec(input_size=4))
    stored["weight_ih_l0"] = torch.nn.Parameter(stored["weight_ih_l0"].T)
    torch.save(stored, tmp_path / "w.pt")
    value = load(tmp_path / "w.pt", Spec(input_size=4)).values["weight_ih_l0"]
    assert torch.equal(value, stored["weight_ih_l0"])
    assert value.is_contiguous()
    assert not value.requires_grad


@pytest.mark.parametrize("write", [safetensors_bytes, torch_bytes])
def test_loaded_weights_do_not_change_when_the_file_or_a_tied_parameter_does(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "w"
    path.write_bytes(write(parameters()))
    loaded = load(path, RNN).values
    with path.open("r+b") as handle:
        handle.write(b"\xff" * path.stat().st_size)
    assert torch.equal(loaded["weight_hh_l0"], parameters()["weight_hh_l0"])
    loaded["bias_ih_l0"].zero_()
    assert loaded["bias_hh_l0"].any()


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_weights_are_read_from_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = safetensors_bytes(parameters())
    threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True).start()
    assert list(load(pipe, RNN).values) == list(RNN.parameter_shapes())


# What is refused


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), write=st.sampled_from(["safetensors", "zip", "legacy"]))
def test_a_file_with_any_byte_changed_loads_or_is_refused_but_never_crashes(
    tmp_path: Path, data: st.DataObject, write: str
) -> None:
    content = bytearray(
        safetensors_bytes(parameters())
        if write == "safetensors"
        else torch_bytes(parameters(), _use_new_zipfile_serialization=write == "zip")
    )
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "w"
    path.write_bytes(content)
    try:
        loaded = load(path, RNN, allow_nonfinite=True)
    except WeightsError:
        return
    assert {name: tuple(value.shape) for name, value in loaded.values.items()} == RNN.parameter_shapes()


@pytest.mark.parametrize(
    "dtype", [torch.int64, torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn, torch.int8]
)
@pytest.mark.parametrize("write", [safetensors_bytes, torch_bytes])
def test_numbers_that_are_no_weights_are_refused_by_name_and_type(
    tmp_path: Path, dtype: torch.dtype, write: Any
) -> None:
    content = write(parameters() | {"bias_hh_l0": torch.ones(4).to(dtype)})
    kind = str(dtype).removeprefix("torch.")
    said = f": bias_hh_l0 is {kind}; weights are float64, float32, bfloat16 or float16"
    assert refusal_of(tmp_path, content) == said


def test_a_sparse_or_an_empty_shell_of_a_tensor_is_refused(tmp_path: Path) -> None:
    sparse = parameters() | {"weight_hh_l0": torch.eye(4).to_sparse()}
    assert "weight_hh_l0 is sparse; save it after to_dense()" in refusal_of(tmp_path, sparse)
    meta = parameters() | {"weight_hh_l0": torch.empty(4, 4, device="meta")}
    assert "weight_hh_l0 has a shape but no values" in refusal_of(tmp_path, meta)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_not_finite_are_shown_with_their_place_unless_allowed(tmp_path: Path, value: float) -> None:
    stored = parameters()
    stored["weight_hh_l0"][2, 3] = value
    message = refusal_of(tmp_path, stored)
    assert message == f" holds NaN or infinity: weight_hh_l0[2, 3] is {value}\n--allow-nonfinite accepts them"
    loaded = load(tmp_path / "weights.pt", RNN, allow_nonfinite=True).values
    torch.testing.assert_close(loaded["weight_hh_l0"], stored["weight_hh_l0"], rtol=0, atol=0, equal_nan=True)
