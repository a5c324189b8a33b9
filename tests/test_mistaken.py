"""A file given in the place of another: the error says what it is, and what to do with it, which then works."""

import bz2
import gzip
import io
import json
import re
import sqlite3
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from rnncheck.errors import ExitCode
from rnncheck.kinds import KINDS
from rnncheck.mistaken import START, known, refusal

QUICK = ("--no-witness", "--no-diagnose", "--paths", "none", "--no-lockstep", "--quiet")
TABLE = "a,b,c\n1,2,3\n4,5,7\n6,7,8\n"


def zipped(**members: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return content.getvalue()


def saved(value: object) -> bytes:
    content = io.BytesIO()
    torch.save(value, content)
    return content.getvalue()


def npz() -> bytes:
    content = io.BytesIO()
    np.savez(content, **{name: value.detach().numpy() for name, value in torch.nn.RNN(3, 4).state_dict().items()})
    return content.getvalue()


def notebook() -> str:
    source = "import torch\n\n\nclass Own(torch.nn.RNN):\n    pass\n"
    cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


# Of each file its content, what it is, and what to do with it as data, as weights and as a candidate; None: it is read.
FILES: dict[str, tuple[bytes | str, str, tuple[str | None, str | None, str | None]]] = {
    "n.ipynb": (notebook(), "a notebook", ("rnncheck run DATA n.ipynb", "name the class with it", None)),
    "n.csv": (notebook(), "a notebook", ("rnncheck run DATA n.csv", "name the class", "rename it to end in .ipynb")),
    "m.py": ("import torch\n", "Python code", ("rnncheck run DATA m.py", "name the class with it", None)),
    "m.onnx": (b"\x08\x08\x12\0x", "an ONNX model", ("rnncheck run DATA m.onnx", "rnncheck compare m.onnx", None)),
    "m.keras": (zipped(**{"model.weights.h5": ""}), "a Keras model", ("--weights m.keras", None, "--weights m.keras")),
    "m.h5": (b"\x89HDF\r\n\x1a\n\0", "an HDF5 file", ("h5py.File('m.h5')", None, "--weights m.h5")),
    "sd.pt": (saved({"a": torch.ones(2)}), "a file that torch.save wrote", ("--weights", None, "--weights sd.pt")),
    "t.csv": (saved({"a": torch.ones(2)}), "a file that torch.save wrote", ("--weights", None, "--weights t.csv")),
    "w.npz": (npz(), "an archive of numpy arrays", ("numpy.load('w.npz')", "safetensors", "a candidate is a class")),
    "d.pkl": (b"\x80\x04}.", "a pickle", ("save the array as .npy", "state_dict", "name the class")),
    "d.csv": (TABLE, "a table of text", (None, "save_file", "rnncheck run d.csv")),
    "d.parquet": (b"PAR1\0\0", "a Parquet file", (None, "--weights takes", "rnncheck run d.parquet")),
    "d.npy": (b"\x93NUMPY\1\0", "a numpy array", (None, "save_file", "rnncheck run d.npy")),
    "d.xlsx": (zipped(**{"xl/workbook.xml": ""}), "an Excel workbook", ("as CSV", "--weights takes", "a class")),
    "d.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", "an Excel workbook", ("as CSV", "--weights takes", "a class")),
    "d.zip": (zipped(a=""), "a zip archive", ("unpack it", "unpack it", "unpack it")),
    "d.csv.zip": (zipped(a=""), "a zip archive", ("unpack it", "unpack it", "unpack it")),
    "z.csv": (gzip.compress(b"1"), "gzip data", ("rename it to end in .csv.gz", "unpack it", "unpack it")),
    "b.csv": (bz2.compress(b"1"), "bzip2 data", ("rename it to end in .csv.bz2", "unpack it", "unpack it")),
    "p.html": ("<!DOCTYPE html>\n<p>", "a web page or XML", ("download the file itself",) * 3),
    "p.csv": ("\n<html>", "a web page or XML", ("download the file itself",) * 3),
    "l.csv": ("version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer", ("git lfs pull",) * 3),
    "d.json": ('[{"a": 1}]', "JSON", ("pandas.read_json('d.json')", "save_file", "a candidate is a class")),
    "d.jsonl": ('{"a": 1}\n{"a": 2}\n', "JSON", ("pandas.read_json('d.jsonl'", "save_file", "a class")),
    "p.png": (b"\x89PNG\r\n\x1a\n", "a PNG image", ("rnncheck run reads CSV", "--weights takes", "a class")),
    "p.pdf": (b"%PDF-1.4", "a PDF document", ("rnncheck run reads CSV", "--weights takes", "a class")),
    "d.sqlite": (b"SQLite format 3\0", "an SQLite database", ("sqlite3 -header -csv", "--weights takes", "a class")),
    "d.tar": (b"x" * 257 + b"ustar\0", "a tar archive", ("unpack it", "unpack it", "unpack it")),
    "g.gguf": (b"GGUF\3\0\0\0", "a GGUF file", ("it is no data", "convert it", "convert it")),
    "c.toml": ("a = 1\n", "a TOML file", ("check --config c.toml", "--mapping", "check --config c.toml")),
}
ROLES = ("data", "weights", "candidate")


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_kind_is_called_what_it_is_in_every_role(name: str) -> None:
    content, what, ways = FILES[name]
    read = content.encode() if isinstance(content, str) else content
    for role, way in zip(ROLES, ways, strict=True):
        said = refusal(name, role, read[:START], io.BytesIO(read))  # type: ignore[arg-type]
        if way is not None:
            assert said is not None, role
            assert said.startswith(f"{name} is {what}")
            assert way in said


@pytest.mark.parametrize("name", FILES)
def test_every_command_says_so_with_exit_code_4(name: str, rnncheck: Any, here: Path) -> None:
    content, what, ways = FILES[name]
    (here / name).write_bytes(content.encode() if isinstance(content, str) else content)
    commands = (
        ("run", name),
        ("compare", "torch", "--weights", name),
        ("compare", name),
        ("compare", "--against", name),
    )
    for command, way in zip(commands, (*ways, ways[2]), strict=True):
        if way is not None:
            result = rnncheck(*command, *QUICK)
            assert result.code == ExitCode.CANNOT_RUN, result.stderr
            assert f"{name} is {what}" in result.stderr.replace("\n", " ")


def test_a_text_with_a_column_of_such_a_name_is_a_table() -> None:
    for header in ("ORC,b", "PAR1,PAR2", "GGUF,x", "RIFF,x"):
        assert known(f"{header}\n1,2\n".encode()) is None


def test_no_text_is_taken_for_another_kind_by_a_suffix_of_bytes() -> None:
    assert refusal("table.bin", "data", TABLE.encode()) is None
    assert refusal("table.json", "data", TABLE.encode()) is not None


def test_every_kind_is_known_by_something() -> None:
    assert all(kind.magic or kind.member or kind.text or kind.suffixes for kind in KINDS)


CODE = re.compile(r"(?:numpy|torch|safetensors)\.[\w.]*\(.*\)")


def followed(said: str) -> None:
    """Runs the Python code in an error."""
    import numpy
    import safetensors.numpy

    code = CODE.search(said.replace("\n", " "))
    assert code, said
    exec(code[0].replace("['NAME']", "['weight_ih_l0']"), {"numpy": numpy, "torch": torch, "safetensors": safetensors})


def advice_on_npz_as_data(rnncheck: Any, here: Path) -> Any:
    (here / "w.npz").write_bytes(npz())
    followed(rnncheck("run", "w.npz").stderr)
    return rnncheck("run", "x.npy", *QUICK)


def advice_on_npz_as_weights(rnncheck: Any, here: Path) -> Any:
    (here / "w.npz").write_bytes(npz())
    followed(rnncheck("compare", "--weights", "w.npz").stderr)
    return rnncheck("compare", "--weights", "weights.safetensors", *QUICK)


def advice_on_a_tensor_as_data(rnncheck: Any, here: Path) -> Any:
    torch.save(torch.randn(5, 3), here / "x.pt")
    followed(rnncheck("run", "x.pt").stderr.partition("; if it holds weights")[0])
    return rnncheck("run", "x.npy", *QUICK)


def advice_on_torchscript(rnncheck: Any, here: Path) -> Any:
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        torch.jit.script(torch.nn.RNN(3, 4)).save(here / "ts.pt")
        followed(rnncheck("compare", "ts.pt").stderr)
    return rnncheck("compare", "--weights", "weights.pt", *QUICK)


def advice_on_weights_as_a_candidate(rnncheck: Any, here: Path) -> Any:
    save_file(torch.nn.RNN(3, 4).state_dict(), here / "w.safetensors")
    said = rnncheck("compare", "w.safetensors").stderr.replace("\n", " ")
    assert "rnncheck compare torch --weights w.safetensors" in said
    return rnncheck("compare", "torch", "--weights", "w.safetensors", *QUICK)


def advice_on_a_notebook_as_data(rnncheck: Any, here: Path) -> Any:
    (here / "n.ipynb").write_text(notebook())
    (here / "data.csv").write_text(TABLE)
    assert "rnncheck run DATA n.ipynb" in rnncheck("run", "n.ipynb").stderr
    return rnncheck("run", "data.csv", "n.ipynb", *QUICK)


def advice_on_gzip(rnncheck: Any, here: Path) -> Any:
    (here / "data.csv").write_bytes(gzip.compress(TABLE.encode()))
    assert "rename it to end in .csv.gz" in rnncheck("run", "data.csv").stderr
    (here / "data.csv").rename(here / "data.csv.gz")
    return rnncheck("run", "data.csv.gz", *QUICK)


def advice_on_text_called_npy(rnncheck: Any, here: Path) -> Any:
    (here / "data.npy").write_text(TABLE)
    assert "data.npy is text; rename it to end in .csv" in rnncheck("run", "data.npy").stderr
    (here / "data.npy").rename(here / "data.csv")
    return rnncheck("run", "data.csv", *QUICK)


@pytest.mark.parametrize(
    "follow",
    [
        advice_on_npz_as_data,
        advice_on_npz_as_weights,
        advice_on_a_tensor_as_data,
        advice_on_torchscript,
        advice_on_weights_as_a_candidate,
        advice_on_a_notebook_as_data,
        advice_on_gzip,
        advice_on_text_called_npy,
    ],
)
def test_the_advice_works(follow: Callable[[Any, Path], Any], rnncheck: Any, here: Path) -> None:
    result = follow(rnncheck, here)
    assert result.code == 0, result.stderr


def test_the_advice_on_hdf5_and_sqlite_works(rnncheck: Any, here: Path) -> None:
    with sqlite3.connect(here / "d.db") as database:
        database.execute("create table t (a)")
    assert "is an SQLite database" in rnncheck("run", "d.db").stderr
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    with h5py.File(here / "d.h5", "w") as file:
        file["x"] = np.random.default_rng(0).standard_normal((5, 2))
    assert "numpy.save('x.npy', h5py.File('d.h5')['NAME'][:])" in rnncheck("run", "d.h5").stderr.replace("\n", " ")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path
