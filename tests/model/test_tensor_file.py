"""Files of weights and files of anything else are told apart, and nothing in them is ever run."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save as safetensors_bytes

from rnncheck.errors import ExitCode, WeightsError
from rnncheck.model.tensor_file import read_layer, read_tensors


def torch_bytes(content: object, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def safetensors_with(header: bytes | dict[str, Any], body: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def refusal(path: Path | str) -> str:
    """What the reader is told: one line that names the file, with nothing of torch's in it, and exit code 4."""
    with pytest.raises(WeightsError) as error:
        read_tensors(path)
    message = str(error.value)
    assert error.value.exit_code is ExitCode.CANNOT_RUN
    assert error.value.__suppress_context__ or error.value.__context__ is None
    assert "\n" not in message
    assert "weights_only" not in message
    return message


def refusal_of(tmp_path: Path, content: object, name: str = "weights.pt") -> str:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else torch_bytes(content))
    message = refusal(path)
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


@pytest.mark.parametrize("path", ["https://host/w.pt", "HTTP://host/w", "s3://bucket/w", Path("https://host/w.pt")])
def test_a_url_is_not_fetched(path: str | Path) -> None:
    assert "is not a local file; download it first" in refusal(path)


def test_a_missing_file_and_a_directory_are_called_so(tmp_path: Path) -> None:
    assert "does not exist; --save-weights writes such a file" in refusal(tmp_path / "w.pt")
    assert "is a directory; give the file of weights in it" in refusal(tmp_path)
    assert "'' is a directory" in refusal("")
    assert r"nul\x00 cannot be read: embedded null byte" in refusal("nul\0")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read anything")
def test_a_file_without_permission_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "w.pt").touch(mode=0o000)
    assert "cannot be read: Permission denied" in refusal(tmp_path / "w.pt")


def test_the_files_name_is_made_safe_to_print(tmp_path: Path) -> None:
    assert r"\x1b[31m" in refusal(tmp_path / "\x1b[31m.pt")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "is a Git LFS pointer, not the file itself; fetch it with git lfs pull",
        ),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
        (b"\x93NUMPY\x01\x00", "is a numpy array"),
        (b"GGUF\x03\0\0\0", "is a GGUF file"),
        (b"h,e,l,l,o\n1,2,3,4,5\n", "is neither safetensors nor a file that torch.save wrote"),
        (b"\0" * 100, "is neither safetensors nor"),
    ],
)
def test_files_of_another_kind_are_known_by_their_first_bytes(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in refusal_of(tmp_path, content)


def entry(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes


GOOD = safetensors_bytes({"a": torch.ones(2)})
SAFETENSORS_DAMAGE = {
    "short": (b"abc", "is cut short"),
    "no header": (safetensors_with(b"{}", length=1000), "is cut short: its header is longer than the file"),
    "huge header": (b"\xff" * 20, "is damaged: its header is larger than allowed"),
    "trailing": (GOOD + b"x", "is not as long as its header says"),
    "truncated": (GOOD[:-1], "is not as long as its header says"),
    "bad JSON": (safetensors_with(b"{not json"), "its header is not a valid list of tensors"),
    "not UTF-8": (safetensors_with(b"{\xff\xfe}"), "its header is not a valid list of tensors"),
    "a list": (safetensors_with(b"[1]"), "its header is not a valid list of tensors"),
    "negative": (safetensors_with({"a": entry(shape=[-2])}, b"0" * 8), "its header is not a valid list of tensors"),
    "number format": (
        safetensors_with({"a": entry(dtype="X9")}, b"0" * 8),
        "its header is not a valid list of tensors",
    ),
    "impossible": (
        safetensors_with({"a": entry(shape=[2**40, 2**40])}, b"0" * 8),
        "the shape of a tensor is impossible",
    ),
    "overlap": (
        safetensors_with({"a": entry(), "b": entry(data_offsets=[4, 12])}, b"0" * 12),
        "its tensors overlap, or there are gaps",
    ),
}


@pytest.mark.parametrize("kind", SAFETENSORS_DAMAGE)
def test_damaged_safetensors_are_refused_in_plain_words(tmp_path: Path, kind: str) -> None:
    content, said = SAFETENSORS_DAMAGE[kind]
    message = refusal_of(tmp_path, content, name="w.safetensors")
    assert said in message
    assert message.endswith("; save it or download it again")


class Marker:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("write", ["zip", "legacy", "bare 0", "bare 2", "bare 5"])
def test_code_in_a_file_is_not_run(tmp_path: Path, write: str) -> None:
    evil = {"weight_ih_l0": Marker(tmp_path / "owned")}
    if write.startswith("bare"):
        content = pickle.dumps(evil, protocol=int(write[-1]))
    else:
        content = torch_bytes(evil, _use_new_zipfile_serialization=write == "zip")
    message = refusal_of(tmp_path, content)
    assert not (tmp_path / "owned").exists()
    if write != "bare 0":  # which is plain text, and so is not even recognised
        assert "contains code" in message
        assert "rnncheck loads tensors only: save the layer's state_dict()" in message
    pickle.loads(pickle.dumps(evil))
    assert (tmp_path / "owned").exists(), "the marker works, so its absence above says something"


def test_a_whole_module_is_named_as_the_code_it_is(tmp_path: Path) -> None:
    assert "contains code (torch.nn.modules.rnn.LSTM); rnncheck loads" in refusal_of(tmp_path, torch.nn.LSTM(3, 4))


def test_a_torchscript_archive_is_not_run(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as handle:
        handle.writestr("model/data.pkl", b"")
        handle.writestr("model/constants.pkl", b"")
    assert "is TorchScript: it contains code; save its weights alone" in refusal_of(tmp_path, archive.getvalue())


def test_a_zip_of_something_else_is_called_so(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as handle:
        handle.writestr("weight_ih_l0.npy", b"")
    assert "is an archive of numpy arrays; save it as safetensors" in refusal_of(tmp_path, archive.getvalue())


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_state_dict_is_called_so(tmp_path: Path, zipped: bool, kept: float) -> None:
    content = torch_bytes({"a": torch.ones(50)}, _use_new_zipfile_serialization=zipped)
    message = refusal_of(tmp_path, content[: int(len(content) * kept)])
    assert message == " is cut short or damaged; save it or download it again"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([torch.ones(2)], " holds one object of type list, not tensors by name"),
        (torch.ones(2), " holds one object of type Tensor, not tensors by name"),
        ({"weight_ih_l0": [1.0]}, ": the entry 'weight_ih_l0' is of type list, not a tensor"),
        ({"weight_ih_l0": torch.ones(2), "epoch": 3}, ": the entry 'epoch' is of type int, not a tensor"),
        ({"a\x1b]0;x\n": None}, r": the entry 'a\x1b]0;x\n' is of type NoneType"),
        ({0: torch.ones(2)}, ": the name 0 is of type int, not text"),
        (
            {"epoch": 3, "one": OrderedDict(a=torch.ones(2)), "two": {"b": torch.ones(2)}},
            " is a checkpoint with tensors under 'one', 'two'; save the entry that you need by itself",
        ),
    ],
)
def test_what_is_not_tensors_by_name_is_refused(tmp_path: Path, content: object, said: str) -> None:
    assert refusal_of(tmp_path, content).startswith(said)


def test_a_layer_in_a_state_dict_is_named_behind_the_file(tmp_path: Path) -> None:
    model = torch.nn.ModuleDict({"a": torch.nn.GRU(3, 4), "b": torch.nn.ModuleDict({"c": torch.nn.GRU(3, 4)})})
    torch.save(model.state_dict(), tmp_path / "m.pt")
    read = read_layer(f"{tmp_path / 'm.pt'}::b.c")
    assert read.keys() == model["a"].state_dict().keys()
    assert torch.equal(read["weight_hh_l0"], model.state_dict()["b.c.weight_hh_l0"])
    with pytest.raises(WeightsError, match=r"has no tensors under d; it has tensors under a, b\.c"):
        read_layer(f"{tmp_path / 'm.pt'}::d")
    with pytest.raises(WeightsError, match="does not exist"):
        read_layer(f"{tmp_path / 'n.pt'}::a")
